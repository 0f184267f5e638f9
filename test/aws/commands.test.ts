import { InvocationDoesNotExist, ListCommandsCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { commands, sendingCommands } from '../../aws/commands.ts';
import type { SsmService } from '../../packages/aws-stand-in/src/stand-in.ts';
import { startAccount, type Account } from '../../packages/aws-stand-in/src/testing.ts';
import { everything, passingFaults } from '../faults/seed.ts';
import { memoryCommands } from '../twins/commands.ts';
import type { Commands, SendingCommands } from '../../core/ports/commands.ts';

interface CommandsUnderTest {
  commands: SendingCommands;
  /** Lets the node run its command; the installer prints `output`. */
  answer(commandId: string, output: string, exitCode?: number): Promise<unknown>;
}

const tag = { key: 'sealpost:mail-server', value: 'sealpost' };
const [server, instance, stranger, absent, asleep] = [
  'mi-00000000000000001',
  'i-00000000000000002',
  'mi-00000000000000003',
  'mi-00000000000000004',
  'mi-00000000000000005',
];
const [delivery, installer] = ['d'.repeat(64), 'a'.repeat(64)];
const prefix = `AROAEXAMPLEEXAMPLE:${server}`;

/** Asks again while Systems Manager is busy or does not know the answer yet, as the steps do. */
const outcomeOf = (of: Commands, sent: { commandId: string; node: string }) =>
  vi.waitFor(() => of.outcome(sent), { timeout: 20_000 });
const ended = (of: Commands, commandId: string) =>
  vi.waitFor(async () => expect((await of.outcome({ commandId, node: server })).state).not.toBe('under way'), {
    timeout: 20_000,
  });

let provider: Account;
let under: CommandsUnderTest;
let windows: CommandsUnderTest;

const document = (prepare = 'echo not the answer') => {
  const parameter = { type: 'String' };
  const mainSteps = [
    { action: 'aws:runShellScript', name: 'prepare', inputs: { runCommand: [prepare] } },
    { action: 'aws:runShellScript', name: 'install', inputs: { runCommand: ['echo {{ delivery }}'] } },
  ];
  return {
    ...{
      schemaVersion: '2.2',
      parameters: { delivery: parameter, installer: parameter, prefix: parameter },
      mainSteps,
    },
  };
};
const documentForWindows = {
  ...document(),
  mainSteps: [
    {
      ...{ action: 'aws:runShellScript', name: 'install', inputs: { runCommand: ['exit 1'] } },
      precondition: { StringEquals: ['platformType', 'Windows'] },
    },
    { action: 'aws:runShellScript', name: 'installWindows', inputs: { runCommand: ['echo {{ delivery }}'] } },
  ],
};
/** Adds a version with another content, and makes it the default. */
const deploy = (Content: object) =>
  provider.make('AWS::SSM::Document', 'Document', { Name: 'deliver', DocumentType: 'Command', Content });
/**
 * A process of its own.
 * @param content the document that the stack was deployed with; the order of the fields differs
 */
const sender = (content: object = Object.fromEntries(Object.entries(document()).toReversed())) =>
  sendingCommands(provider.client(SSMClient, everything), tag, { name: 'deliver', content: JSON.stringify(content) });

/** Nodes that run nothing until a test says what the installer printed. */
beforeAll(async () => {
  provider = await startAccount(['kms', 's3', 'sqs', 'events', 'ssm'], {}, passingFaults);
  const trust = { Effect: 'Allow', Principal: { Service: 'ssm.amazonaws.com' }, Action: 'sts:AssumeRole' };
  const role = provider.cloud.iam.putRole('mail-server', { Version: '2012-10-17', Statement: [trust] }, []);
  const running: ((result: { exitCode: number; stdout: string; stderr: string }) => void)[] = [];
  const node = { run: () => new Promise<any>(resolve => void running.push(resolve)), write: async () => {} };
  const register = (id: string) =>
    provider.cloud.service<SsmService>('ssm').registerNode({
      id,
      node,
      roleArn: role.arn,
      computerName: `${id}.provider.example`,
      platformType: 'Linux',
      tags: id === stranger ? { [tag.key]: 'another stack' } : { [tag.key]: tag.value },
    });
  // After the restart, this node has no agent.
  register(asleep);
  await provider.restart();
  for (const id of [server, instance, stranger]) register(id);
  // The product's document fetches from S3 first. Only the step `install` matters here.
  await deploy(document());
  // As on a Windows node: the other platform's step is skipped, and its output says so.
  await provider.make('AWS::SSM::Document', 'Other', {
    Name: 'deliver-windows',
    DocumentType: 'Command',
    Content: documentForWindows,
  });
  const commands = sender();
  const step = async (stdout: string, exitCode = 0) =>
    (await vi.waitUntil(() => running.shift()))({ exitCode, stdout, stderr: exitCode === 0 ? '' : 'no room' });
  await provider.cloud.resume();
  under = {
    commands,
    async answer(commandId, output, exitCode) {
      await step('not the answer\n');
      await step(output, exitCode);
      await ended(commands, commandId);
    },
  };
  windows = {
    commands: sendingCommands(provider.client(SSMClient, everything), tag, {
      name: 'deliver-windows',
      content: JSON.stringify(documentForWindows),
    }),
    async answer(commandId, output, exitCode) {
      await step(output, exitCode);
      await ended(windows.commands, commandId);
    },
  };
});
afterAll(() => provider.stop());

describeCommands('Systems Manager', () => under);

test('a managed node is found on a further page of the list', async () => {
  const agent = provider.cloud.service<SsmService>('ssm');
  const node = { run: () => new Promise<never>(() => {}), write: async () => {} };
  const trust = { Effect: 'Allow', Principal: { Service: 'ssm.amazonaws.com' }, Action: 'sts:AssumeRole' };
  const role = provider.cloud.iam.putRole('many', { Version: '2012-10-17', Statement: [trust] }, []);
  const ids = Array.from({ length: 51 }, (_, i) => `mi-1000000000000${String(i).padStart(4, '0')}`);
  const of = { node, roleArn: role.arn, platformType: 'Linux', tags: { [tag.key]: tag.value } } as const;
  for (const id of ids) agent.registerNode({ ...of, id, computerName: `${id}.provider.example` });
  expect(await sender().node(ids.at(-1)!)).toEqual({ roleName: 'many' });
  for (const id of ids) agent.unregisterNode(id);
});

describe('the document', () => {
  const changed = document('curl elsewhere | sh');
  const send = (by: SendingCommands, node = absent) =>
    by.send({ node, delivery, installer, prefix, about: 'mx1.provider.example' });
  afterEach(() => deploy(document()));
  /** The error of a command that Systems Manager would have sent: the node `absent` is unknown. */
  const isSent = { name: 'ServerUnreachable' };

  test('is run on no server if its content is not the deployed one', async () => {
    await deploy(changed);
    await expect(send(sender())).rejects.toMatchObject({
      ...{ name: 'DocumentChanged', about: 'deliver' },
      message: expect.stringMatching(
        /^version \d+ of the SSM document deliver is not what this stack was deployed with/,
      ),
    });
    await expect(send(sender(changed))).rejects.toMatchObject(isSent);
  });

  test('is sent in the version that was compared, even if another version is the default by then', async () => {
    const by = sender();
    const answered = async () => {
      const id = await send(by, server);
      await under.answer(id, 'sealpost 1 1 installed\ns\n');
      return id;
    };
    const id = await answered();
    await deploy(changed);
    const next = await answered();
    const client = provider.client(SSMClient);
    const { Commands: sent } = await client.send(new ListCommandsCommand({ InstanceId: server }));
    const versionOf = (one: string) => sent!.find(({ CommandId }) => CommandId === one)!.DocumentVersion;
    expect(versionOf(next)).toBe(versionOf(id));
  });

  test('that was created again under the same version has another hash, and is compared again', async () => {
    const by = sender();
    const first = await send(by, server);
    await under.answer(first, 'sealpost 1 1 installed\ns\n');
    const { database } = provider.cloud;
    const put = (content: object) =>
      database.prepare('UPDATE ssm_documents SET content = ? WHERE name = ?').run(JSON.stringify(content), 'deliver');
    put(changed);
    await expect(send(by, server)).rejects.toMatchObject({ name: 'InvalidDocument' });
    await expect(send(by)).rejects.toMatchObject({ name: 'DocumentChanged' });
    put(document());
    await expect(send(by)).rejects.toMatchObject(isSent);
  });
});
describeCommands('its twin', () => {
  const commands = memoryCommands({ [server]: { roleName: 'mail-server' }, [instance]: {}, [asleep]: {} });
  commands.asleep.add(asleep);
  return { commands, answer: async (...given) => commands.answer(...given) };
});

describe('a command on the other platform, in Systems Manager', () => {
  test.each([
    ['an answer', `sealpost ${delivery} 2 installed\ns\n`, 0, 'answered', 'Success, exit code 0'],
    ['lost, for the reason of the step that ran', '', 50, 'lost', 'Failed, exit code 50, no room'],
  ])('is %s', async (_, output, exitCode, state, detail) => {
    const about = 'mx1.provider.example';
    const id = await windows.commands.send({ node: server, delivery, installer, prefix, about });
    await windows.answer(id, output, exitCode);
    const outcome = await outcomeOf(windows.commands, { commandId: id, node: server });
    expect(outcome).toMatchObject({ state, exitCode, detail: expect.stringContaining(detail) });
  });
});

test('a command whose answer Systems Manager does not show yet is asked again, and not taken as lost', async () => {
  // GetCommandInvocation is eventually consistent (API reference), also if the list knows the end.
  const answers: Record<string, () => object> = {
    ListCommandInvocationsCommand: () => ({ CommandInvocations: [{ Status: 'Success', StatusDetails: 'Success' }] }),
    GetCommandInvocationCommand: () => {
      throw new InvocationDoesNotExist({ message: 'did not match any invocations', $metadata: {} });
    },
  };
  const send = async (command: object) => answers[command.constructor.name]!();
  const early = commands({ send } as unknown as SSMClient, tag);
  await expect(early.outcome({ commandId: 'c'.repeat(36), node: server })).rejects.toMatchObject({ name: 'Throttled' });
});

function describeCommands(name: string, make: () => CommandsUnderTest): void {
  const send = ({ commands }: CommandsUnderTest, more = {}) =>
    commands.send({ node: server, delivery, installer, prefix, about: 'mx1.provider.example', ...more });

  describe(`a command, in ${name}`, () => {
    test('is found by the delivery that it carries, and only at its node', async () => {
      const under = make();
      expect(await under.commands.find({ node: server, delivery })).toBeUndefined();
      const id = await send(under);
      expect(await under.commands.find({ node: server, delivery })).toBe(id);
      expect(await under.commands.find({ node: server, delivery: 'e'.repeat(64) })).toBeUndefined();
      expect(await under.commands.find({ node: instance, delivery })).toBeUndefined();
      expect(await under.commands.deliveryOf(id)).toBe(delivery);
      expect(await outcomeOf(under.commands, { commandId: id, node: server })).toMatchObject({ state: 'under way' });
      await under.answer(id, 'sealpost 1 1 installed\ns\n');
    });

    test('is not found at its node until the agent has taken it', async () => {
      const { commands } = make();
      const id = await send({ commands } as CommandsUnderTest, { node: asleep });
      expect(await commands.find({ node: asleep, delivery })).toBeUndefined();
      expect(await commands.deliveryOf(id)).toBe(delivery);
      expect(await outcomeOf(commands, { commandId: id, node: asleep })).toMatchObject({ state: 'under way' });
    });

    test.each([
      ['an answer if the installer answered', `sealpost ${delivery} 2 installed\ns\n`, 0, 'answered'],
      ['an answer even if it failed', `sealpost ${delivery} 2 rolled-back\nb\n`, 20, 'answered'],
      ['lost if the installer did not answer', '', 50, 'lost'],
      ['lost if something else was printed', 'Segmentation fault\n', 0, 'lost'],
    ])('is %s', async (_, output, exitCode, state) => {
      const under = make();
      const id = await send(under);
      await under.answer(id, output, exitCode);
      const outcome = await outcomeOf(under.commands, { commandId: id, node: server });
      expect(outcome).toMatchObject({ state, exitCode });
      expect(outcome.output.trim()).toBe(output.trim());
    });

    test('is not sent to a node that Systems Manager does not know', async () => {
      await expect(send(make(), { node: absent })).rejects.toMatchObject({
        ...{ name: 'ServerUnreachable', about: 'mx1.provider.example' },
      });
    });
  });

  describe(`a managed node, in ${name}`, () => {
    test.each([
      ['a mail server with its role if it is hybrid', server, 'mail-server'],
      ['a mail server without a role if it is an instance: only EC2 knows the role', instance, undefined],
    ])('is %s', async (_, node, roleName) => {
      const found = await make().commands.node(node);
      expect(found).toBeDefined();
      expect(found!.roleName).toBe(roleName);
    });

    test.each([
      ["it carries another stack's tag", stranger],
      ['it is unknown', absent],
    ])('is not found if %s', async (_, node) => {
      expect(await make().commands.node(node)).toBeUndefined();
    });
  });
}
