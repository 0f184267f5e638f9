/** Limits of one value that AWS's documentation (the SDK's own text of each member) names. */
import { ACMClient, DeleteCertificateCommand, ImportCertificateCommand } from '@aws-sdk/client-acm';
import {
  DynamoDBClient,
  PutItemCommand,
  QueryCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetCommandInvocationCommand, PutParameterCommand, SendCommandCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAccount, type Account } from '../src/testing.ts';

let account: Account;
beforeAll(async () => {
  account = await startAccount(['kms', 's3', 'sqs', 'events', 'ssm', 'dynamodb', 'lambda', 'logs', 'acm']);
  await account.make('AWS::DynamoDB::GlobalTable', 'Table', {
    TableName: 'table',
    BillingMode: 'PAY_PER_REQUEST',
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
    AttributeDefinitions: [
      { AttributeName: 'pk', AttributeType: 'S' },
      { AttributeName: 'sk', AttributeType: 'N' },
    ],
    Replicas: [{ Region: 'us-east-1' }],
  });
});
afterAll(() => account.stop());

/** @returns `<name>: <message>` of the refusal */
const refusal = (Client: new (config: any) => { send(command: any): Promise<unknown> }, command: object) =>
  account.client(Client).send(command).then(String, String);

test.each<[string, new (config: any) => { send(command: any): Promise<unknown> }, object, string]>([
  [
    'a text that is too short',
    ACMClient,
    new DeleteCertificateCommand({ CertificateArn: 'arn:aws:acm' }),
    "Value 'arn:aws:acm' at 'certificateArn' failed to satisfy constraint: Member must have length greater than or equal to 20",
  ],
  [
    'a text without its pattern',
    SSMClient,
    new GetCommandInvocationCommand({ CommandId: 'c'.repeat(36), InstanceId: 'mail-server', PluginName: 'install' }),
    "Value 'mail-server' at 'instanceId' failed to satisfy constraint: Member must satisfy regular expression pattern: ",
  ],
  [
    'a number out of its range',
    SSMClient,
    new SendCommandCommand({ DocumentName: 'deliver', TimeoutSeconds: 29 }),
    "Value at 'timeoutSeconds' failed to satisfy constraint: Member must have value greater than or equal to 30",
  ],
  [
    'a list that is too long',
    EventBridgeClient,
    new PutEventsCommand({ Entries: Array.from({ length: 11 }, () => ({})) }),
    "Value at 'entries' failed to satisfy constraint: Member must have length less than or equal to 10",
  ],
  [
    'a text in a list of structures',
    ACMClient,
    new ImportCertificateCommand({
      ...{ Certificate: new Uint8Array(1), PrivateKey: new Uint8Array(1) },
      Tags: [{ Key: 'k'.repeat(129) }],
    }),
    `Value '${'k'.repeat(129)}' at 'tags.1.member.key' failed to satisfy constraint: Member must have length less than or equal to 128`,
  ],
])("%s is refused by AWS's model of the operation", async (_, Client, command, text) => {
  expect(await refusal(Client, command)).toContain(`ValidationException: 1 validation error detected: ${text}`);
});

describe('a certificate', () => {
  test.each(['arn:aws:acm:us-east-1:000000000000:key/1', 'arn:aws:acm:us-east-1:1:certificate/1'])(
    'is not found by %s, which is no ARN of ACM',
    async CertificateArn => {
      const deletion = new DeleteCertificateCommand({ CertificateArn });
      expect(await refusal(ACMClient, deletion)).toMatch(/^InvalidArnException/);
    },
  );

  test.each([
    { Key: 'aws:stack', Value: 'v' },
    { Key: 'stack', Value: 'AWS:v' },
  ])('is not imported with the tag %j, which AWS keeps for itself', async tag => {
    const bytes = new Uint8Array(1);
    const asked = new ImportCertificateCommand({ Certificate: bytes, PrivateKey: bytes, Tags: [tag] });
    expect(await refusal(ACMClient, asked)).toMatch(/^InvalidTagException/);
  });
});

describe('a table', () => {
  const item = (sk: number, bytes: number) => ({
    pk: { S: 'p' },
    sk: { N: String(sk) },
    body: { S: 'b'.repeat(bytes) },
  });
  const putting = (items: number) => {
    const puts = Array.from({ length: items }, (_, i) => ({ Put: { TableName: 'table', Item: item(i, 399_000) } }));
    return new TransactWriteItemsCommand({ TransactItems: puts });
  };

  test('takes no transaction of more than 4 MB, and no item of it', async () => {
    expect(await refusal(DynamoDBClient, putting(11))).toMatch(/^ValidationException: .*4 MB/);
    const query = new QueryCommand({
      TableName: 'table',
      KeyConditionExpression: 'pk = :p',
      ExpressionAttributeValues: { ':p': { S: 'p' } },
    });
    expect(await account.client(DynamoDBClient).send(query)).toMatchObject({ Count: 0 });
    await account.client(DynamoDBClient).send(putting(10));
  });

  test('takes no transaction of more than 100 items', async () => {
    const puts = Array.from({ length: 101 }, (_, i) => ({ Put: { TableName: 'table', Item: item(i, 1) } }));
    const asked = new TransactWriteItemsCommand({ TransactItems: puts });
    expect(await refusal(DynamoDBClient, asked)).toMatch(/^ValidationException: .*less than or equal to 100/);
  });

  test('is not read on from a key of another type', async () => {
    const query = new QueryCommand({
      TableName: 'table',
      KeyConditionExpression: 'pk = :p',
      ExpressionAttributeValues: { ':p': { S: 'p' } },
      ExclusiveStartKey: { pk: { S: 'p' }, sk: { S: '1' } },
    });
    expect(await refusal(DynamoDBClient, query)).toMatch(/^ValidationException: The provided starting key is invalid/);
  });

  test.each([
    ['ADD', 'a text', { S: 'x' }],
    ['ADD', 'numbers', { NS: ['1'] }],
    ['DELETE', 'numbers', { NS: ['1'] }],
    ['DELETE', 'a text', { S: 'x' }],
  ])('changes no set of texts by %s with %s', async (action, _, value) => {
    const [before, after] = [item(2, 1), { ...item(2, 1), tags: { SS: ['a'] } }];
    await account.client(DynamoDBClient).send(new PutItemCommand({ TableName: 'table', Item: after }));
    const update = new UpdateItemCommand({
      ...{ TableName: 'table', Key: { pk: before.pk, sk: before.sk } },
      ...{ UpdateExpression: `${action} tags :v`, ExpressionAttributeValues: { ':v': value as any } },
    });
    expect(await refusal(DynamoDBClient, update)).toMatch(/^ValidationException: .*(operand|type)/);
  });

  test('takes no set without members', async () => {
    const put = new PutItemCommand({ TableName: 'table', Item: { ...item(1, 1), set: { SS: [] } } });
    expect(await refusal(DynamoDBClient, put)).toMatch(/^ValidationException: .*empty/);
  });
});

describe('an event', () => {
  const nested = (levels: number) => `{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;
  test.each([
    ['with a detail type of 129 characters', { DetailType: 'd'.repeat(129) }, 'InvalidArgument'],
    ['with a detail type of 128 characters', { DetailType: 'd'.repeat(128) }, undefined],
    ['nested 1,001 levels deep', { Detail: nested(1_001) }, 'MalformedDetail'],
    ['nested 1,000 levels deep', { Detail: nested(1_000) }, undefined],
    ['with an integer over 64 bits', { Detail: '{"a":9223372036854775808}' }, 'MalformedDetail'],
    ['with an integer under 64 bits', { Detail: '{"a":[-9223372036854775809]}' }, 'MalformedDetail'],
    ['with integers of 64 bits', { Detail: '{"a":[9223372036854775807,-9223372036854775808]}' }, undefined],
    ['with the digits in a text', { Detail: '{"a":"9223372036854775808"}' }, undefined],
  ])('%s', async (_, entry, code) => {
    const Entries = [{ Source: 'test', DetailType: 'Test', Detail: '{}', ...entry }];
    const answer = await account.client(EventBridgeClient).send(new PutEventsCommand({ Entries }));
    expect(answer.Entries![0]!.ErrorCode).toBe(code);
  });
});

test('events are not put in a request of more than 1 MB', async () => {
  const Detail = JSON.stringify({ text: 'x'.repeat(600_000) });
  const one = { Source: 'test', DetailType: 'Test', Detail };
  const asked = new PutEventsCommand({ Entries: [one, one] });
  expect(await refusal(EventBridgeClient, asked)).toMatch(/^ValidationException: .*size/);
  await account.client(EventBridgeClient).send(new PutEventsCommand({ Entries: [one] }));
});

test('a command is not sent to more than 50 nodes by their ids', async () => {
  const InstanceIds = Array.from({ length: 51 }, (_, i) => `mi-000000000000000${10 + i}`);
  const asked = new SendCommandCommand({ DocumentName: 'deliver', InstanceIds });
  expect(await refusal(SSMClient, asked)).toMatch(/^ValidationException: .*'instanceIds'.*less than or equal to 50/);
});

describe('a function', () => {
  test.each(['f'.repeat(65), 'a b'])('has not the name %s', async FunctionName => {
    const invocation = new InvokeCommand({ FunctionName });
    expect(await refusal(LambdaClient, invocation)).toMatch(/^ValidationException/);
    const made = account.make('AWS::Lambda::Function', 'Function', { FunctionName, Runtime: 'nodejs24.x', Code: {} });
    await expect(made).rejects.toMatchObject({ name: 'ValidationException' });
  });
});

describe('a parameter', () => {
  const put = (more: object) => new PutParameterCommand({ Name: '/mail/one', Value: 'v', Type: 'String', ...more });
  const [region, account_] = ['us-east-1', '000000000000'];
  const before = `arn:aws:ssm:${region}:${account_}:parameter/`.length;

  test.each([
    ['in 16 levels', { Name: '/l'.repeat(16) }, /^HierarchyLevelLimitExceeded/],
    ['by an ARN', { Name: `arn:aws:ssm:${region}:${account_}:parameter/mail/one` }, /^ValidationException/],
    ['whose name and ARN have 1,012 characters', { Name: 'n'.repeat(1_012 - before) }, /^ValidationException/],
    ['that refers to another one', { Value: 'one {{ssm:other}}' }, /^ValidationException: .*nest/],
    ['without a type', { Type: undefined }, /^ValidationException: .*type is required/],
    ['with a space in its name', { Name: '/mail/o ne' }, /^ValidationException/],
  ])('is not put %s', async (_, more, expected) => {
    expect(await refusal(SSMClient, put(more))).toMatch(expected);
  });

  test('is put in 15 levels, and with the longest name', async () => {
    await account.client(SSMClient).send(put({ Name: '/l'.repeat(15) }));
    await account.client(SSMClient).send(put({ Name: 'n'.repeat(1_011 - before) }));
  });

  test('does not change its type, and keeps it where none is given', async () => {
    const client = account.client(SSMClient);
    await client.send(put({ Name: '/mail/kept' }));
    const changed = await refusal(SSMClient, put({ Name: '/mail/kept', Type: 'SecureString', Overwrite: true }));
    expect(changed).toMatch(/^HierarchyTypeMismatch/);
    const again = await client.send(put({ Name: '/mail/kept', Type: undefined, Overwrite: true }));
    expect(again.Version).toBe(2);
  });
});
