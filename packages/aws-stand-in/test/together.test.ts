/**
 * Combinations in one request that AWS's documentation (the SDK's own text of each member) forbids.
 */
import { DynamoDBClient, QueryCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { ListHostedZonesByNameCommand, ListResourceRecordSetsCommand, Route53Client } from '@aws-sdk/client-route-53';
import { ListExecutionsCommand, SFNClient } from '@aws-sdk/client-sfn';
import {
  ListCommandInvocationsCommand,
  ListCommandsCommand,
  PutParameterCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAccount, type Account } from '../src/testing.ts';

let account: Account;
beforeAll(async () => {
  account = await startAccount(['kms', 's3', 'sqs', 'events', 'ssm', 'route53', 'dynamodb', 'states', 'logs']);
  await account.make('AWS::DynamoDB::GlobalTable', 'Table', {
    TableName: 'table',
    BillingMode: 'PAY_PER_REQUEST',
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    Replicas: [{ Region: 'us-east-1' }],
  });
});
afterAll(() => account.stop());

const pending = [{ key: 'Status' as const, value: 'Pending' }];
const InstanceId = 'mi-00000000000000001';
const byKey = { KeyConditionExpression: 'pk = :p', ExpressionAttributeValues: { ':p': { S: 'p' } } };
const stateMachineArn = 'arn:aws:states:us-east-1:000000000000:stateMachine:none';

describe('one request must not have', () => {
  test.each<[string, new (config: any) => { send(command: any): Promise<unknown> }, object, string | RegExp]>([
    [
      "a node's id beside the status Pending, in ListCommands",
      SSMClient,
      new ListCommandsCommand({ InstanceId, Filters: pending }),
      /^ValidationException: .*Status = Pending/,
    ],
    [
      "a node's id beside the status Pending, in ListCommandInvocations",
      SSMClient,
      new ListCommandInvocationsCommand({ InstanceId, Filters: pending }),
      /^ValidationException: .*Status = Pending/,
    ],
    [
      'a hosted zone to begin at without its name',
      Route53Client,
      new ListHostedZonesByNameCommand({ HostedZoneId: 'Z0000' }),
      /^InvalidInput/,
    ],
    [
      'a type to begin at without a name',
      Route53Client,
      new ListResourceRecordSetsCommand({ HostedZoneId: 'Z0000', StartRecordType: 'TXT' }),
      /^InvalidInput|^NoSuchHostedZone/,
    ],
    [
      'a state machine beside executions of a map run that wait for a redrive',
      SFNClient,
      new ListExecutionsCommand({ stateMachineArn, statusFilter: 'PENDING_REDRIVE' }),
      /^ValidationException/,
    ],
    [
      'a projection beside the choice of all attributes, in Query',
      DynamoDBClient,
      new QueryCommand({ TableName: 'table', ...byKey, ProjectionExpression: 'pk', Select: 'ALL_ATTRIBUTES' }),
      /^ValidationException/,
    ],
    [
      'a projection beside a count, in Scan',
      DynamoDBClient,
      new ScanCommand({ TableName: 'table', ProjectionExpression: 'pk', Select: 'COUNT' }),
      /^ValidationException/,
    ],
    [
      "the choice of an index's attributes without an index",
      DynamoDBClient,
      new QueryCommand({ TableName: 'table', ...byKey, Select: 'ALL_PROJECTED_ATTRIBUTES' }),
      /^ValidationException/,
    ],
    [
      'the choice of some attributes without their names',
      DynamoDBClient,
      new ScanCommand({ TableName: 'table', Select: 'SPECIFIC_ATTRIBUTES' }),
      /^ValidationException/,
    ],
  ])('%s', async (_, Client, command, refusal) => {
    const sent = account.client(Client).send(command).catch(String);
    expect(await sent).toMatch(refusal);
  });
});

test.each(['aws-deliver', 'Amazon-deliver', 'amzn-deliver'])('a document is not named %s', async Name => {
  const step = { action: 'aws:runShellScript', name: 'one', inputs: { runCommand: ['true'] } };
  const Content = { schemaVersion: '2.2', mainSteps: [step] };
  const made = account.make('AWS::SSM::Document', 'Document', { Name, DocumentType: 'Command', Content });
  await expect(made).rejects.toMatchObject({ name: 'ValidationException' });
});

test.each(['aws', '/aws-mail/key', '/SSM-mail/key', 'mail/key'])(
  'a parameter must not have the name %s',
  async Name => {
    const put = new PutParameterCommand({ Name, Value: 'v', Type: 'String' });
    await expect(account.client(SSMClient).send(put)).rejects.toMatchObject({
      name: 'ValidationException',
      // The text of AWS itself (https://github.com/aws/aws-sdk-php/issues/1952).
      message: expect.stringMatching(/^Parameter name: can't be prefixed with "ssm" \(case-insensitive\)/),
    });
  },
);
