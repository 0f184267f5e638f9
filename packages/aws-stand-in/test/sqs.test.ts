import {
  DeleteMessageCommand,
  GetQueueUrlCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
  type ReceiveMessageCommandInput,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { allow, startAccount, type Account } from '../src/testing.ts';

let provider: Account;
let client: SQSClient;
let QueueUrl: string;
const queueArn = 'arn:aws:sqs:us-east-1:000000000000:letters';

beforeAll(async () => {
  provider = await startAccount(['sqs']);
  QueueUrl = (await provider.make('AWS::SQS::Queue', 'Letters', { QueueName: 'letters', SqsManagedSseEnabled: true }))
    .ref;
  client = provider.client(SQSClient);
});
beforeEach(() => client.send(new PurgeQueueCommand({ QueueUrl })));
afterAll(() => provider.stop());

const send = (MessageBody: string, by = client) => by.send(new SendMessageCommand({ QueueUrl, MessageBody }));
const receive = async (more: Partial<ReceiveMessageCommandInput> = {}) =>
  (await client.send(new ReceiveMessageCommand({ QueueUrl, ...more }))).Messages ?? [];
const counts = () => {
  const rows = provider.cloud.database.prepare('SELECT visible FROM sqs_messages').all();
  const hidden = rows.filter(({ visible }) => Number(visible) > provider.cloud.now()).length;
  return [rows.length - hidden, hidden];
};

test('a message stays until it is deleted, and is hidden from other readers while one reads it', async () => {
  await send('first é');
  await send('second');
  const [message] = await receive({ MessageSystemAttributeNames: ['ApproximateReceiveCount'] });
  expect(message).toMatchObject({ Body: 'first é', Attributes: { ApproximateReceiveCount: '1' } });
  expect(counts()).toEqual([1, 1]);
  expect((await receive({ MaxNumberOfMessages: 10 })).map(({ Body }) => Body)).toEqual(['second']);
  await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message!.ReceiptHandle }));
  expect(counts()).toEqual([0, 1]);
});

test('a message that was not deleted is delivered again, counted, with its attributes', async () => {
  const MessageAttributes = { ERROR_CODE: { DataType: 'String', StringValue: 'NO_PERMISSIONS' } };
  await client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x', MessageAttributes }));
  await receive({ VisibilityTimeout: 0 });
  const [again] = await receive({ MessageSystemAttributeNames: ['All'], MessageAttributeNames: ['All'] });
  expect(again).toMatchObject({ MessageAttributes, Attributes: { ApproximateReceiveCount: '2' } });
});

test('a long poll ends with the message that arrives, or with one that becomes visible, or empty', async () => {
  const waiting = receive({ WaitTimeSeconds: 20, VisibilityTimeout: 1 });
  await send('arrives');
  expect((await waiting).map(({ Body }) => Body)).toEqual(['arrives']);
  expect((await receive({ WaitTimeSeconds: 20 })).map(({ Body }) => Body)).toEqual(['arrives']);
  expect(await receive({ WaitTimeSeconds: 1 })).toEqual([]);
});

test('a service may send only if the queue policy names it', async () => {
  const caller = provider.cloud.iam.service('events.amazonaws.com');
  const letter = () => provider.cloud.request(caller, 'sqs', 'SendMessage', { QueueUrl, MessageBody: 'dead' });
  await expect(letter()).rejects.toThrow('sqs:SendMessage');
  await provider.make('AWS::SQS::QueuePolicy', 'Policy', {
    Queues: [QueueUrl],
    PolicyDocument: {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Service: 'events.amazonaws.com' },
          Action: 'sqs:SendMessage',
          Resource: queueArn,
        },
      ],
    },
  });
  await letter();
  expect((await receive()).map(({ Body }) => Body)).toEqual(['dead']);
  const role = provider.client(SQSClient, [allow('sqs:ReceiveMessage', queueArn)]);
  await expect(send('x', role)).rejects.toThrow('sqs:SendMessage');
});

test('a queue is found by its name, at the address of this run, and keeps its messages over a restart', async () => {
  await send('kept');
  await provider.restart();
  client = provider.client(SQSClient);
  const { QueueUrl: found } = await client.send(new GetQueueUrlCommand({ QueueName: 'letters' }));
  expect(found).toBe(`${provider.cloud.endpoint}/000000000000/letters`);
  QueueUrl = found!;
  expect((await receive()).map(({ Body }) => Body)).toEqual(['kept']);
});

test('a queue that does not exist, and an operation that is not implemented, are errors', async () => {
  await expect(client.send(new GetQueueUrlCommand({ QueueName: 'other' }))).rejects.toMatchObject({
    name: 'QueueDoesNotExist',
  });
  await expect(client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x', DelaySeconds: 5 }))).rejects.toThrow(
    'DelaySeconds',
  );
  for (const property of [{ FifoQueue: true }, { RedrivePolicy: { maxReceiveCount: 3 } }, { QueueName: 'a.fifo' }]) {
    await expect(provider.make('AWS::SQS::Queue', 'Other', property)).rejects.toThrow('not part of the stand-in');
  }
});
