/** The stack in the other partitions of AWS. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { functionNames } from '../../lib/function-names.ts';
import { SealpostStack } from '../../lib/sealpost-stack.ts';

describe.each([
  { partition: 'aws-cn', region: 'cn-north-1' },
  { partition: 'aws-us-gov', region: 'us-gov-west-1' },
])('in $partition', ({ region }) => {
  let directory: string;
  let written: string[];

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'sealpost-partition-'));
    const app = new App({ analyticsReporting: false, outdir: directory });
    const bundles = Object.fromEntries(functionNames.map(name => [name, { directory: import.meta.dirname, bytes: 0 }]));
    new SealpostStack(app, 'sealpost', { bundles, env: { account: '123456789012', region } });
    app.synth();
    const ours = (name: string) => name === 'sealpost.template.json' || /^asset\.\w+\.json$/.test(name);
    written = readdirSync(directory)
      .filter(ours)
      .map(name => readFileSync(join(directory, name), 'utf8'));
  }, 120_000);
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test('no ARN of another partition is in the template or in a state machine', () => {
    // The template, and the file of each state machine.
    expect(written).toHaveLength(4);
    for (const text of written) expect(text.match(/.{0,80}arn:aws:.{0,40}/g) ?? []).toEqual([]);
  });

  test('each integration of a state machine has its partition from the template', () => {
    const [template, ...machines] = [...written].sort((a, b) => b.length - a.length);
    for (const machine of machines)
      for (const [, resource] of machine.matchAll(/"Resource": "([^"]+)"/g))
        expect(resource).toMatch(/^(\$\{\w+\}|arn:\$\{Partition\}:states:::[\w:.]+)$/);
    const { Resources } = JSON.parse(template!) as { Resources: Record<string, { Type: string; Properties: any }> };
    const made = Object.values(Resources).filter(({ Type }) => Type === 'AWS::StepFunctions::StateMachine');
    expect(made).toHaveLength(3);
    for (const { Properties } of made)
      expect(Properties.DefinitionSubstitutions.Partition).toEqual({ Ref: 'AWS::Partition' });
  });
});
