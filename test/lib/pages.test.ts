import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SFNClient, StartExecutionCommand, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { App, Stack } from 'aws-cdk-lib';
import { EventBus } from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Pages } from '../../lib/pages.ts';
import type { SnsService, StandIn } from '../../packages/aws-stand-in/src/stand-in.ts';
import { startAccount, type Account } from '../../packages/aws-stand-in/src/testing.ts';

const topicArn = 'arn:aws:sns:us-east-1:000000000000:small-pages';

/** Fails as its input says, or waits for somebody to end it. */
const definition = {
  QueryLanguage: 'JSONata',
  StartAt: 'Which',
  States: {
    Which: {
      Type: 'Choice',
      Choices: [{ Condition: '{% $exists($states.input.error) %}', Next: 'Fails' }],
      Default: 'Waits',
    },
    Fails: { Type: 'Fail', Error: '{% $states.input.error %}', Cause: '{% $states.input.cause %}' },
    Waits: { Type: 'Wait', Seconds: 3600, End: true },
  },
};

let account: Account;
let cloud: StandIn;
let client: SFNClient;
let machines: Record<string, string>;

beforeAll(async () => {
  account = await startAccount(['sqs', 'sns', 'states', 'events']);
  cloud = account.cloud;
  const cdkOut = join(account.directory, 'cdk.out');
  const app = new App({ analyticsReporting: false, outdir: cdkOut });
  const stack = new Stack(app, 'small');
  const role = new iam.Role(stack, 'Role', { assumedBy: new iam.ServicePrincipal('states.amazonaws.com') });
  const machine = (stateMachineName: string) =>
    new sfn.StateMachine(stack, stateMachineName, {
      stateMachineName,
      role,
      definitionBody: sfn.DefinitionBody.fromString(JSON.stringify(definition)),
    });
  const deadLetters = new sqs.Queue(stack, 'DeadLetters', { queueName: 'letters' });
  const bus = new EventBus(stack, 'Bus', { eventBusName: 'small' });
  new Pages(stack, 'Pages', { name: 'small', machines: [machine('ours')], deadLetters, silences: [], bus });
  machine('theirs');
  app.synth();

  const { resources } = await cloud.loadTemplate({ cdkOut, stackName: 'small', parameters: {} });
  machines = Object.fromEntries(
    Object.values(resources).flatMap(({ attributes, ref }) =>
      ref.includes(':stateMachine:') ? [[attributes!.Name, ref]] : [],
    ),
  );
  client = account.client(SFNClient);
}, 60_000);
afterAll(async () => {
  client.destroy();
  await account.stop();
});

const pages = () => cloud.service<SnsService>('sns').pages();
const start = async (machine: string, input: object) =>
  (await client.send(new StartExecutionCommand({ stateMachineArn: machines[machine]!, input: JSON.stringify(input) })))
    .executionArn!;
const untilPaged = (executionArn: string) =>
  vi.waitFor(
    () => {
      const page = pages().find(({ message }) => message.includes(executionArn));
      expect(page).toBeDefined();
      return page!;
    },
    { timeout: 5_000 },
  );

test('an execution that fails as nobody foresaw pages a person, with the error, and the way to its cause', async () => {
  const executionArn = await start('ours', {
    error: 'TypeError',
    cause: '{"errorMessage":"it said \\"no\\"\nat line 1"}',
  });
  expect(await untilPaged(executionArn)).toEqual({
    at: expect.any(Number),
    subject: 'AWS Notification Message',
    message:
      '"small: an execution ended FAILED. Error, and heading in docs/runbook.md: TypeError. ' +
      `Its input and cause: aws stepfunctions describe-execution --execution-arn ${executionArn}"`,
  });
  expect(await readFile(join(account.directory, 'cloud.log'), 'utf8')).toMatch(/ PAGE ===> small-pages: .*TypeError/);
});

test("a sender's mistake pages nobody, nor does what somebody else's execution does", async () => {
  const quiet = [
    await start('ours', { error: 'InvalidStepInput', cause: 'domain: has no dot' }),
    await start('theirs', { error: 'TypeError' }),
  ];
  // Deliveries are made in the order of their events: when this one is there, theirs would be.
  await untilPaged(await start('ours', { error: 'InstallBroken', cause: 'mx1.provider.example' }));
  expect(pages().filter(({ message }) => quiet.some(arn => message.includes(arn)))).toEqual([]);
});

test("the same error where no sender's word is read is a fault of ours, and paged", async () => {
  const cause = JSON.stringify({ errorType: 'InvalidStepInput', errorMessage: 'domain has no dot' });
  const { message } = await untilPaged(await start('ours', { error: 'InvalidStepInput', cause }));
  expect(message).toContain('runbook.md: InvalidStepInput.');
});

test('an execution that somebody stopped is paged without an error', async () => {
  const executionArn = await start('ours', {});
  await client.send(new StopExecutionCommand({ executionArn }));
  expect((await untilPaged(executionArn)).message).toContain('ended ABORTED');
});

test('EventBridge may publish, as the policy says, and other services may not', () => {
  const publish = (service: string) => () =>
    cloud.service<SnsService>('sns').publish(cloud.iam.service(service), topicArn, 'x');
  expect(publish('s3.amazonaws.com')).toThrow('sns:Publish');
  // An alarm may, and only the one that is there.
  expect(publish('cloudwatch.amazonaws.com')).toThrow('sns:Publish');
  const alarm = (name: string) => ({
    ...cloud.iam.service('cloudwatch.amazonaws.com'),
    sourceArn: `arn:aws:cloudwatch:us-east-1:000000000000:alarm:${name}`,
  });
  const { publish: raise } = cloud.service<SnsService>('sns');
  expect(() => raise(alarm('another'), topicArn, 'x')).toThrow('sns:Publish');
  raise(alarm('small-dead-letters'), topicArn, 'a dead letter');
  expect(pages().at(-1)!.message).toBe('a dead letter');
});
