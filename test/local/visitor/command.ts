import { existsSync, readFileSync } from 'node:fs';
import { Resolver } from 'node:dns/promises';
import { beforeAll, expect, test } from 'vitest';
import { ensureAwsCli } from '../../../local/tools/aws-cli.ts';
import { runProgram } from '../../../local/machine/program.ts';
import type { Tool } from '../../../local/tools/unpacked.ts';
import { directory, environment, local, untilAnswered, untilServed } from './visitor.ts';

let env: Record<string, string>;
let cli: Tool;

async function aws(...args: string[]): Promise<any> {
  const { stdout, stderr } = await tryAws(...args);
  if (stderr) throw new Error(stderr);
  return stdout.trim() ? JSON.parse(stdout) : undefined;
}

function tryAws(...args: string[]) {
  const command = [...cli.command, '--endpoint-url', env.AWS_ENDPOINT_URL!, ...args];
  return runProgram(command, { environment: { ...env, ...cli.environment } });
}

export function commandSuite(): void {
  beforeAll(async () => {
    cli = await ensureAwsCli(console.log);
    env = await environment();
  }, 300_000);

  test('a second up says that the provider is up, and starts nothing', async () => {
    const before = readFileSync(`${directory}/provider.pid`, 'utf8');
    const { exitCode, stdout } = await local('up');
    expect({ exitCode, stdout }).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^The local provider is up, since/),
    });
    expect(readFileSync(`${directory}/provider.pid`, 'utf8')).toBe(before);
  });

  test('the lines of env are all that a shell needs, and replace those of another account', () => {
    expect(env).toMatchObject({
      AWS_ENDPOINT_URL: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      AWS_REGION: 'us-east-1',
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_PAGER: '',
      SEALPOST_CA_MANAGEMENT: expect.stringMatching(/^https:\/\/127\.0\.0\.1:\d+$/),
      SEALPOST_DNS: expect.stringMatching(/^127\./),
      SEALPOST_BUS: 'sealpost',
      SEALPOST_NAME_MX1: 'mx1.provider.test',
      SEALPOST_NODE_MX1: expect.stringMatching(/^mi-[0-9a-f]{17}$/),
    });
    expect(existsSync(env.SEALPOST_CA_FILE!)).toBe(true);
    expect(env).not.toHaveProperty('AWS_PROFILE');
    expect(env).not.toHaveProperty('AWS_SESSION_TOKEN');
  });

  test('status shows each part and its address', async () => {
    const { exitCode, stdout } = await local('status');
    expect(exitCode).toBe(0);
    for (const part of [env.AWS_ENDPOINT_URL!, env.SEALPOST_DNS!, env.SEALPOST_CA_MANAGEMENT!, env.SEALPOST_HOST_MX1!])
      expect(stdout).toContain(part);
    expect(stdout).toMatch(/host mx1 .* registered, adopted; serves 1 name of ours/);
  });

  test.each([
    [[], 2],
    [['start'], 2],
    [['up', 'now'], 2],
    [['status', '--as', 'mx1'], 2],
    [['host', 'add', 'Mail Server'], 2],
    [['host', 'exec', 'mx1'], 2],
    [['host', 'add', 'mx1'], 1],
    [['host', 'rm', 'mx9'], 1],
    [['env', '--as', 'nobody'], 1],
    [['dns', 'add', 'elsewhere.test', 'A', '192.0.2.1'], 1],
    [['help'], 0],
  ])('%j ends with exit code %i and a sentence', async (args, code) => {
    const { exitCode, stdout, stderr } = await local(...args);
    expect({ exitCode, said: stdout + stderr }).toEqual({ exitCode: code, said: expect.stringMatching(/\w+ \w+ \w+/) });
  });

  test("a command inside a test host has the host's own world, and its exit code is returned", async () => {
    const { exitCode, stdout } = await local('host', 'exec', 'mx1', '--', 'sh', '-c', 'hostname; exit 7');
    expect({ exitCode, stdout }).toEqual({ exitCode: 7, stdout: 'mx1.provider.test\n' });
  });

  test("dns add puts a customer's CNAME into DNS, and the name servers answer with it", async () => {
    const name = '_acme-challenge.shop.customer.test';
    expect((await local('dns', 'add', name, 'CNAME', 'target.acme.provider.test.')).exitCode).toBe(0);
    const resolver = new Resolver();
    resolver.setServers([env.SEALPOST_DNS!]);
    expect(await resolver.resolveCname(name)).toEqual(['target.acme.provider.test']);
  });

  test('a test host is added to Systems Manager and DNS, and removed again', async () => {
    expect((await local('host', 'add', 'mx2')).stdout).toContain('Mail Server Registered');
    const { SEALPOST_NODE_MX2: node, SEALPOST_HOST_MX2: address } = await environment();
    const known = () => aws('ssm', 'describe-instance-information', '--query', 'InstanceInformationList[].InstanceId');
    expect(await known()).toContain(node);
    const resolver = new Resolver();
    resolver.setServers([env.SEALPOST_DNS!]);
    expect(await resolver.resolve4('mx2.provider.test')).toEqual([address]);
    expect((await local('host', 'rm', 'mx2')).exitCode).toBe(0);
    expect(await known()).not.toContain(node);
    expect(existsSync(`${directory}/hosts/mx2`)).toBe(false);
  });

  test("Debian's aws creates a zone and puts one event, and the domain is served", async () => {
    const domain = 'stranger.example';
    await aws('route53', 'create-hosted-zone', '--name', domain, '--caller-reference', domain);
    await untilAnswered(domain);
    const Detail = JSON.stringify({ domain, mailServers: [env.SEALPOST_NAME_MX1] });
    const entry = { EventBusName: env.SEALPOST_BUS, Source: 'visitor', DetailType: 'Domain Created', Detail };
    expect(await aws('events', 'put-events', '--entries', JSON.stringify([entry]))).toMatchObject({
      FailedEntryCount: 0,
    });
    await untilServed(domain);
  });

  test("Debian's aws reads the execution and the command of that event", async () => {
    const { stateMachines } = await aws('stepfunctions', 'list-state-machines');
    const machine = stateMachines.find(({ name }: any) => name === 'sealpost-secure-domain').stateMachineArn;
    const { executions } = await aws('stepfunctions', 'list-executions', '--state-machine-arn', machine);
    const [{ executionArn }] = executions;
    const [execution, history] = [
      await aws('stepfunctions', 'describe-execution', '--execution-arn', executionArn),
      await aws('stepfunctions', 'get-execution-history', '--execution-arn', executionArn),
    ];
    expect(execution).toMatchObject({ status: 'SUCCEEDED' });
    expect(history.events.at(-1)).toMatchObject({ type: 'ExecutionSucceeded' });
    const { Commands } = await aws('ssm', 'list-commands');
    const invocation = ['--command-id', Commands[0].CommandId, '--instance-id', env.SEALPOST_NODE_MX1!];
    expect(await aws('ssm', 'get-command-invocation', ...invocation, '--plugin-name', 'install')).toMatchObject({
      Status: 'Success',
      StandardOutputContent: expect.stringMatching(/^sealpost [0-9a-f]{64} \d+ installed\n/),
    });
    const invocations = await aws('ssm', 'list-command-invocations', '--details', '--max-items', '1');
    expect(invocations.CommandInvocations[0].CommandPlugins).toHaveLength(6);
  });

  test("Debian's aws reads what is stored, and finds nothing that is not", async () => {
    const { Table } = await aws('dynamodb', 'describe-table', '--table-name', env.SEALPOST_TABLE!);
    expect(Table.TableStatus).toBe('ACTIVE');
    const values = JSON.stringify({ ':pk': { S: 'D#stranger.example' } });
    const query = ['--key-condition-expression', 'pk = :pk', '--expression-attribute-values', values];
    const { Items } = await aws('dynamodb', 'query', '--table-name', env.SEALPOST_TABLE!, ...query);
    expect(Items.map(({ sk }: any) => sk.S)).toContain('/D');
    expect((await aws('dynamodb', 'scan', '--table-name', env.SEALPOST_TABLE!)).Count).toBeGreaterThan(2);
    const { Buckets } = await aws('s3api', 'list-buckets');
    const bucket = Buckets.find(({ Name }: any) => /certificates/.test(Name)).Name;
    const { Contents } = await aws(
      's3api',
      'list-objects-v2',
      '--bucket',
      bucket,
      '--prefix',
      'certificates/stranger.example/',
    );
    expect(Contents.map(({ Key }: any) => Key.split('/').at(-1)).sort()).toEqual(['chain', 'key']);
    const head = await aws('s3api', 'head-object', '--bucket', bucket, '--key', Contents[0].Key);
    expect(head).toMatchObject({ ServerSideEncryption: 'aws:kms' });
    expect(await aws('acm', 'list-certificates')).toEqual({ CertificateSummaryList: [] });
    const { QueueUrl } = await aws('sqs', 'get-queue-url', '--queue-name', 'sealpost-dead-letters');
    expect(await aws('sqs', 'receive-message', '--queue-url', QueueUrl)).toBeUndefined();
    const group = ['--log-group-name', '/aws/lambda/sealpost-claim-domain', '--filter-pattern', 'REPORT'];
    expect((await aws('logs', 'filter-log-events', ...group)).events[0].message).toMatch(/^REPORT RequestId/);
  });

  test("Debian's aws lists the zones and changes a record", async () => {
    const { HostedZones } = await aws('route53', 'list-hosted-zones');
    const { Id } = HostedZones.find(({ Name }: any) => Name === 'stranger.example.');
    const ResourceRecordSet = {
      Name: 'mail.stranger.example',
      Type: 'A',
      TTL: 60,
      ResourceRecords: [{ Value: '192.0.2.9' }],
    };
    const batch = JSON.stringify({ Changes: [{ Action: 'CREATE', ResourceRecordSet }] });
    const changed = await aws(
      'route53',
      'change-resource-record-sets',
      '--hosted-zone-id',
      Id,
      '--change-batch',
      batch,
    );
    expect(changed.ChangeInfo.Status).toBe('PENDING');
    const { ResourceRecordSets } = await aws('route53', 'list-resource-record-sets', '--hosted-zone-id', Id);
    expect(ResourceRecordSets.map(({ Name, Type }: any) => `${Name} ${Type}`)).toEqual([
      'stranger.example. NS',
      'stranger.example. SOA',
      'mail.stranger.example. A',
    ]);
  });

  test('a visitor creates a state machine; a field that is not implemented is refused by its name', async () => {
    const role = ['--role-arn', 'arn:aws:iam::000000000000:role/provider-administrator'];
    const definition = {
      QueryLanguage: 'JSONata',
      StartAt: 'Pause',
      States: { Pause: { Type: 'Wait', Seconds: 600, End: true } },
    };
    const create = (name: string, text: object) => [
      'stepfunctions',
      'create-state-machine',
      '--name',
      name,
      '--definition',
      JSON.stringify(text),
      ...role,
    ];
    const { stateMachineArn } = await aws(...create('own', definition));
    const { executionArn } = await aws('stepfunctions', 'start-execution', '--state-machine-arn', stateMachineArn);
    await aws('stepfunctions', 'stop-execution', '--execution-arn', executionArn);
    expect(await aws('stepfunctions', 'describe-execution', '--execution-arn', executionArn)).toMatchObject({
      status: 'ABORTED',
    });
    await aws('stepfunctions', 'delete-state-machine', '--state-machine-arn', stateMachineArn);
    const unknown = { ...definition, States: { Pause: { Type: 'Wait', SecondsPath: '$.s', End: true } } };
    expect((await tryAws(...create('bad', unknown))).stderr).toMatch(/InvalidDefinition.*SecondsPath/);
  });
}
