import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import {
  DescribeDocumentCommand,
  DescribeInstanceInformationCommand,
  GetCommandInvocationCommand,
  GetDocumentCommand,
  GetParameterCommand,
  ListCommandInvocationsCommand,
  ListCommandsCommand,
  PutParameterCommand,
  SSMClient,
  SendCommandCommand,
} from '@aws-sdk/client-ssm';
import type {
  DescribeInstanceInformationCommandInput,
  DescribeInstanceInformationCommandOutput,
  SendCommandCommandInput,
} from '@aws-sdk/client-ssm';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startCloud, type RunningCloud } from '../src/cloud.ts';
import { events } from '../src/events/events.ts';
import { kms } from '../src/kms/kms.ts';
import { s3 } from '../src/s3/s3.ts';
import { sqs } from '../src/sqs/sqs.ts';
import { documentHash } from '../src/ssm/document.ts';
import { ssm, type SsmService } from '../src/ssm/ssm.ts';
import type { Node } from '../src/service/service.ts';

const nodeId = 'mi-0123456789abcdef0';
const hash = 'a'.repeat(64);

let directory: string;
let cloud: RunningCloud;
let roleArn: string;
let roleId: string;

/** A small machine: its own /var/lib and /run, in a mount namespace that ends with each program. */
function smallNode(root: string): Node {
  const hostPath = (path: string) => join(root, path.replace(/^\/var\/lib\//, 'lib/').replace(/^\/run\//, 'run/'));
  return {
    async write(path, data, mode) {
      await mkdir(dirname(hostPath(path)), { recursive: true, mode: 0o700 });
      await writeFile(hostPath(path), data, { mode });
      await chmod(hostPath(path), mode);
    },
    run(command, { environment, timeoutMs } = {}) {
      const mounts = `mount --bind ${root}/lib /var/lib && mount --bind ${root}/run /run && exec "$@"`;
      const all = ['--mount', '--propagation', 'private', 'sh', '-c', mounts, 'sh', ...command];
      return new Promise(resolve => {
        execFile(
          'unshare',
          all,
          { env: { ...process.env, ...environment }, timeout: timeoutMs, killSignal: 'SIGKILL' },
          (error: any, stdout, stderr) =>
            resolve({
              exitCode: error === null ? 0 : (error.code ?? 137),
              stdout,
              stderr,
              timedOut: error?.killed ?? false,
            }),
        );
      });
    },
  };
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealpost-ssm-'));
  for (const part of ['lib', 'run']) await mkdir(join(directory, 'host', part), { recursive: true });
  await startAgain();
});
afterEach(async () => {
  await cloud.stop();
  await rm(directory, { recursive: true });
});

async function startAgain(): Promise<void> {
  cloud = await startCloud({ directory, services: [kms, s3, sqs, events, ssm] });
  const bucket = 'arn:aws:s3:::deliveries';
  const statement = (Action: string, Resource: string, Condition?: object) => ({
    Effect: 'Allow',
    Action,
    Resource,
    Condition,
  });
  const made = cloud.iam.putRole('mail-server', trustSsm, [
    {
      Version: '2012-10-17',
      Statement: [
        statement('s3:GetObject', `${bucket}/deliveries/\${aws:userid}/*`),
        statement('s3:ListBucket', bucket, { StringLike: { 's3:prefix': 'deliveries/${aws:userid}/*' } }),
      ],
    },
  ]);
  ({ arn: roleArn, roleId } = made);
}
const trustSsm = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ssm.amazonaws.com' }, Action: 'sts:AssumeRole' }],
};

function node(): Node {
  return smallNode(join(directory, 'host'));
}
function register(): void {
  cloud.service<SsmService>('ssm').registerNode({
    id: nodeId,
    roleArn,
    computerName: 'mx1.provider.example',
    platformType: 'Linux',
    tags: { 'sealpost:mail-server': 'stack' },
    node: node(),
  });
}
function client(credentials = cloud.iam.rootCredentials()): SSMClient {
  return new SSMClient({ region: 'us-east-1', endpoint: cloud.endpoint, credentials, maxAttempts: 1 });
}
async function make(service: string, type: string, properties: object) {
  return cloud.service(service).resources![type]!({
    logicalId: 'It',
    stackName: 'test',
    properties,
    assetPath: key => key,
  });
}
/** A document of steps that run shell; each step has the lines of one script. */
async function document(steps: object[], parameters: object = {}, name = 'deliver'): Promise<void> {
  const Content = { schemaVersion: '2.2', parameters, mainSteps: steps };
  await make('ssm', 'AWS::SSM::Document', { Name: name, DocumentType: 'Command', Content });
}
const shell = (name: string, runCommand: string[], more: object = {}) => ({
  action: 'aws:runShellScript',
  name,
  precondition: { StringEquals: ['platformType', 'Linux'] },
  inputs: { runCommand, ...more },
});

async function send(input: Partial<SendCommandCommandInput> = {}, by = client()): Promise<string> {
  const command = new SendCommandCommand({ DocumentName: 'deliver', InstanceIds: [nodeId], ...input });
  return (await by.send(command)).Command!.CommandId!;
}
async function invocation(CommandId: string, PluginName?: string) {
  return client().send(new GetCommandInvocationCommand({ CommandId, InstanceId: nodeId, PluginName }));
}
/** Waits for a command's end. @returns its step */
async function result(CommandId: string, PluginName?: string) {
  await vi.waitFor(async () => {
    const listed = await client().send(new ListCommandsCommand({ CommandId }));
    expect(['Pending', 'InProgress']).not.toContain(listed.Commands![0]!.Status);
  }, 8_000);
  return invocation(CommandId, PluginName);
}

test('a command runs its document on the node, and its answer can be read', async () => {
  await document(
    [shell('install', ['echo "{{ delivery }} for $AWS_SSM_INSTANCE_ID"', 'echo "$SSM_COMMAND_ID"', 'echo warned >&2'])],
    { delivery: { type: 'String', allowedPattern: '^[0-9a-f]{64}$' } },
  );
  register();
  await cloud.resume();
  const CommandId = await send({ Parameters: { delivery: [hash] }, Comment: 'seq 7' });
  expect(await result(CommandId)).toMatchObject({
    Status: 'Success',
    StatusDetails: 'Success',
    ResponseCode: 0,
    PluginName: 'install',
    StandardOutputContent: `${hash} for ${nodeId}\n${CommandId}\n`,
    StandardErrorContent: 'warned\n',
    Comment: 'seq 7',
  });
});

test('a step for Windows is skipped on Linux with a note, and a step without a precondition is refused', async () => {
  const powershell = { ...shell('other', ['exit 0']), action: 'aws:runPowerShellScript' };
  const forWindows = { ...powershell, precondition: { StringEquals: ['platformType', 'Windows'] } };
  await document([shell('install', ['echo here']), forWindows]);
  register();
  await cloud.resume();
  const CommandId = await send();
  expect(await result(CommandId, 'install')).toMatchObject({ Status: 'Success', StandardOutputContent: 'here\n' });
  expect(await invocation(CommandId, 'other')).toMatchObject({
    Status: 'Success',
    StandardOutputContent: expect.stringMatching(/^Step execution skipped due to unsatisfied preconditions: .*Windows/),
  });
  for (const wrong of [powershell, { ...powershell, precondition: undefined }])
    await expect(document([wrong], {}, 'wrong')).rejects.toThrow('aws:runPowerShellScript without a precondition');
});

test('an exit code is reported; later steps still run unless the failed step says exit', async () => {
  await document([shell('first', ['echo one', 'exit 30']), shell('second', ['echo two'])], {}, 'goes-on');
  await document([shell('first', ['exit 30'], { onFailure: 'exit' }), shell('second', ['echo two'])], {}, 'stops');
  register();
  await cloud.resume();
  const goesOn = await send({ DocumentName: 'goes-on' });
  expect(await result(goesOn, 'first')).toMatchObject({
    Status: 'Failed',
    ResponseCode: 30,
    StandardOutputContent: 'one\n',
    StandardErrorContent: 'failed to run commands: exit status 30',
  });
  expect((await invocation(goesOn, 'second')).StandardOutputContent).toBe('two\n');
  const stops = await send({ DocumentName: 'stops' });
  await result(stops, 'first');
  expect((await invocation(stops, 'second')).StandardOutputContent).toContain('skipped due to prior step');
  const listed = await client().send(new ListCommandInvocationsCommand({ CommandId: stops, Details: true }));
  expect(listed.CommandInvocations![0]).toMatchObject({ Status: 'Failed', CommandPlugins: [{ ResponseCode: 30 }, {}] });
});

test('of several steps the caller must name one', async () => {
  await document([shell('first', ['true']), shell('second', ['true'])]);
  register();
  await cloud.resume();
  const CommandId = await send();
  await expect(result(CommandId)).rejects.toMatchObject({ name: 'InvalidPluginName' });
  await expect(invocation(hash.slice(0, 36), 'first')).rejects.toMatchObject({ name: 'InvocationDoesNotExist' });
});

test('output beyond 24,000 characters is cut and marked', async () => {
  await document([shell('long', ['head -c 30000 /dev/zero | tr "\\0" x'])]);
  register();
  await cloud.resume();
  const { StandardOutputContent } = await result(await send());
  expect(StandardOutputContent).toHaveLength(24_000);
  expect(StandardOutputContent).toMatch(/x--output truncated--$/);
});

test('a script that runs too long is killed', async () => {
  await document([shell('slow', ['sleep 20'], { timeoutSeconds: '5' })]);
  register();
  await cloud.resume();
  expect(await result(await send())).toMatchObject({
    Status: 'TimedOut',
    StatusDetails: 'ExecutionTimedOut',
    ResponseCode: 137,
  });
}, 15_000);

test('parameters must match the document', async () => {
  await document([shell('install', ['echo {{ delivery }}'])], {
    delivery: { type: 'String', allowedPattern: '^[0-9a-f]{64}$' },
  });
  register();
  const wrong = (Parameters: Record<string, string[]>) =>
    expect(send({ Parameters })).rejects.toMatchObject({ name: 'InvalidParameters' });
  await wrong({ delivery: ['$(reboot)'] });
  await wrong({});
  await wrong({ delivery: [hash], other: ['x'] });
  await wrong({ delivery: [hash, hash] });
});

test('a document is sent only with its own hash, and only to a known node', async () => {
  await document([shell('first', ['true'])]);
  register();
  const stored = cloud.database.prepare('SELECT content FROM ssm_documents').get()!.content as string;
  await send({ DocumentHash: documentHash(stored), DocumentHashType: 'Sha256' });
  const { Document } = await client().send(new DescribeDocumentCommand({ Name: 'deliver' }));
  expect(Document).toMatchObject({ DocumentVersion: '1', Hash: documentHash(stored), HashType: 'Sha256' });
  const read = await client().send(new GetDocumentCommand({ Name: 'deliver', DocumentVersion: '1' }));
  expect(read.Content).toBe(stored);
  await expect(client().send(new GetDocumentCommand({ Name: 'deliver', DocumentVersion: '2' }))).rejects.toMatchObject({
    name: 'InvalidDocumentVersion',
  });
  await expect(send({ DocumentHash: hash, DocumentHashType: 'Sha256' })).rejects.toMatchObject({
    name: 'InvalidDocument',
  });
  await expect(send({ InstanceIds: ['mi-00000000000000000'] })).rejects.toMatchObject({ name: 'InvalidInstanceId' });
  await expect(send({ DocumentName: 'other' })).rejects.toMatchObject({ name: 'InvalidDocument' });
});

test('a sender whose rights ask for a tag reaches only nodes with the tag', async () => {
  await document([shell('first', ['true'])]);
  register();
  const arn = 'arn:aws:ssm:us-east-1:000000000000';
  const Condition = { StringEquals: { 'ssm:resourceTag/sealpost:mail-server': 'stack' } };
  const made = cloud.iam.putRole('sender', trustSsm, [
    {
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: 'ssm:SendCommand', Resource: `${arn}:document/deliver` },
        { Effect: 'Allow', Action: 'ssm:SendCommand', Resource: `${arn}:managed-instance/*`, Condition },
      ],
    },
  ]);
  const sender = client(cloud.iam.credentials(made.arn, 's'));
  await send({}, sender);
  const registerOther = (tags: Record<string, string>) =>
    cloud.service<SsmService>('ssm').registerNode({
      ...{ id: 'mi-11111111111111111', roleArn, computerName: 'other', platformType: 'Linux', tags, node: node() },
    });
  registerOther({});
  await expect(send({ InstanceIds: ['mi-11111111111111111'] }, sender)).rejects.toThrow('ssm:SendCommand');
  registerOther({ 'sealpost:mail-server': 'stack' });
  await send({ InstanceIds: ['mi-11111111111111111'] }, sender);
});

/**
 * A delivery in the bucket, at the node's own prefix or another node's, and the step that downloads
 * it.
 */
async function delivery(prefix: string, destinationPath: string): Promise<void> {
  await make('s3', 'AWS::S3::Bucket', { BucketName: 'deliveries' });
  const bucket = new S3Client({
    region: 'us-east-1',
    endpoint: cloud.endpoint,
    forcePathStyle: true,
    credentials: cloud.iam.rootCredentials(),
  });
  await bucket.send(
    new PutObjectCommand({ Bucket: 'deliveries', Key: `deliveries/${prefix}/${hash}`, Body: 'the delivery' }),
  );
  await document([
    {
      action: 'aws:downloadContent',
      name: 'fetch',
      inputs: {
        sourceType: 'S3',
        sourceInfo: { path: `https://s3.us-east-1.amazonaws.com/deliveries/deliveries/${prefix}/${hash}` },
        destinationPath,
        onFailure: 'exit',
      },
    },
    shell('read', [`cat ${destinationPath.endsWith('/') ? `${destinationPath}${hash}` : destinationPath}`]),
  ]);
}

test.each(['/run/sealpost/one/delivery', '/run/sealpost/one/'])(
  'the node fetches its own delivery with its own credentials to %s',
  async destinationPath => {
    await delivery(`${roleId}:${nodeId}`, destinationPath);
    register();
    await cloud.resume();
    const CommandId = await send();
    expect(await result(CommandId, 'read')).toMatchObject({ StandardOutputContent: 'the delivery' });
    expect(await invocation(CommandId, 'fetch')).toMatchObject({
      StandardOutputContent: `Content downloaded to ${destinationPath}`,
    });
    const file = join(directory, 'host', destinationPath, destinationPath.endsWith('/') ? hash : '');
    expect((await stat(file)).mode & 0o777).toBe(0o700);
    expect((await stat(dirname(file))).mode & 0o777).toBe(0o700);
    const url = `https://s3.us-east-1.amazonaws.com/deliveries/deliveries/${roleId}:${nodeId}/${hash}`;
    const etag = `${createHash('sha1').update(url).digest('hex')}.etag`;
    expect(await readFile(join(dirname(file), etag), 'utf8')).toMatch(/^".+"$/);
  },
);

test("another server's delivery is refused to the node", async () => {
  await delivery(`${roleId}:mi-99999999999999999`, '/run/sealpost/one/delivery');
  register();
  await cloud.resume();
  const CommandId = await send();
  expect(await result(CommandId, 'fetch')).toMatchObject({
    Status: 'Failed',
    ResponseCode: 1,
    StandardErrorContent: expect.stringContaining('status:403'),
  });
});

test('status changes of commands and invocations arrive on the default bus', async () => {
  await make('sqs', 'AWS::SQS::Queue', { QueueName: 'heard' });
  const queueArn = 'arn:aws:sqs:us-east-1:000000000000:heard';
  cloud.iam.setResourcePolicy(queueArn, {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: 'events.amazonaws.com' },
        Action: 'sqs:SendMessage',
        Resource: queueArn,
      },
    ],
  });
  await make('events', 'AWS::Events::Rule', {
    Name: 'heard',
    EventPattern: { source: ['aws.ssm'], detail: { 'document-name': ['deliver'], status: ['Success'] } },
    Targets: [{ Id: 'q', Arn: queueArn }],
  });
  await document([shell('first', ['echo {{ delivery }}'])], { delivery: { type: 'String' } });
  register();
  await cloud.resume();
  const CommandId = await send({ Parameters: { delivery: [hash] } });
  const heard: any[] = [];
  await vi.waitFor(async () => {
    const input = { QueueUrl: `${cloud.endpoint}/000000000000/heard`, MaxNumberOfMessages: 10 };
    const received = await cloud.request(cloud.iam.root(), 'sqs', 'ReceiveMessage', input);
    heard.push(...(received.Messages ?? []).map((message: any) => JSON.parse(message.Body)));
    expect(heard).toHaveLength(2);
  }, 4_000);
  const byType = Object.fromEntries(heard.map(event => [event['detail-type'], event]));
  expect(byType['EC2 Command Invocation Status-change Notification']).toMatchObject({
    resources: [`arn:aws:ssm:us-east-1:000000000000:managed-instance/${nodeId}`],
    detail: { 'command-id': CommandId, 'document-name': 'deliver', 'instance-id': nodeId, status: 'Success' },
  });
  expect(byType['EC2 Command Status-change Notification'].detail).toMatchObject({ parameters: { delivery: [hash] } });
});

test('a command that was sent before a kill is run once its node is connected again', async () => {
  await document([shell('first', ['echo ran'])]);
  register();
  const CommandId = await send();
  expect((await invocation(CommandId)).Status).toBe('Pending');
  await cloud.stop();
  await startAgain();
  await cloud.resume();
  expect((await invocation(CommandId)).Status).toBe('Pending');
  cloud.service<SsmService>('ssm').attachNode(nodeId, node());
  expect(await result(CommandId)).toMatchObject({ Status: 'Success', StandardOutputContent: 'ran\n' });
});

test('a command that a kill interrupted continues at the step that did not end', async () => {
  await document([
    shell('first', ['echo once >> /run/ran']),
    shell('second', ['cat /run/ran', '[ -e /run/again ] || sleep 10']),
  ]);
  register();
  await cloud.resume();
  const CommandId = await send();
  await vi.waitFor(async () => expect((await invocation(CommandId, 'first')).Status).toBe('Success'), 3_000);
  await cloud.stop();
  await writeFile(join(directory, 'host/run/again'), '');
  await startAgain();
  await cloud.resume();
  cloud.service<SsmService>('ssm').attachNode(nodeId, node());
  expect(await result(CommandId, 'second')).toMatchObject({ Status: 'Success', StandardOutputContent: 'once\n' });
});

test('a node that is deregistered ends the commands that waited for it', async () => {
  await document([shell('first', ['true'])]);
  register();
  const CommandId = await send();
  cloud.service<SsmService>('ssm').unregisterNode(nodeId);
  const { CommandInvocations } = await client().send(new ListCommandInvocationsCommand({ CommandId }));
  expect(CommandInvocations).toMatchObject([{ Status: 'Failed', StatusDetails: 'Undeliverable' }]);
});

test('commands are found by document and time, newest first', async () => {
  await document([shell('first', ['true'])]);
  await document([shell('first', ['true'])], {}, 'other');
  register();
  await cloud.resume();
  const [first, second] = [await send(), await send()];
  await send({ DocumentName: 'other' });
  const Filters = [
    { key: 'DocumentName', value: 'deliver' },
    { key: 'InvokedAfter', value: new Date(Date.now() - 60_000).toISOString() },
  ] as const;
  const page = await client().send(
    new ListCommandsCommand({ InstanceId: nodeId, Filters: [...Filters], MaxResults: 1 }),
  );
  expect(page.Commands!.map(command => command.CommandId)).toEqual([second]);
  const rest = await client().send(
    new ListCommandsCommand({ InstanceId: nodeId, Filters: [...Filters], MaxResults: 1, NextToken: page.NextToken }),
  );
  expect(rest.Commands!.map(command => command.CommandId)).toEqual([first]);
  expect(rest.NextToken).toBeUndefined();
});

test('a node is described with its role, and as lost while no host is attached', async () => {
  register();
  const describe = async () =>
    (await client().send(new DescribeInstanceInformationCommand({}))).InstanceInformationList![0];
  expect(await describe()).toMatchObject({
    InstanceId: nodeId,
    PingStatus: 'Online',
    PlatformType: 'Linux',
    IamRole: 'mail-server',
    ComputerName: 'mx1.provider.example',
    ResourceType: 'ManagedInstance',
  });
  await cloud.stop();
  await startAgain();
  expect(await describe()).toMatchObject({ InstanceId: nodeId, PingStatus: 'ConnectionLost' });
});

test('a list by node does not have a command that the agent has not taken', async () => {
  await document([shell('first', ['true'])]);
  register();
  await cloud.stop();
  await startAgain();
  await cloud.resume();
  const CommandId = await send();
  const list = async (input: object) => {
    const { Commands } = await client().send(new ListCommandsCommand(input));
    const { CommandInvocations } = await client().send(new ListCommandInvocationsCommand(input));
    return [Commands!.map(one => one.Status), CommandInvocations!.map(one => one.Status)];
  };
  expect(await list({ InstanceId: nodeId })).toEqual([[], []]);
  expect(await list({ CommandId })).toEqual([['Pending'], ['Pending']]);
  cloud.service<SsmService>('ssm').attachNode(nodeId, node());
  await result(CommandId);
  expect(await list({ InstanceId: nodeId })).toEqual([['Success'], ['Success']]);
});

/** A node on which nothing runs. */
function registerOnly(id: string, tags: Record<string, string>): void {
  const registration = { id, roleArn, computerName: `${id}.provider.example`, platformType: 'Linux', tags } as const;
  cloud.service<SsmService>('ssm').registerNode({ ...registration, node: node() });
}
const describeNodes = (input: DescribeInstanceInformationCommandInput) =>
  client().send(new DescribeInstanceInformationCommand(input));

test.each([
  ['tag:sealpost:mail-server', 'stack'],
  ['tag-key', 'sealpost:mail-server'],
])('nodes are found by %s or by another filter, never by both', async (Key, value) => {
  register();
  registerOnly('mi-00000000000000009', {});
  const byTag = { Key, Values: [value] };
  const byId = { Key: 'InstanceIds', Values: [nodeId] };
  for (const filter of [byTag, byId])
    expect(await describeNodes({ Filters: [filter] })).toMatchObject({
      InstanceInformationList: [{ InstanceId: nodeId }],
    });
  // The text of AWS itself (https://github.com/danmx/sigil/issues/61).
  for (const Filters of [
    [byTag, byId],
    [byId, byTag],
  ])
    await expect(describeNodes({ Filters })).rejects.toMatchObject({
      ...{ name: 'ValidationException', message: 'Cannot mix tag or inventory filter with any other filter.' },
    });
});

test('nodes are listed in pages of ten, or of 5 to 50 as the caller asks', async () => {
  const ids = Array.from({ length: 12 }, (_, i) => `mi-000000000000000${10 + i}`);
  for (const id of ids) registerOnly(id, {});
  const idsIn = ({ InstanceInformationList }: DescribeInstanceInformationCommandOutput) =>
    InstanceInformationList!.map(each => each.InstanceId);
  const first = await describeNodes({});
  expect(idsIn(first)).toEqual(ids.slice(0, 10));
  const rest = await describeNodes({ NextToken: first.NextToken });
  expect(idsIn(rest)).toEqual(ids.slice(10));
  expect(rest.NextToken).toBeUndefined();
  expect(idsIn(await describeNodes({ MaxResults: 50 }))).toEqual(ids);
  for (const MaxResults of [4, 51])
    await expect(describeNodes({ MaxResults })).rejects.toMatchObject({ name: 'ValidationException' });
});

test.each<[string, object]>([
  ['onFailure beside inputs', { ...shell('first', ['true']), onFailure: 'exit' }],
  ['a plugin that is not implemented', { action: 'aws:runPowerShellScript', name: 'one', inputs: {} }],
  ['a parameter that is not declared', shell('first', ['echo {{ nobody }}'])],
])('a document with %s is refused at its creation', async (_name, step) => {
  await expect(document([step])).rejects.toThrow();
});

test('a secret parameter is created once, stored encrypted, and read only by roles that may decrypt', async () => {
  const { attributes } = await make('kms', 'AWS::KMS::Key', {});
  const allow = (Action: string[], Resource: string) => ({ Effect: 'Allow', Action, Resource });
  const own = allow(
    ['ssm:PutParameter', 'ssm:GetParameter'],
    'arn:aws:ssm:us-east-1:000000000000:parameter/sealpost/account-key',
  );
  const role = (name: string, statements: object[]) => {
    const { arn } = cloud.iam.putRole(name, trustSsm, [{ Version: '2012-10-17', Statement: [own, ...statements] }]);
    return client(cloud.iam.credentials(arn, 's'));
  };
  const maker = role('maker', [allow(['kms:Encrypt', 'kms:Decrypt'], attributes!.Arn!)]);
  const stranger = role('stranger', []);
  const Name = '/sealpost/account-key';
  const put = new PutParameterCommand({
    Name,
    Value: 'a very private key',
    Type: 'SecureString',
    KeyId: attributes!.Arn!,
    Overwrite: false,
  });
  expect((await maker.send(put)).Version).toBe(1);
  await expect(maker.send(put)).rejects.toMatchObject({ name: 'ParameterAlreadyExists' });
  const get = new GetParameterCommand({ Name, WithDecryption: true });
  expect((await maker.send(get)).Parameter).toMatchObject({ Type: 'SecureString', Value: 'a very private key' });
  await expect(stranger.send(get)).rejects.toThrow('kms:Decrypt');
  expect((await stranger.send(new GetParameterCommand({ Name }))).Parameter!.Value).not.toContain('private');
  for (const file of ['cloud.sqlite', 'cloud.sqlite-wal'])
    expect((await readFile(join(directory, file))).includes('a very private key')).toBe(false);
  const other = new GetParameterCommand({ Name: '/sealpost/other' });
  await expect(client().send(other)).rejects.toMatchObject({ name: 'ParameterNotFound' });
});
