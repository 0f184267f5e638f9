/**
 * `npm run synth`: synthesises the stack and checks it: CDK's validation (schemas and rules of
 * CloudFormation), cdk-nag's AwsSolutions, asl-validator, each policy against AWS's service
 * authorization reference, and each name against a second stack. Fails on any finding.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import aslValidator from 'asl-validator';
import { App, CfnResource, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { IConstruct } from 'constructs';
import { bundle } from './bundles.ts';
import { functionNames } from './function-names.ts';
import { judgeIdentifiers } from './judges/identifiers.ts';
import { judgePolicies } from './judges/policies.ts';
import { judgeValues } from './judges/values.ts';
import { SealpostStack } from './sealpost-stack.ts';

const CHECKOUT = join(import.meta.dirname, '..');

export interface Judged {
  resources: number;
  /** Reason → the findings that the reason acknowledges, each as `rule at construct`. */
  acknowledged: Map<string, string[]>;
}

/**
 * @throws Error with the findings of asl-validator, after placeholder ARNs replaced the
 * substitutions
 */
export function judgeMachine({ name, definition }: { name: string; definition: string }): void {
  const filled = definition
    .replaceAll('${Partition}', 'aws')
    .replace(/\$\{\w+\}/g, 'arn:aws:lambda:us-east-1:000000000000:function:step');
  const { isValid, errorsText } = aslValidator(JSON.parse(filled));
  if (!isValid) throw new Error(`${name}: ${errorsText('; ')}`);
}

/** An app whose synthesis fails on each error and each warning of CloudFormation's rules. */
export function strictApp(outdir: string): App {
  const { context } = JSON.parse(readFileSync(join(CHECKOUT, 'cdk.json'), 'utf8')) as { context: object };
  const strict = {
    '@aws-cdk/core:validateAgainstDefaultRules': true,
    '@aws-cdk/core:strictCfnValidateErrors': true,
    // The error that synthesis throws then has the findings.
    '@aws-cdk/core:appMode': 'inmemory',
  };
  return new App({ analyticsReporting: false, outdir, context: { ...context, ...strict } });
}

/** @throws Error with each finding and the line of lib/ that made the resource */
export function judge(app: App): Judged {
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  // cdk-nag's rule EVB1 reads a deprecated property. CDK has warned about our own code before this
  // line.
  process.env.JSII_DEPRECATED = 'quiet';
  app.synth();
  const constructs = app.node.findAll();
  return { resources: constructs.filter(CfnResource.isCfnResource).length, acknowledged: acknowledgements(constructs) };
}

function acknowledgements(constructs: IConstruct[]): Map<string, string[]> {
  const findings = new Map<string, string[]>();
  for (const { node } of constructs)
    for (const { type, data } of node.metadata)
      if (type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
        for (const [rule, reason] of Object.entries(data as Record<string, string>))
          findings.set(reason, [...(findings.get(reason) ?? []), `${rule.replace(/^.*?::/, '')} at ${node.path}`]);
  return findings;
}

async function main(): Promise<void> {
  const machines = readdirSync(join(CHECKOUT, 'statemachines')).filter(name => name.endsWith('.asl.json'));
  for (const name of machines)
    judgeMachine({ name, definition: readFileSync(join(CHECKOUT, 'statemachines', name), 'utf8') });
  console.log(`asl-validator: ${machines.join(', ')}: nothing found`);
  const app = strictApp(join(CHECKOUT, 'cdk.out'));
  const stack = new SealpostStack(app, app.node.tryGetContext('stack') ?? 'sealpost', {
    bundles: bundle(functionNames),
  });
  const { resources, acknowledged } = judge(app);
  console.log(`CDK's CloudFormation validation: ${resources} resources: nothing found`);
  const count = [...acknowledged.values()].flat().length;
  console.log(
    `cdk-nag, AwsSolutions: nothing found but ${count} findings acknowledged, for ${acknowledged.size} reasons`,
  );
  for (const [reason, findings] of acknowledged)
    console.log(`  ${reason}\n${findings.map(one => `    ${one}`).join('\n')}`);
  const { template } = app.synth().getStackByName(stack.stackName);
  const rights = await judgePolicies(template);
  console.log(`AWS's service authorization reference: ${rights} pairs of a statement and an action: nothing found`);
  const named = judgeIdentifiers(template, stack);
  const values = judgeValues(template);
  console.log(
    `CloudFormation's description of the types: ${named} resources, ${values} values of lists: nothing found`,
  );
  console.log('The stack is in cdk.out');
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
