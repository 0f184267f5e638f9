import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  TransactWriteItemsCommand,
  TransactionCanceledException,
  UpdateItemCommand,
  type AttributeValue,
  type QueryCommandInput,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allow, startAccount, type Account } from '../src/testing.ts';

let provider: Account;
let client: DynamoDBClient;
const TableName = 'fleet';
const table = 'arn:aws:dynamodb:us-east-1:000000000000:table/fleet';

const properties = {
  TableName,
  BillingMode: 'PAY_PER_REQUEST',
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
  AttributeDefinitions: [
    { AttributeName: 'pk', AttributeType: 'S' },
    { AttributeName: 'sk', AttributeType: 'S' },
    { AttributeName: 'slot', AttributeType: 'S' },
    { AttributeName: 'dueAt', AttributeType: 'N' },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: 'due',
      KeySchema: [
        { AttributeName: 'slot', KeyType: 'HASH' },
        { AttributeName: 'dueAt', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'KEYS_ONLY' },
    },
  ],
  SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
  Replicas: [
    {
      Region: 'us-east-1',
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      GlobalSecondaryIndexes: [{ IndexName: 'due' }],
    },
  ],
};

beforeAll(async () => {
  provider = await startAccount(['dynamodb']);
  await provider.make('AWS::DynamoDB::GlobalTable', 'Fleet', properties);
  client = provider.client(DynamoDBClient);
});
afterAll(() => provider.stop());

const key = (pk: string, sk = 'D') => marshall({ pk, sk });
const put = (item: Record<string, any>, more = {}) =>
  client.send(new PutItemCommand({ TableName, Item: marshall(item), ...more }));
const update = (pk: string, UpdateExpression: string, values: Record<string, any> = {}, more = {}) =>
  client.send(
    new UpdateItemCommand({
      TableName,
      Key: key(pk),
      UpdateExpression,
      ...(Object.keys(values).length && { ExpressionAttributeValues: marshall(values) }),
      ...more,
    } as UpdateItemCommandInput),
  );
const get = async (pk: string, sk = 'D', more = {}) => {
  const { Item } = await client.send(
    new GetItemCommand({ TableName, Key: key(pk, sk), ConsistentRead: true, ...more }),
  );
  return Item && unmarshall(Item);
};
const query = async (
  KeyConditionExpression: string,
  values: Record<string, any>,
  more: Partial<QueryCommandInput> = {},
) => {
  const input = { TableName, KeyConditionExpression, ExpressionAttributeValues: marshall(values), ...more };
  const { Items = [], ...rest } = await client.send(new QueryCommand(input));
  return { items: Items.map(item => unmarshall(item)), ...rest };
};

test('an item is read with every kind of value that was written', async () => {
  const item = {
    pk: 'kinds',
    sk: 'D',
    text: 'é',
    number: 12.5,
    yes: true,
    no: false,
    nothing: null,
    bytes: new Uint8Array([0, 255]),
    parts: [1, { deep: ['x'] }],
    names: new Set(['a', 'b']),
    numbers: new Set([1, 2]),
    empty: '',
  };
  await put(item);
  expect(await get('kinds')).toEqual(item);
  expect(
    await get('kinds', 'D', { ProjectionExpression: 'parts[1].deep, #t', ExpressionAttributeNames: { '#t': 'text' } }),
  ).toEqual({
    parts: [{ deep: ['x'] }],
    text: 'é',
  });
});

test('a number keeps all of its 38 digits', async () => {
  const digits = '12345678901234567890123456789012345678';
  await client.send(new PutItemCommand({ TableName, Item: { ...key('digits'), n: { N: digits } } }));
  const answer = await update('digits', 'ADD n :one', { ':one': 1 }, { ReturnValues: 'UPDATED_NEW' });
  expect(answer.Attributes).toEqual({ n: { N: '12345678901234567890123456789012345679' } });
});

test("of 200 claims at once one wins, and each other caller gets the winner's item", async () => {
  const claims = Array.from({ length: 200 }, (_, i) =>
    update(
      'race',
      'SET #o = :me',
      { ':me': `worker${i}` },
      {
        ConditionExpression: 'attribute_not_exists(#o)',
        ExpressionAttributeNames: { '#o': 'owner' },
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    ).then(
      () => undefined,
      (error: ConditionalCheckFailedException) => error,
    ),
  );
  const lost = (await Promise.all(claims)).filter(error => error !== undefined);
  expect(lost).toHaveLength(199);
  const { owner } = (await get('race'))!;
  for (const error of lost) {
    expect(error).toBeInstanceOf(ConditionalCheckFailedException);
    expect(unmarshall(error.Item!)).toMatchObject({ owner });
  }
});

test('the claim of the protocol passes to another owner only after its lease', async () => {
  const claim = (me: string, now: number) =>
    update(
      'lease',
      'SET #o = :me, leaseUntil = :until',
      { ':me': me, ':now': now, ':until': now + 60 },
      {
        ConditionExpression: '#o = :me OR attribute_not_exists(#o) OR leaseUntil < :now',
        ExpressionAttributeNames: { '#o': 'owner' },
      },
    );
  await claim('a', 100);
  await claim('a', 110);
  await expect(claim('b', 170)).rejects.toThrow('The conditional request failed');
  await claim('b', 171);
  expect(await get('lease')).toMatchObject({ owner: 'b', leaseUntil: 231 });
});

test.each<[string, string, Record<string, any>, boolean]>([
  ['a list equal to the one given', 'parts = :v', { ':v': [1, { a: 'x' }] }, true],
  ['a list unlike the one given', 'parts = :v', { ':v': [1, { a: 'y' }] }, false],
  ['a set in another order', 'tags = :v', { ':v': new Set(['b', 'a']) }, true],
  ['an attribute that is not there, below a number', 'gone < :v', { ':v': 5 }, false],
  ['an attribute that is not there, unlike a value', 'gone <> :v', { ':v': 5 }, true],
  ['numbers by value', 'n BETWEEN :a AND :b', { ':a': 9, ':b': 100 }, true],
  ['a number unlike its text', 'n = :v', { ':v': '10' }, false],
  ['a size', 'size(parts) = :v', { ':v': 2 }, true],
  ['a beginning', 'begins_with(title, :v)', { ':v': 'seal' }, true],
  ['what a set holds', 'contains(tags, :v)', { ':v': 'a' }, true],
  ['one of several values', 'title IN (:a, :b)', { ':a': 'x', ':b': 'sealpost' }, true],
  ['a type', 'attribute_type(flag, :v)', { ':v': 'BOOL' }, true],
  ['the opposite, and nesting', 'NOT (n > :v AND attribute_exists(parts[5]))', { ':v': 1 }, true],
])('a condition compares %s', async (_name, ConditionExpression, values, holds) => {
  await put({
    pk: 'conditions',
    sk: 'D',
    n: 10,
    title: 'sealpost',
    flag: false,
    tags: new Set(['a', 'b']),
    parts: [1, { a: 'x' }],
  });
  const write = update('conditions', 'SET seen = :seen', { ...values, ':seen': 1 }, { ConditionExpression });
  if (holds) await expect(write).resolves.toBeDefined();
  else await expect(write).rejects.toThrow('The conditional request failed');
});

test('an update reads every operand from the item as it was before the update', async () => {
  await put({
    pk: 'update',
    sk: 'D',
    a: 1,
    b: 2,
    parts: ['x', 'y', 'z'],
    tags: new Set(['p', 'q']),
    nest: { deep: 1 },
  });
  const answer = await update(
    'update',
    'SET a = b, b = a, c = if_not_exists(c, :zero) + :half, nest.deep = nest.deep - :half, parts[9] = :w REMOVE parts[0], parts[1] ADD hits :one, tags :r DELETE labels :r',
    { ':zero': 0, ':half': 0.5, ':one': 1, ':w': 'w', ':r': new Set(['r']) },
    { ReturnValues: 'ALL_NEW' },
  );
  expect(unmarshall(answer.Attributes!)).toEqual({
    pk: 'update',
    sk: 'D',
    a: 2,
    b: 1,
    c: 0.5,
    hits: 1,
    parts: ['z', 'w'],
    nest: { deep: 0.5 },
    tags: new Set(['p', 'q', 'r']),
  });
});

test('an update creates an item that does not exist, and a set that loses its last element is deleted', async () => {
  await update('new', 'ADD tags :t', { ':t': new Set(['a']) });
  expect(await get('new')).toEqual({ pk: 'new', sk: 'D', tags: new Set(['a']) });
  await update('new', 'DELETE tags :t', { ':t': new Set(['a']) });
  expect(await get('new')).toEqual({ pk: 'new', sk: 'D' });
});

test.each<[string, () => Promise<unknown>, string]>([
  [
    'a reserved word',
    () => update('x', 'SET owner = :v', { ':v': 1 }),
    'Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: owner',
  ],
  [
    'a value that nothing uses',
    () => update('x', 'SET a = :v', { ':v': 1, ':w': 2 }),
    'Value provided in ExpressionAttributeValues unused in expressions: keys: {:w}',
  ],
  [
    'a name that is not defined',
    () => update('x', 'SET #a = :v', { ':v': 1 }),
    'Invalid UpdateExpression: An expression attribute name used in the document path is not defined; attribute name: #a',
  ],
  [
    'an operand that is not there',
    () => update('x', 'SET a = b + :v', { ':v': 1 }),
    'The provided expression refers to an attribute that does not exist in the item',
  ],
  [
    'a change of the key',
    () => update('x', 'SET sk = :v', { ':v': 'y' }),
    'One or more parameter values were invalid: Cannot update attribute sk. This attribute is part of the key',
  ],
  ['an empty key', () => put({ pk: '', sk: 'D' }), 'cannot contain an empty string value. Key: pk'],
  [
    'a key of another type',
    () => put({ pk: 5, sk: 'D' }),
    'One or more parameter values were invalid: Type mismatch for key pk expected: S actual: N',
  ],
  [
    'a key of an index of another type',
    () => put({ pk: 'x', sk: 'D', dueAt: 'soon' }),
    'Type mismatch for Index Key dueAt Expected: N Actual: S IndexName: due',
  ],
  [
    'an item of more than 400 KB',
    () => put({ pk: 'x', sk: 'D', big: 'x'.repeat(400 * 1024) }),
    'Item size has exceeded the maximum allowed size',
  ],
  [
    'an update beyond 400 KB',
    () => update('x', 'SET big = :v', { ':v': 'x'.repeat(400 * 1024) }),
    'Item size to update has exceeded the maximum allowed size',
  ],
  [
    'half a key',
    () => client.send(new GetItemCommand({ TableName, Key: marshall({ pk: 'x' }) })),
    'The provided key element does not match the schema',
  ],
  [
    'a table that is not there',
    () => client.send(new GetItemCommand({ TableName: 'other', Key: key('x') })),
    'Requested resource not found',
  ],
  [
    'a consistent read of an index',
    () => query('slot = :s', { ':s': '1' }, { IndexName: 'due', ConsistentRead: true }),
    'Consistent reads are not supported on global secondary indexes',
  ],
  [
    'a query without the partition',
    () => query('sk = :s', { ':s': '1' }),
    'Query condition missed key schema element: pk',
  ],
  [
    'a filter on the key',
    () => query('pk = :s', { ':s': '1' }, { FilterExpression: 'sk = :s' }),
    'Filter Expression can only contain non-primary key attributes: Primary key attribute: sk',
  ],
  [
    'an attribute that the index has not',
    () => query('slot = :s', { ':s': '1' }, { IndexName: 'due', ProjectionExpression: 'node' }),
    'Global secondary index due does not project [node]',
  ],
  [
    'a parameter that is not done',
    () => put({ pk: 'x', sk: 'D' }, { ReturnConsumedCapacity: 'TOTAL' }),
    'ReturnConsumedCapacity',
  ],
])('%s is refused with the text of AWS', async (_name, request, text) => {
  await expect(request()).rejects.toThrow(text);
  expect(await get('x')).toBeUndefined();
});

test('a query gives one partition in the order of its sort keys, in pages, forward and backward', async () => {
  const names = ['W#a', 'W#b', 'W#ü', 'W#😀', 'P#a', 'S'];
  for (const sk of names) await put({ pk: 'server', sk, even: sk.length % 2 === 0 });
  await put({ pk: 'server2', sk: 'W#a' });
  const values = { ':p': 'server', ':w': 'W#' };
  const work = await query('pk = :p AND begins_with(sk, :w)', values);
  expect(work.items.map(item => item.sk)).toEqual(['W#a', 'W#b', 'W#ü', 'W#😀']);
  expect(work.LastEvaluatedKey).toBeUndefined();

  const seen: string[] = [];
  let ExclusiveStartKey: Record<string, AttributeValue> | undefined;
  do {
    const page = await query(
      'pk = :p',
      { ':p': 'server' },
      { Limit: 2, ScanIndexForward: false, ...(ExclusiveStartKey && { ExclusiveStartKey }) },
    );
    seen.push(...page.items.map(item => item.sk));
    ExclusiveStartKey = page.LastEvaluatedKey;
  } while (ExclusiveStartKey);
  expect(seen).toEqual(['W#😀', 'W#ü', 'W#b', 'W#a', 'S', 'P#a']);

  const filtered = await query(
    'pk = :p AND sk > :s',
    { ':p': 'server', ':s': 'S', ':t': true },
    { FilterExpression: 'even = :t', Limit: 3, Select: 'COUNT' },
  );
  expect(filtered).toMatchObject({ Count: 0, ScannedCount: 3, items: [] });
});

test('a page ends at 1 MB even without a limit', async () => {
  for (let i = 0; i < 4; i++) await put({ pk: 'big', sk: String(i), body: 'x'.repeat(300_000) });
  const first = await query('pk = :p', { ':p': 'big' });
  expect(first.items).toHaveLength(3);
  const second = await query('pk = :p', { ':p': 'big' }, { ExclusiveStartKey: first.LastEvaluatedKey! });
  expect(second.items.map(item => item.sk)).toEqual(['3']);
  expect(second.LastEvaluatedKey).toBeUndefined();
});

test('the index finds due items by number, follows each write, and has only its keys', async () => {
  for (const [pk, dueAt] of Object.entries({ d1: 9, d2: 100, d3: -5, d4: 10.5 }))
    await put({ pk, sk: 'D', slot: 's', dueAt, other: 1 });
  const due = async (now: number) =>
    (await query('slot = :s AND dueAt <= :now', { ':s': 's', ':now': now }, { IndexName: 'due' })).items;
  expect((await due(11)).map(item => item.pk)).toEqual(['d3', 'd1', 'd4']);
  expect((await due(-5))[0]).toEqual({ pk: 'd3', sk: 'D', slot: 's', dueAt: -5 });
  await update('d1', 'REMOVE dueAt');
  await update('d2', 'SET dueAt = :t', { ':t': 1 });
  await client.send(new DeleteItemCommand({ TableName, Key: key('d3') }));
  expect((await due(11)).map(item => item.pk)).toEqual(['d2', 'd4']);
  const page = await query('slot = :s', { ':s': 's' }, { IndexName: 'due', Limit: 1 });
  const next = await query('slot = :s', { ':s': 's' }, { IndexName: 'due', ExclusiveStartKey: page.LastEvaluatedKey! });
  expect(next.items.map(item => item.pk)).toEqual(['d4']);
});

test('a transaction writes everything or nothing, and says which condition failed', async () => {
  await put({ pk: 't1', sk: 'D', v: 1 });
  await put({ pk: 't2', sk: 'D', v: 1 });
  const transaction = (expected: number) =>
    client.send(
      new TransactWriteItemsCommand({
        TransactItems: [
          { Put: { TableName, Item: marshall({ pk: 't3', sk: 'D', slot: 't', dueAt: 1 }) } },
          {
            Update: {
              TableName,
              Key: key('t1'),
              UpdateExpression: 'ADD v :one',
              ExpressionAttributeValues: marshall({ ':one': 1 }),
            },
          },
          {
            Delete: {
              TableName,
              Key: key('t2'),
              ConditionExpression: 'v = :v',
              ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
              ExpressionAttributeValues: marshall({ ':v': expected }),
            },
          },
          { ConditionCheck: { TableName, Key: key('t4'), ConditionExpression: 'attribute_not_exists(pk)' } },
        ],
      }),
    );
  const error = await transaction(2).catch((thrown: TransactionCanceledException) => thrown);
  expect(error).toBeInstanceOf(TransactionCanceledException);
  const { CancellationReasons: reasons = [], message } = error as TransactionCanceledException;
  expect(message).toContain('[None, None, ConditionalCheckFailed, None]');
  expect(unmarshall(reasons[2]!.Item!)).toEqual({ pk: 't2', sk: 'D', v: 1 });
  expect([await get('t1'), await get('t2'), await get('t3')]).toEqual([
    { pk: 't1', sk: 'D', v: 1 },
    { pk: 't2', sk: 'D', v: 1 },
    undefined,
  ]);
  expect((await query('slot = :s', { ':s': 't' }, { IndexName: 'due' })).items).toEqual([]);

  await transaction(1);
  expect([(await get('t1'))!.v, await get('t2'), (await get('t3'))!.dueAt]).toEqual([2, undefined, 1]);
});

test('a transaction that is sent again with its token is applied once', async () => {
  const send = (by: number) =>
    client.send(
      new TransactWriteItemsCommand({
        ClientRequestToken: 'once',
        TransactItems: [
          {
            Update: {
              TableName,
              Key: key('token'),
              UpdateExpression: 'ADD v :one',
              ExpressionAttributeValues: marshall({ ':one': by }),
            },
          },
        ],
      }),
    );
  await send(1);
  await send(1);
  expect((await get('token'))!.v).toBe(1);
  await expect(send(2)).rejects.toThrow('same token, but with different parameters');
});

test('a transaction must not name an item twice', async () => {
  const Put = { TableName, Item: marshall({ pk: 'twice', sk: 'D' }) };
  await expect(client.send(new TransactWriteItemsCommand({ TransactItems: [{ Put }, { Put }] }))).rejects.toThrow(
    'Transaction request cannot include multiple operations on one item',
  );
});

test('a scan reads all items', async () => {
  await put({ pk: 'batch', sk: 'D' });
  const scan = await client.send(
    new ScanCommand({ TableName, FilterExpression: 'pk = :p', ExpressionAttributeValues: marshall({ ':p': 'batch' }) }),
  );
  expect(scan.Items).toHaveLength(1);
  expect(scan.ScannedCount).toBeGreaterThan(1);
});

test('a role reaches only the partitions and indexes that its policy names', async () => {
  await put({ pk: 'S#mine', sk: 'S' });
  await put({ pk: 'S#other', sk: 'S' });
  const role = provider.client(DynamoDBClient, [
    allow(['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem'], table, {
      'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['S#mine'] },
    }),
  ]);
  const read = (pk: string) => role.send(new GetItemCommand({ TableName, Key: key(pk, 'S') }));
  const list = (pk: string, more = {}) =>
    role.send(
      new QueryCommand({
        TableName,
        KeyConditionExpression: 'pk = :p',
        ExpressionAttributeValues: marshall({ ':p': pk }),
        ...more,
      }),
    );
  expect((await read('S#mine')).Item).toBeDefined();
  expect((await list('S#mine')).Items).toHaveLength(1);
  await expect(read('S#other')).rejects.toThrow('is not authorized to perform: dynamodb:GetItem');
  await expect(list('S#other')).rejects.toThrow('dynamodb:Query');
  await expect(
    role.send(
      new QueryCommand({
        TableName,
        IndexName: 'due',
        KeyConditionExpression: 'slot = :p',
        ExpressionAttributeValues: marshall({ ':p': 'S#mine' }),
      }),
    ),
  ).rejects.toThrow(`${table}/index/due`);
  await expect(
    role.send(
      new TransactWriteItemsCommand({
        TransactItems: [
          { Put: { TableName, Item: marshall({ pk: 'S#mine', sk: 'W' }) } },
          { Delete: { TableName, Key: key('S#mine', 'S') } },
        ],
      }),
    ),
  ).rejects.toThrow('dynamodb:DeleteItem');
  expect(await get('S#mine', 'W')).toBeUndefined();
});

test('a template that asks for a feature that the stand-in lacks is refused', async () => {
  const make = (more: object) =>
    provider.make('AWS::DynamoDB::GlobalTable', 'Other', { ...properties, TableName: 'other', ...more });
  await expect(make({ TimeToLiveSpecification: { Enabled: true, AttributeName: 't' } })).rejects.toThrow(
    'TimeToLiveSpecification',
  );
  await expect(make({ StreamSpecification: { StreamViewType: 'NEW_IMAGE' } })).rejects.toThrow('StreamSpecification');
  await expect(
    provider.make('AWS::DynamoDB::GlobalTable', 'Fleet', {
      ...properties,
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    }),
  ).rejects.toThrow('exists with another key');
});

test('the items exist after a restart, and an index that is added later covers them', async () => {
  await put({ pk: 'old', sk: 'D', node: 'i-1' });
  await provider.restart();
  client = provider.client(DynamoDBClient);
  const node = {
    IndexName: 'node',
    KeySchema: [{ AttributeName: 'node', KeyType: 'HASH' }],
    Projection: { ProjectionType: 'ALL' },
  };
  await provider.make('AWS::DynamoDB::GlobalTable', 'Fleet', {
    ...properties,
    AttributeDefinitions: [...properties.AttributeDefinitions, { AttributeName: 'node', AttributeType: 'S' }],
    GlobalSecondaryIndexes: [...properties.GlobalSecondaryIndexes, node],
  });
  expect((await query('node = :n', { ':n': 'i-1' }, { IndexName: 'node' })).items).toEqual([
    { pk: 'old', sk: 'D', node: 'i-1' },
  ]);
  const { Table } = await client.send(new DescribeTableCommand({ TableName }));
  expect(Table).toMatchObject({ TableArn: table, TableStatus: 'ACTIVE' });
  expect(Table!.GlobalSecondaryIndexes!.map(index => index.IndexName)).toEqual(['due', 'node']);
});
