/** Values that CloudFormation's description of a type does not name. */
import { expect, test } from 'vitest';
import { judgeValues } from '../../../lib/judges/values.ts';

const judged = (Type: string, Properties: Record<string, unknown>) =>
  judgeValues({ Resources: { One: { Type, Properties } } });
const schedule = (State: unknown) => judged('AWS::Scheduler::Schedule', { State });

test('a value that is named is compared, and one that the deploy makes is not', () => {
  expect(schedule('ENABLED')).toBe(1);
  expect(schedule({ Ref: 'State' })).toBe(0);
});

test('a value that is not named is refused, with those that are', () => {
  const refusal = 'One (AWS::Scheduler::Schedule): State is ON, and only ENABLED, DISABLED are known';
  expect(() => schedule('ON')).toThrow(refusal);
  expect(() => schedule({ 'Fn::If': ['IsOn', 'ENABLED', 'ON'] })).toThrow(refusal);
});

test('a value inside a structure of a list is found', () => {
  const mode = (Mode: string) => judged('AWS::Scheduler::Schedule', { FlexibleTimeWindow: { Mode } });
  expect(mode('OFF')).toBe(1);
  expect(() => mode('NEVER')).toThrow('FlexibleTimeWindow: Mode is NEVER');
  const rules = (Status: string) =>
    judged('AWS::S3::Bucket', { LifecycleConfiguration: { Rules: [{ Status, ExpirationInDays: 1 }] } });
  expect(rules('Enabled')).toBe(1);
  expect(() => rules('On')).toThrow('LifecycleConfiguration: Rules: Status is On');
});
