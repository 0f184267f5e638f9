/**
 * Findings of cdk-nag that we accept, each with a reason. The reason stands beside the resource or
 * the right. `npm run synth` prints all reasons, and fails on a finding without one.
 */
import { Stack, Validations } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import { flattenCfnReference } from 'cdk-nag/lib/utils/flatten-cfn-reference.js';
import type { Construct } from 'constructs';

const reasons = new WeakMap<iam.PolicyStatement, string>();

/**
 * Marks a statement whose resources have a wildcard.
 * @param reason why the resources cannot be named more narrowly
 */
export function wide(reason: string, statement: iam.PolicyStatement): iam.PolicyStatement {
  reasons.set(statement, reason);
  return statement;
}

/** @param finding.rule cdk-nag's name of the rule, without the name of the pack: `S1` */
export function acknowledge(scope: Construct, finding: { rule: string; reason: string }): void {
  Validations.of(scope).acknowledge({ id: `AwsSolutions-${finding.rule}`, reason: finding.reason });
}

/** Acknowledges each resource with a wildcard, with the reason given to `wide`. */
export function acknowledgeWide(scope: Construct, statements: iam.PolicyStatement[]): void {
  for (const statement of statements) {
    const reason = reasons.get(statement);
    if (reason === undefined) continue;
    for (const resource of Stack.of(scope).resolve(statement.resources) as unknown[]) {
      const flat = flattenCfnReference(resource);
      if (flat.includes('*')) acknowledge(scope, { rule: `IAM5[Resource::${flat}]`, reason });
    }
  }
}
