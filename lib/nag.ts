/**
 * What cdk-nag finds and we keep. The reason is said beside the resource, or beside the right, that it is about, and
 * `npm run synth` prints them all: a finding without a reason ends it.
 */
import { Stack, Validations } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import { flattenCfnReference } from 'cdk-nag/lib/utils/flatten-cfn-reference.js';
import type { Construct } from 'constructs';

const reasons = new WeakMap<iam.PolicyStatement, string>();

/** A statement whose resources hold a wildcard, and why they cannot be named more narrowly. */
export function wide(reason: string, statement: iam.PolicyStatement): iam.PolicyStatement {
  reasons.set(statement, reason);
  return statement;
}

/** @param rule as cdk-nag calls it, without the name of its pack: `S1` */
export function acknowledge(scope: Construct, rule: string, reason: string): void {
  Validations.of(scope).acknowledge({ id: `AwsSolutions-${rule}`, reason });
}

/** The reasons of `wide`, one for each resource with a wildcard, on the role or policy that has the statements. */
export function acknowledgeWide(scope: Construct, statements: iam.PolicyStatement[]): void {
  for (const statement of statements) {
    const reason = reasons.get(statement);
    if (reason === undefined) continue;
    for (const resource of Stack.of(scope).resolve(statement.resources) as unknown[]) {
      const flat = flattenCfnReference(resource);
      if (flat.includes('*')) acknowledge(scope, `IAM5[Resource::${flat}]`, reason);
    }
  }
}
