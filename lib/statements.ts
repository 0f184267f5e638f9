/** How a right becomes a statement of a policy. */
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Right } from './why.ts';

export function named(service: string, actions: string[]): string[] {
  return actions.map(action => `${service}:${action}`);
}

/** ForAllValues is true for a key without values, so an Allow asks that there are some. */
export function present(keys: Record<string, string[]>): Record<string, string> {
  return Object.fromEntries(Object.keys(keys).map(key => [key, 'false']));
}

/**
 * The Sid is the right's name with the actions, because IAM wants each Sid once in a policy.
 * @param rest.on ARNs @param rest.where IAM conditions
 */
export function allow(
  right: Right,
  actions: string[],
  { on, where }: { on: string[]; where?: Record<string, Record<string, string | string[]>> },
): iam.PolicyStatement {
  const sid = [right, ...actions.map(action => action.replace(/^.*:/, ''))].join('');
  return new iam.PolicyStatement({ sid, actions, resources: on, ...(where && { conditions: where }) });
}

/**
 * Puts events with our source only. A batch has the sources of all its entries in one key, which
 * needs a set operator (IAM user guide, "Multivalued context keys").
 * @param only detail types; none: every fact
 */
export function speakAsSealpost(busArn: string, only: string[] = []): iam.PolicyStatement {
  const ours = { 'events:source': ['sealpost'], ...(only.length > 0 && { 'events:detail-type': only }) };
  const where = { 'ForAllValues:StringEquals': ours, Null: present(ours) };
  return allow('SpeakAsSealpost', ['events:PutEvents'], { on: [busArn], where });
}
