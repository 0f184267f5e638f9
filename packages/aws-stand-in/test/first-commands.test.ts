/** What a person types first to see what is there. */
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DescribeEventBusCommand, EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { GetRoleCommand, IAMClient, ListRolesCommand } from '@aws-sdk/client-iam';
import { CreateStateMachineCommand, DescribeStateMachineCommand, SFNClient } from '@aws-sdk/client-sfn';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allow, startAccount, type Account } from '../src/testing.ts';

const busArn = 'arn:aws:events:us-east-1:000000000000:event-bus/wishes';
const policy = {
  Version: '2012-10-17',
  Statement: [{ Sid: 'All', Effect: 'Allow', Principal: '*', Action: 'events:PutEvents', Resource: busArn }],
};
const definition = JSON.stringify({
  QueryLanguage: 'JSONata',
  StartAt: 'Done',
  States: { Done: { Type: 'Succeed' } },
});
const trust = (service: string) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: `${service}.amazonaws.com` }, Action: 'sts:AssumeRole' }],
});

let account: Account;
let roleArn: string;
let stateMachineArn: string;

beforeAll(async () => {
  account = await startAccount(['dynamodb', 'sqs', 'events', 'states']);
  roleArn = account.cloud.iam.putRole('machine', trust('states'), []).arn;
  account.cloud.iam.putRole('another', trust('lambda'), []);
  const made = new CreateStateMachineCommand({ name: 'road', roleArn, definition });
  stateMachineArn = (await account.client(SFNClient).send(made)).stateMachineArn!;
  await account.make('AWS::Events::EventBus', 'Bus', { Name: 'wishes', Policy: policy });
  await account.make('AWS::DynamoDB::GlobalTable', 'Table', {
    TableName: 'table',
    BillingMode: 'PAY_PER_REQUEST',
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    Replicas: [{ Region: 'us-east-1' }],
  });
});
afterAll(() => account.stop());

test('who they are', async () => {
  const me = await account.client(STSClient).send(new GetCallerIdentityCommand({}));
  expect(me).toMatchObject({ Account: '000000000000', Arn: 'arn:aws:iam::000000000000:root' });
});

test('a state machine with its definition and role', async () => {
  const described = await account.client(SFNClient).send(new DescribeStateMachineCommand({ stateMachineArn }));
  expect(described).toMatchObject({
    ...{ stateMachineArn, name: 'road', status: 'ACTIVE', type: 'STANDARD', roleArn, definition },
    creationDate: expect.any(Date),
  });
  const absent = new DescribeStateMachineCommand({ stateMachineArn: `${stateMachineArn}s` });
  await expect(account.client(SFNClient).send(absent)).rejects.toMatchObject({ name: 'StateMachineDoesNotExist' });
});

test('the roles, in pages, and one of them with its trust', async () => {
  const client = account.client(IAMClient);
  const first = await client.send(new ListRolesCommand({ MaxItems: 1 }));
  expect(first).toMatchObject({ IsTruncated: true, Roles: [{ RoleName: 'another' }] });
  const rest = await client.send(new ListRolesCommand({ Marker: first.Marker }));
  expect(rest).toMatchObject({ IsTruncated: false, Roles: [{ RoleName: 'machine', Arn: roleArn }] });
  const { Role } = await client.send(new GetRoleCommand({ RoleName: 'machine' }));
  expect(JSON.parse(decodeURIComponent(Role!.AssumeRolePolicyDocument!))).toEqual(trust('states'));
});

test('a bus with its policy', async () => {
  const client = account.client(EventBridgeClient);
  const bus = await client.send(new DescribeEventBusCommand({ Name: 'wishes' }));
  expect(bus).toMatchObject({ Name: 'wishes', Arn: busArn });
  expect(JSON.parse(bus.Policy!)).toEqual(policy);
  expect(await client.send(new DescribeEventBusCommand({}))).toMatchObject({ Name: 'default' });
  const absent = new DescribeEventBusCommand({ Name: 'nowhere' });
  await expect(client.send(absent)).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
});

test('a table with its keys', async () => {
  const { Table } = await account.client(DynamoDBClient).send(new DescribeTableCommand({ TableName: 'table' }));
  expect(Table).toMatchObject({ TableName: 'table', TableStatus: 'ACTIVE', KeySchema: [{ AttributeName: 'pk' }] });
});

test.each<[string, new (config: any) => { send(command: any): Promise<unknown> }, () => object]>([
  ['states:DescribeStateMachine', SFNClient, () => new DescribeStateMachineCommand({ stateMachineArn })],
  ['iam:ListRoles', IAMClient, () => new ListRolesCommand({})],
  ['events:DescribeEventBus', EventBridgeClient, () => new DescribeEventBusCommand({ Name: 'wishes' })],
])('%s asks for its right', async (action, Client, command) => {
  const without = account.client(Client, [allow('s3:GetObject', '*')]);
  await expect(without.send(command())).rejects.toThrow(`not authorized to perform: ${action}`);
  await account.client(Client, [allow(action, '*')]).send(command());
});

describe('a state machine that the stand-in cannot run is the fault of its maker, by the name of the field', () => {
  const states = (one: object) => JSON.stringify({ QueryLanguage: 'JSONata', StartAt: 'One', States: { One: one } });
  const processor = { StartAt: 'P', States: { P: { Type: 'Succeed' } } };
  test.each<[string, object]>([
    ['a state of type Map', { definition: states({ Type: 'Map', ItemProcessor: processor, End: true }) }],
    ['QueryLanguage', { definition: JSON.stringify({ ...JSON.parse(definition), QueryLanguage: undefined }) }],
    ['type EXPRESS', { type: 'EXPRESS' }],
    ['publish', { publish: true }],
  ])('%s', async (field, input) => {
    const create = new CreateStateMachineCommand({ name: 'other', roleArn, definition, ...input });
    const error: any = await account
      .client(SFNClient)
      .send(create)
      .catch((thrown: unknown) => thrown);
    expect(error.$metadata.httpStatusCode).toBe(400);
    expect(error.message).toContain(field);
  });
});
