import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as lambda from '@aws-sdk/client-lambda';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startCloud, type RunningCloud } from '../src/cloud.ts';
import { scheduler } from '../src/scheduler/scheduler.ts';
import { sqs } from '../src/sqs/sqs.ts';
import { AwsError, type Resource, type ServiceFactory } from '../src/service/service.ts';

const functionArn = 'arn:aws:lambda:us-east-1:000000000000:function:sweep';
const queueArn = 'arn:aws:sqs:us-east-1:000000000000:letters';

let directory: string;
let cloud: RunningCloud;
let now: number;
let taken: { caller: string; payload: any }[];
let failure: AwsError | undefined;

const target: ServiceFactory = () => ({
  name: 'lambda',
  model: lambda,
  client: 'LambdaClient',
  operations: {
    Invoke(input, call) {
      call.authorize('lambda:InvokeFunction', input.FunctionName);
      if (failure !== undefined) throw failure;
      taken.push({ caller: call.caller.arn, payload: JSON.parse(Buffer.from(input.Payload).toString()) });
      return { StatusCode: 202 };
    },
  },
});

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealpost-scheduler-'));
  now = Date.parse('2026-11-24T10:00:00Z');
  taken = [];
  failure = undefined;
  await startAgain();
});
afterEach(async () => {
  await cloud.stop();
  await rm(directory, { recursive: true });
});

async function startAgain(): Promise<void> {
  cloud = await startCloud({ directory, services: [sqs, scheduler, target], now: () => now });
}

async function schedule(properties: object = {}, targetProperties: object = {}): Promise<Resource> {
  const allow = (Action: string, Resource: string) => ({ Effect: 'Allow', Action, Resource });
  const { arn: RoleArn } = cloud.iam.putRole(
    'scheduler',
    {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { Service: 'scheduler.amazonaws.com' }, Action: 'sts:AssumeRole' }],
    },
    [
      {
        Version: '2012-10-17',
        Statement: [allow('lambda:InvokeFunction', functionArn), allow('sqs:SendMessage', queueArn)],
      },
    ],
  );
  return cloud.service('scheduler').resources!['AWS::Scheduler::Schedule']!({
    logicalId: 'Sweep',
    stackName: 'test',
    assetPath: key => key,
    properties: {
      Name: 'sweep',
      ScheduleExpression: 'rate(1 minute)',
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: { Arn: functionArn, RoleArn, Input: '{"reason":"time"}', ...targetProperties },
      ...properties,
    },
  });
}

test('a schedule invokes its function under its role, at once and then once in each period', async () => {
  await schedule();
  await cloud.resume();
  await vi.waitFor(() => expect(taken).toHaveLength(1));
  expect(taken[0]).toEqual({ caller: expect.stringContaining('assumed-role/scheduler/'), payload: { reason: 'time' } });
  now += 59_000;
  await new Promise(resolve => setTimeout(resolve, 1_500));
  expect(taken).toHaveLength(1);
  now += 1_000;
  await vi.waitFor(() => expect(taken).toHaveLength(2), 3_000);
});

test('two schedules that are created together are not due together', async () => {
  await schedule();
  await schedule({ Name: 'walk' }, { Input: '{"reason":"advice"}' });
  await cloud.resume();
  await vi.waitFor(() => expect(taken).toHaveLength(1));
  await new Promise(resolve => setTimeout(resolve, 1_500));
  now += 45_000;
  await vi.waitFor(() => expect(taken).toHaveLength(2), 3_000);
  expect(taken.map(({ payload }) => payload.reason)).toEqual(['time', 'advice']);
});

test('the invocations that were missed while the stand-in was down are made up for by one', async () => {
  await schedule();
  await cloud.resume();
  await vi.waitFor(() => expect(taken).toHaveLength(1));
  await cloud.stop();
  now += 10 * 60_000;
  await startAgain();
  await schedule();
  await cloud.resume();
  await vi.waitFor(() => expect(taken).toHaveLength(2));
  await new Promise(resolve => setTimeout(resolve, 1_500));
  expect(taken).toHaveLength(2);
});

test('an invocation that has failed for the last time goes to the dead letter queue', async () => {
  await cloud.service('sqs').resources!['AWS::SQS::Queue']!({
    logicalId: 'Letters',
    stackName: 'test',
    assetPath: key => key,
    properties: { QueueName: 'letters' },
  });
  failure = new AwsError('ResourceNotFoundException', 'Function not found', { status: 404 });
  await schedule({}, { DeadLetterConfig: { Arn: queueArn } });
  await cloud.resume();
  const receive = () =>
    cloud.request(cloud.iam.root(), 'sqs', 'ReceiveMessage', {
      QueueUrl: `${cloud.endpoint}/000000000000/letters`,
      MessageAttributeNames: ['All'],
    });
  let message: any;
  await vi.waitFor(async () => expect((message = (await receive()).Messages?.[0])).toBeDefined());
  expect(message.Body).toBe('{"reason":"time"}');
  expect(message.MessageAttributes.ERROR_CODE.StringValue).toBe('NO_RESOURCE');
});

test('a disabled schedule does nothing', async () => {
  await schedule({ State: 'DISABLED' });
  await cloud.resume();
  expect(taken).toEqual([]);
});

test.each([
  { ScheduleExpression: 'cron(0 3 * * ? *)' },
  { ScheduleExpression: 'at(2026-11-24T12:00:00)' },
  { ScheduleExpression: 'rate(0 minutes)' },
  { FlexibleTimeWindow: { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 5 } },
])('a schedule with $ScheduleExpression $FlexibleTimeWindow is refused', async properties => {
  await expect(schedule(properties)).rejects.toMatchObject({ status: 501 });
});
