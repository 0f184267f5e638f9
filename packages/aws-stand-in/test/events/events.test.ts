import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import * as lambda from '@aws-sdk/client-lambda';
import * as sfn from '@aws-sdk/client-sfn';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startCloud, type RunningCloud } from '../../src/cloud.ts';
import { events, type EventsService } from '../../src/events/events.ts';
import { sqs } from '../../src/sqs/sqs.ts';
import { AwsError, type Resource, type ServiceFactory } from '../../src/service/service.ts';

const functionArn = 'arn:aws:lambda:us-east-1:000000000000:function:taker';
const machineArn = 'arn:aws:states:us-east-1:000000000000:stateMachine:road';
const queueArn = 'arn:aws:sqs:us-east-1:000000000000:letters';
const busArn = 'arn:aws:events:us-east-1:000000000000:event-bus/wishes';

let directory: string;
let cloud: RunningCloud;
let taken: { by: string; caller: string; payload: any }[];
let failures: AwsError[];

/** Two targets of the test: they record their input and throw the error that the test chooses. */
const targets: ServiceFactory[] = [
  () => ({
    name: 'lambda',
    model: lambda,
    client: 'LambdaClient',
    operations: {
      Invoke(input, call) {
        call.authorize('lambda:InvokeFunction', input.FunctionName);
        const failure = failures.shift();
        if (failure !== undefined) throw failure;
        taken.push({
          by: 'lambda',
          caller: call.caller.arn,
          payload: JSON.parse(Buffer.from(input.Payload).toString()),
        });
        return { StatusCode: 202 };
      },
    },
  }),
  () => ({
    name: 'states',
    model: sfn,
    client: 'SFNClient',
    operations: {
      StartExecution(input, call) {
        call.authorize('states:StartExecution', input.stateMachineArn);
        taken.push({ by: 'states', caller: call.caller.arn, payload: JSON.parse(input.input) });
        return { executionArn: 'x', startDate: new Date() };
      },
    },
  }),
];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealpost-events-'));
  taken = [];
  failures = [];
  cloud = await startAgain();
});
afterEach(async () => {
  await cloud.stop();
  await rm(directory, { recursive: true });
});

function startAgain(): Promise<RunningCloud> {
  return startCloud({ directory, services: [sqs, events, ...targets] });
}

async function make(type: string, properties: object): Promise<Resource> {
  const service = cloud.service(type.startsWith('AWS::SQS') ? 'sqs' : 'events');
  const request = { logicalId: 'It', stackName: 'test', properties, assetPath: (key: string) => key };
  return service.resources![type]!(request);
}

/**
 * A bus, a dead letter queue that events.amazonaws.com may write to, and a function that the rules
 * may invoke.
 */
async function stage(): Promise<void> {
  await make('AWS::Events::EventBus', { Name: 'wishes' });
  await make('AWS::SQS::Queue', { QueueName: 'letters' });
  cloud.iam.setResourcePolicy(queueArn, allowEvents('sqs:SendMessage', queueArn));
  cloud.iam.setResourcePolicy(functionArn, allowEvents('lambda:InvokeFunction', functionArn));
}
function allowEvents(Action: string, Resource: string): object {
  const Principal = { Service: 'events.amazonaws.com' };
  return { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal, Action, Resource }] };
}

function client(credentials = cloud.iam.rootCredentials()): EventBridgeClient {
  return new EventBridgeClient({ region: 'us-east-1', endpoint: cloud.endpoint, credentials, maxAttempts: 1 });
}
function put(...entries: object[]) {
  const defaults = { EventBusName: 'wishes', Source: 'hosting', DetailType: 'Domain Created' };
  return client().send(
    new PutEventsCommand({
      Entries: entries.map(entry => ({ ...defaults, Detail: '{"domain":"example.com"}', ...entry })),
    }),
  );
}
function rule(targets: object[], properties: object = {}): Promise<Resource> {
  return make('AWS::Events::Rule', {
    Name: 'created',
    EventBusName: 'wishes',
    EventPattern: { 'detail-type': ['Domain Created'] },
    State: 'ENABLED',
    Targets: targets,
    ...properties,
  });
}
async function letters(): Promise<any[]> {
  const received = await cloud.request(cloud.iam.root(), 'sqs', 'ReceiveMessage', {
    QueueUrl: `${cloud.endpoint}/000000000000/letters`,
    MaxNumberOfMessages: 10,
    MessageAttributeNames: ['All'],
  });
  return received.Messages ?? [];
}

test('an event on the bus reaches the function of each rule that matches it, and no other function', async () => {
  await stage();
  await rule([{ Id: 'f', Arn: functionArn }]);
  await cloud.resume();
  const time = new Date('2026-11-24T10:00:00.700Z');
  const answer = await put({ Resources: ['arn:x'], Time: time }, { DetailType: 'Domain Deleted' });
  await vi.waitFor(() => expect(taken).toHaveLength(1));
  expect(taken[0]).toEqual({
    by: 'lambda',
    caller: 'events.amazonaws.com',
    payload: {
      version: '0',
      id: answer.Entries![0]!.EventId,
      'detail-type': 'Domain Created',
      source: 'hosting',
      account: '000000000000',
      time: '2026-11-24T10:00:00Z',
      region: 'us-east-1',
      resources: ['arn:x'],
      detail: { domain: 'example.com' },
    },
  });
});

test('each bad entry is answered with its own error, and the good ones are taken', async () => {
  await stage();
  const answer = await put({}, { Source: '' }, { Detail: 'no json' }, { Detail: '[1]' }, { Source: 'aws.ssm' });
  expect(answer.FailedEntryCount).toBe(4);
  expect(answer.Entries!.map(entry => entry.ErrorCode)).toEqual([
    undefined,
    'InvalidArgument',
    'MalformedDetail',
    'MalformedDetail',
    'NotAuthorizedForSourceException',
  ]);
});

test('an event to a bus that does not exist is taken and lost, as on AWS, and the log says so', async () => {
  const { FailedEntryCount, Entries } = await put({ EventBusName: 'nowhere' });
  expect({ FailedEntryCount, Entries }).toEqual({ FailedEntryCount: 0, Entries: [{ EventId: expect.any(String) }] });
  const log = readFileSync(join(directory, 'cloud.log'), 'utf8');
  expect(log).toContain(`there is no bus nowhere; as on AWS, the event ${Entries![0]!.EventId} is taken and lost`);
});

test("the bus's policy names the senders and their sources, and is replaced as a whole", async () => {
  await stage();
  const about = { Action: 'events:PutEvents', Resource: busArn };
  const guard = (...Statement: object[]) =>
    make('AWS::Events::EventBus', { Name: 'wishes', Policy: { Version: '2012-10-17', Statement } });
  const Condition = { 'ForAnyValue:StringEquals': { 'events:source': 'sealpost' } };
  const ourSource = { Sid: 'OurSource', Effect: 'Deny', Principal: { AWS: '*' }, ...about, Condition };
  await guard(ourSource);
  const { arn } = cloud.iam.putRole('sender', trust('lambda.amazonaws.com'), []);
  const sender = client(cloud.iam.credentials(arn, 's'));
  const send = (Source: string) =>
    sender.send(
      new PutEventsCommand({ Entries: [{ EventBusName: busArn, Source, DetailType: 'Domain Created', Detail: '{}' }] }),
    );
  await expect(send('hosting')).rejects.toThrow('not authorized to perform: events:PutEvents');
  const senders = { Sid: 'Senders', Effect: 'Allow', Principal: { AWS: arn }, ...about };
  await guard(ourSource, senders);
  expect((await send('hosting')).FailedEntryCount).toBe(0);
  await expect(send('sealpost')).rejects.toThrow('explicit deny');
  await guard(senders);
  expect((await send('sealpost')).FailedEntryCount).toBe(0);
  await expect(guard({ ...senders, Principal: { AWS: 'a'.repeat(11_000) } })).rejects.toThrow('over 10240 bytes');
});

const role = (name: string, Condition: object) =>
  client(
    cloud.iam.credentials(
      cloud.iam.putRole(name, trust('lambda.amazonaws.com'), [
        {
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Action: 'events:PutEvents', Resource: busArn, Condition }],
        },
      ]).arn,
      's',
    ),
  );
const batch = (...sources: string[]) =>
  new PutEventsCommand({
    Entries: sources.map(Source => ({ EventBusName: 'wishes', Source, DetailType: 'Said', Detail: '{}' })),
  });

test('a batch is one question with the sources of all its entries, which a plain operator does not answer', async () => {
  await stage();
  const source = { 'events:source': 'sealpost' };
  const plain = role('plain', { StringEquals: source });
  await expect(plain.send(batch('sealpost'))).rejects.toThrow('not authorized');
  await expect(plain.send(batch('sealpost', 'sealpost'))).rejects.toThrow('not authorized');
  const all = role('all', { 'ForAllValues:StringEquals': source, Null: { 'events:source': 'false' } });
  expect((await all.send(batch('sealpost', 'sealpost'))).FailedEntryCount).toBe(0);
  await expect(all.send(batch('sealpost', 'hosting'))).rejects.toThrow('not authorized');
});

function trust(Service: string): object {
  return { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: { Service }, Action: 'sts:AssumeRole' }] };
}

test('a state machine is started under the role of its target, with the whole event as input', async () => {
  await stage();
  const policy = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 'states:StartExecution', Resource: machineArn }],
  };
  const { arn: RoleArn } = cloud.iam.putRole('starter', trust('events.amazonaws.com'), [policy]);
  await rule([{ Id: 'm', Arn: machineArn, RoleArn }]);
  await cloud.resume();
  await put({});
  await vi.waitFor(() => expect(taken).toHaveLength(1));
  expect(taken[0]!.caller).toContain('assumed-role/starter/');
  expect(taken[0]!.payload.detail).toEqual({ domain: 'example.com' });
});

test('Input and InputPath change the input of the target', async () => {
  await stage();
  await rule([
    { Id: 'a', Arn: functionArn, Input: '{"fixed":1}' },
    { Id: 'b', Arn: functionArn, InputPath: '$.detail' },
  ]);
  await cloud.resume();
  await put({});
  await vi.waitFor(() => expect(taken).toHaveLength(2));
  expect(taken.map(each => each.payload)).toEqual(expect.arrayContaining([{ fixed: 1 }, { domain: 'example.com' }]));
});

test('an event that may not reach its target goes to the dead letter queue at once, with the reason', async () => {
  await stage();
  cloud.iam.setResourcePolicy(functionArn, undefined);
  const { attributes } = await rule([{ Id: 'f', Arn: functionArn, DeadLetterConfig: { Arn: queueArn } }]);
  await cloud.resume();
  await put({});
  let found: any[] = [];
  await vi.waitFor(async () => expect((found = await letters())).toHaveLength(1));
  expect(JSON.parse(found[0].Body).detail).toEqual({ domain: 'example.com' });
  const values = Object.fromEntries(
    Object.entries<any>(found[0].MessageAttributes).map(([name, { StringValue }]) => [name, StringValue]),
  );
  expect(values).toMatchObject({ RULE_ARN: attributes!.Arn, TARGET_ARN: functionArn, ERROR_CODE: 'NO_PERMISSIONS' });
  expect(values.ERROR_MESSAGE).toContain('lambda:InvokeFunction');
});

test('a throttled target is tried again as often as the rule says', async () => {
  await stage();
  await rule([
    { Id: 'f', Arn: functionArn, DeadLetterConfig: { Arn: queueArn }, RetryPolicy: { MaximumRetryAttempts: 1 } },
  ]);
  await cloud.resume();
  const throttled = () => new AwsError('TooManyRequestsException', 'Rate exceeded', { status: 429 });
  failures = [throttled()];
  await put({});
  await vi.waitFor(() => expect(taken).toHaveLength(1));
  failures = [throttled(), throttled()];
  await put({});
  let found: any[] = [];
  await vi.waitFor(async () => expect((found = await letters())).toHaveLength(1), 3_000);
  expect(found[0].MessageAttributes.EXHAUSTED_RETRY_CONDITION.StringValue).toBe('MaximumRetryAttempts');
  expect(taken).toHaveLength(1);
});

test('events that were accepted are delivered after a restart', async () => {
  await stage();
  await rule([{ Id: 'f', Arn: functionArn }]);
  // Without resume: the process is killed before it delivers anything.
  await put({});
  await cloud.stop();
  expect(taken).toEqual([]);
  cloud = await startAgain();
  await cloud.resume();
  await vi.waitFor(() => expect(taken).toHaveLength(1));
});

test('an AWS service’s own event arrives on the default bus', async () => {
  await stage();
  await rule([{ Id: 'f', Arn: functionArn }], { EventBusName: undefined, EventPattern: { source: ['aws.ssm'] } });
  await cloud.resume();
  cloud
    .service<EventsService>('events')
    .publishServiceEvent({ source: 'aws.ssm', 'detail-type': 'X', detail: { status: 'Success' } });
  await vi.waitFor(() => expect(taken[0]?.payload).toMatchObject({ source: 'aws.ssm', detail: { status: 'Success' } }));
});

test('a disabled rule sends nothing', async () => {
  await stage();
  await rule([{ Id: 'f', Arn: functionArn }], { State: 'DISABLED' });
  await cloud.resume();
  await put({});
  expect(taken).toEqual([]);
});

test.each<[string, object]>([
  ['an InputTransformer', { Id: 'f', Arn: functionArn, InputTransformer: {} }],
  ['a target that is not implemented', { Id: 'f', Arn: 'arn:aws:kinesis:us-east-1:000000000000:stream/x' }],
  ['a state machine without a role', { Id: 'f', Arn: machineArn }],
])('a rule with %s is refused at its creation', async (_name, target) => {
  await stage();
  await expect(rule([target])).rejects.toMatchObject({ status: 501 });
});
