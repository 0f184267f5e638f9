import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CfnResource, Stack } from 'aws-cdk-lib';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bundle } from '../../lib/bundles.ts';
import { functionNames } from '../../lib/function-names.ts';
import { acknowledge } from '../../lib/nag.ts';
import { SealpostStack } from '../../lib/sealpost-stack.ts';
import { judge, judgeMachine, strictApp } from '../../lib/synth-check.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sealpost-synth-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('npm run synth', { timeout: 120_000 }, () => {
  test('finds nothing in the stack but what has a reason beside it', () => {
    const app = strictApp(directory);
    new SealpostStack(app, 'sealpost', { bundles: bundle(functionNames) });
    const { resources, acknowledged } = judge(app);
    expect(resources).toBeGreaterThan(functionNames.length);
    for (const [reason, findings] of acknowledged)
      expect(reason.length, findings.join()).toBeGreaterThan('no reason at all'.length);
  });

  test('ends at a bucket that cdk-nag would have otherwise, and says which', () => {
    const app = strictApp(directory);
    new s3.Bucket(new Stack(app, 'careless'), 'Open');
    expect(() => judge(app)).toThrow('careless/Open');
  });

  test('goes on when each finding has its reason', () => {
    const app = strictApp(directory);
    const bucket = new s3.Bucket(new Stack(app, 'careful'), 'Open');
    acknowledge(bucket, { rule: 'S1', reason: 'it is a test' });
    acknowledge(bucket, { rule: 'S10', reason: 'it is a test' });
    expect(judge(app).acknowledged.get('it is a test')).toEqual([
      'AwsSolutions-S1 at careful/Open',
      'AwsSolutions-S10 at careful/Open',
    ]);
  });

  test('ends at a property that CloudFormation does not know', () => {
    const app = strictApp(directory);
    new CfnResource(new Stack(app, 'mistyped'), 'Table', {
      type: 'AWS::SNS::Topic',
      properties: { TopicNmae: 'x' },
    });
    expect(() => judge(app)).toThrow('TopicNmae');
  });

  test('ends at a state machine that goes on to a state which is not there', () => {
    const text = readFileSync(new URL('../../statemachines/register-server.asl.json', import.meta.url), 'utf8');
    const { StartAt } = JSON.parse(text) as { StartAt: string };
    const judged = (definition: string) => judgeMachine({ name: 'register-server', definition });
    expect(() => judged(text)).not.toThrow();
    expect(() => judged(text.replace(`"StartAt": "${StartAt}"`, '"StartAt": "Nowhere"'))).toThrow('Nowhere');
  });
});
