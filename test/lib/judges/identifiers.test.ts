/** Templates that one stack can be made of, and a second one cannot, or only by luck. */
import { expect, test } from 'vitest';
import { judgeIdentifiers } from '../../../lib/judges/identifiers.ts';

const judged = (Resources: Record<string, { Type: string; Properties?: Record<string, unknown> }>) =>
  judgeIdentifiers({ Resources }, { stackName: 'panel' });

const Type = 'AWS::Events::EventBusPolicy';
const statement = (StatementId: string, bus: string) => ({
  Type,
  Properties: { EventBusName: { Ref: bus }, StatementId, Statement: {} },
});
const Bus = { Type: 'AWS::Events::EventBus', Properties: { Name: 'panel' } };

test('names with the name of the stack, and names that CloudFormation makes, are well', () => {
  const Letters = { Type: 'AWS::SQS::Queue' };
  const Work = { Type: 'AWS::DynamoDB::Table', Properties: { TableName: { 'Fn::Sub': '${AWS::StackName}-work' } } };
  const Role = { Type: 'AWS::IAM::Role', Properties: { RoleName: 'panel-sender' } };
  expect(judged({ Bus, Letters, Work, Role })).toBe(4);
});

test('a name that is the same in every stack is refused', () => {
  const Role = { Type: 'AWS::IAM::Role', Properties: { RoleName: 'sender' } };
  expect(() => judged({ Role })).toThrow('Role (AWS::IAM::Role): RoleName is sender in every stack');
});

test('an identifier of two parts is refused only if both are the same in every stack', () => {
  const invoke = (FunctionName: unknown) => ({
    Type: 'AWS::Lambda::EventInvokeConfig',
    Properties: { FunctionName, Qualifier: '$LATEST' },
  });
  expect(judged({ Limits: invoke({ Ref: 'Sweep' }) })).toBe(1);
  expect(() => judged({ Limits: invoke('sweep') })).toThrow('FunctionName and Qualifier is sweep and $LATEST');
});

test('a statement of a bus is named in the whole account: the fault of the first policy of the bus', () => {
  expect(() => judged({ Bus, One: statement('OnlySenders', 'Bus') })).toThrow('StatementId is OnlySenders in every');
});

test('two statements are written into the policy of one bus side by side', () => {
  const two = { Bus, One: statement('panel-1', 'Bus'), Two: statement('panel-2', 'Bus') };
  expect(() => judged(two)).toThrow(`One, Two: CloudFormation makes each ${Type} of Bus beside the others`);
  const apart = { Bus, Other: { Type: 'AWS::Events::EventBus' }, One: two.One, Two: statement('panel-2', 'Other') };
  expect(judged(apart)).toBe(4);
});

test('two policies of one queue are found, though each names it in a list', () => {
  const policy = { Type: 'AWS::SQS::QueuePolicy', Properties: { Queues: [{ Ref: 'Letters' }], PolicyDocument: {} } };
  const Letters = { Type: 'AWS::SQS::Queue' };
  expect(judged({ Letters, One: policy })).toBe(2);
  expect(() => judged({ Letters, One: policy, Two: policy })).toThrow('One, Two: CloudFormation makes each');
});
