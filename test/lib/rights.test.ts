/**
 * What each function may do with each kind of item, as IAM decides it from the template's policies.
 * The table here is the second key to lib/functions.ts: whoever widens a right changes both.
 */
import { DeleteItemCommand, DynamoDBClient, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KINDS, type Kind } from '../../aws/keys.ts';
import { functionNames, kebab, type FunctionName } from '../../lib/function-names.ts';
import type { Template } from '../../lib/judges/template.ts';
import { startAccount, type Account } from '../../packages/aws-stand-in/src/testing.ts';
import { read } from '../house/sources.ts';
import { rightsOf, STACK, stackTemplate, type Statement } from '../house/stack-template.ts';

const ACTIONS = ['GetItem', 'Query', 'PutItem', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem', 'Scan'] as const;
type Action = (typeof ACTIONS)[number];

/** Function → action → kinds of items, and whether it queries the index of due items. */
const MAY: Partial<Record<FunctionName, Partial<Record<Action, string>> & { index?: true }>> = {
  RegisterServer: {
    ...{ GetItem: 'domain server node', UpdateItem: 'domain server node' },
    ...{ Query: 'server', PutItem: 'server', DeleteItem: 'server' },
  },
  ClaimDomain: {
    ...{ GetItem: 'domain server issuer', UpdateItem: 'domain server issuer', PutItem: 'server' },
    ...{ DeleteItem: 'domain server', ConditionCheckItem: 'domain' },
  },
  CreateOrder: { GetItem: 'issuer', UpdateItem: 'domain issuer' },
  PublishChallenges: { UpdateItem: 'domain' },
  Validate: { GetItem: 'issuer', UpdateItem: 'domain' },
  FinalizeOrder: { GetItem: 'server issuer', UpdateItem: 'domain server', PutItem: 'server' },
  ReleaseDomain: { GetItem: 'server', UpdateItem: 'domain server' },
  ImportToAcm: { GetItem: 'server acm', UpdateItem: 'domain acm', PutItem: 'acm', DeleteItem: 'acm', Query: 'acm' },
  RevokeCertificate: { GetItem: 'issuer', UpdateItem: 'domain' },
  ParkDomain: { GetItem: 'server issuer', UpdateItem: 'domain issuer', PutItem: 'server' },
  AssembleDelivery: { GetItem: 'domain server', UpdateItem: 'domain server', Query: 'server' },
  SendDelivery: { GetItem: 'token', PutItem: 'token', UpdateItem: 'server' },
  RecordDelivery: {
    ...{ GetItem: 'domain server', UpdateItem: 'domain server outside', PutItem: 'server', Query: 'server' },
    ...{ DeleteItem: 'server token', ConditionCheckItem: 'domain' },
  },
  ReleaseServer: { UpdateItem: 'server', Query: 'server', DeleteItem: 'token' },
  OnCommandStatus: { GetItem: 'token' },
  OnAcmExpiry: { GetItem: 'domain acm', UpdateItem: 'domain' },
  Sweep: { GetItem: 'server token', UpdateItem: 'server', DeleteItem: 'token', index: true },
  LookFromOutside: { GetItem: 'server', Query: 'server outside', PutItem: 'outside', DeleteItem: 'outside' },
  LastGuard: { GetItem: 'domain server foreign page', PutItem: 'page', DeleteItem: 'foreign', index: true },
  Audit: { GetItem: 'server', UpdateItem: 'server outside', PutItem: 'outside', Query: 'outside' },
  ReadRenewalInfo: { GetItem: 'walk', UpdateItem: 'domain walk', index: true },
  Renew: { GetItem: 'domain server', UpdateItem: 'domain', Query: 'server', index: true },
};

/** A partition key of each kind. */
const EXAMPLE: Record<Kind, string> = {
  ...{ domain: 'D#bakery.test', server: 'S#mx1.provider.test', node: 'N#i-0abc0000000000000' },
  ...{ token: `T#${'0'.repeat(64)}`, acm: 'M#', issuer: 'I#https://ca.test/directory', walk: 'R#renewal-info' },
  ...{ outside: 'O#servers', foreign: 'G#bakery.test', page: 'G#' },
};
const kinds = Object.keys(KINDS) as Kind[];
const TABLE = 'arn:aws:dynamodb:us-east-1:000000000000:table/work';

let template: Template;
let account: Account;
beforeAll(async () => {
  template = stackTemplate();
  account = await startAccount(['dynamodb']);
  await account.make('AWS::DynamoDB::GlobalTable', 'Table', {
    TableName: 'work',
    BillingMode: 'PAY_PER_REQUEST',
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
    AttributeDefinitions: ['pk', 'sk'].map(AttributeName => ({ AttributeName, AttributeType: 'S' })),
    Replicas: [{ Region: 'us-east-1' }],
  });
}, 300_000);
afterAll(() => account?.stop());

/** The function's rights on the table, which are on the table of this account here. */
function onTable(name: FunctionName): Statement[] {
  const own = rightsOf(name, template).filter(({ Action }) => Action.every(action => action.startsWith('dynamodb:')));
  const here = (arn: string) => arn.replace(/^arn:.*:table\/[^/]+/, TABLE);
  return own.map(statement => ({ ...statement, Resource: statement.Resource.map(here) }));
}

/** @returns whether IAM lets the function do this */
async function decisions(name: FunctionName) {
  const { iam } = account.cloud;
  const caller = await account.caller(account.client(DynamoDBClient, onTable(name)));
  return (action: Action, resource: string, pk?: string) => {
    const context: Record<string, string[]> = pk === undefined ? {} : { 'dynamodb:LeadingKeys': [pk] };
    try {
      iam.authorize(caller, `dynamodb:${action}`, resource, context);
      return true;
    } catch {
      return false;
    }
  };
}

describe('IAM lets this function read and write the kinds of items that it needs, and denies every other:', () => {
  test.each(functionNames)('%s', async name => {
    const may = await decisions(name);
    const { index = false, ...wanted } = MAY[name] ?? {};
    const found = ACTIONS.flatMap(action => {
      // IAM knows no leading key of a Scan.
      const of = kinds.filter(kind => may(action, TABLE, action === 'Scan' ? undefined : EXAMPLE[kind]));
      return of.length > 0 ? [[action, of.join(' ')]] : [];
    });
    const inOrder = ([action, of]: [string, string]) => [action, kinds.filter(kind => of.split(' ').includes(kind))];
    expect(Object.fromEntries(found.map(([action, of]) => inOrder([action!, of!])))).toEqual(
      Object.fromEntries(Object.entries(wanted).map(inOrder)),
    );
    expect(may('Query', `${TABLE}/index/due`, '7')).toBe(index);
    // A call without a key, or with one more of another kind, is no way around the condition.
    for (const action of ACTIONS) expect(may(action, TABLE), `${action} without a key`).toBe(false);
    expect(may('GetItem', TABLE, 'X#something')).toBe(false);
  });
});

describe('the function that speaks TLS with strangers, if a stranger takes it over,', () => {
  const calls = (name: FunctionName, pk: string) => {
    const client = account.client(DynamoDBClient, onTable(name));
    const TableName = 'work';
    const Key = { pk: { S: pk }, sk: { S: '/S' } };
    return {
      put: () => client.send(new PutItemCommand({ TableName, Item: { ...Key, node: { S: 'i-0attacker' } } })),
      update: () =>
        client.send(
          new UpdateItemCommand({
            ...{ TableName, Key, UpdateExpression: 'SET node = :node' },
            ExpressionAttributeValues: { ':node': { S: 'i-0attacker' } },
          }),
        ),
      remove: () => client.send(new DeleteItemCommand({ TableName, Key })),
    };
  };
  const attacks = kinds.filter(kind => kind !== 'outside').map(kind => [kind, EXAMPLE[kind]] as const);

  test.each(attacks)('writes no item of the kind %s', async (_, pk) => {
    const { put, update, remove } = calls('LookFromOutside', pk);
    for (const attack of [put, update, remove]) await expect(attack()).rejects.toThrow('not authorized to perform');
  });

  test('writes what it saw', async () => {
    await calls('LookFromOutside', EXAMPLE.outside).put();
    await calls('LookFromOutside', EXAMPLE.outside).remove();
  });

  test.each([
    ['Endpoints Unverified', true],
    ['Certificate Issued', false],
    ['Served Certificate Approaching Expiration', false],
  ])('says of all facts only what it saw: %s %s', async (fact, isAllowed) => {
    const own = rightsOf('LookFromOutside', template).filter(({ Action }) => Action.includes('events:PutEvents'));
    const caller = await account.caller(account.client(DynamoDBClient, own));
    const said =
      (...facts: string[]) =>
      () =>
        account.cloud.iam.authorize(caller, 'events:PutEvents', own[0]!.Resource[0]!, {
          'events:source': facts.map(() => 'sealpost'),
          'events:detail-type': facts,
        });
    if (isAllowed) said(fact)();
    else for (const facts of [[fact], ['Endpoints Unverified', fact]]) expect(said(...facts)).toThrow('not authorized');
  });

  test('may ask the function Audit for an audit, and start nothing', () => {
    const others = rightsOf('LookFromOutside', template).filter(
      ({ Action }) => !Action.some(action => /^(dynamodb|logs|events):/.test(action)),
    );
    expect(others.map(({ Action, Resource }) => [...Action, ...Resource].join(' '))).toEqual([
      `lambda:InvokeFunction arn:aws:lambda:us-east-1:123456789012:function:${STACK}-${kebab('Audit')}`,
    ]);
  });
});

test('every item that docs/protocol.md lists is of one kind, and every kind is listed', () => {
  const keys = [...read('docs/protocol.md').matchAll(/^\| `([A-Z]#[^`]*)`, `\/\w/gm)].map(([, pk]) => pk!);
  const like = (pattern: string) => new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`);
  const of = (pk: string) => kinds.filter(kind => like(KINDS[kind]).test(pk.replace(/<\w+>/, 'x')));
  expect(keys.filter(pk => of(pk).length !== 1)).toEqual([]);
  expect(new Set(keys.flatMap(of))).toEqual(new Set(kinds));
});
