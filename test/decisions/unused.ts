/**
 * Replays the calls that the functions made in a run, each against its function's policy with one
 * statement removed. A statement whose removal denies no call is superfluous, or no test needs it.
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { contextOf, Policy, type Decision } from '../../packages/aws-stand-in/src/testing.ts';
import { functionNames, type FunctionName } from '../../lib/function-names.ts';

export interface Replayed {
  calls: number;
  /** Of the functions that made a call: `<function>: <Sid>`. */
  statements: string[];
  /** Those without which each call of the run would be allowed. */
  unused: string[];
}

interface Document {
  Version: string;
  Statement: { Sid?: string }[];
}

/**
 * What a run needs by chance only, and why no test makes the call: the token of a task that waits
 * is answered by whoever comes first.
 */
const BY_CHANCE: Record<string, string> = {
  'SendDelivery: ResumeTasksSendTaskSuccess': 'a command had ended before its token was stored',
  'Sweep: ResumeTasksSendTaskSuccess': "Systems Manager's event was lost",
};

/** @param file that the stand-in wrote (`AWS_STAND_IN_DECISIONS`) */
export async function replay(file: string): Promise<Replayed> {
  const documents = new Map<string, Document>();
  /** By the hash of an identity's policy: its statements, each as a policy of its own. */
  const policies = new Map<string, { sid: string; policy: Policy }[]>();
  const asked = new Set<string>();
  const [statements, needed] = [new Set<string>(), new Set<string>()];
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const one = JSON.parse(line) as Decision | { policy: string; document: Document };
    if ('document' in one) {
      documents.set(one.policy, one.document);
      continue;
    }
    const name = functionOf(one.principal);
    const { action, resource, context, identity } = one;
    const question = JSON.stringify([name, action, resource, context, identity]);
    if (name === undefined || !one.isAllowed || asked.has(question)) continue;
    asked.add(question);
    for (const hash of identity) if (!policies.has(hash)) policies.set(hash, alone(documents.get(hash)!));
    const own = identity.flatMap(hash => policies.get(hash)!);
    for (const { sid } of own) statements.add(`${name}: ${sid}`);
    const caller = { arn: one.principal, account: '', userId: '' };
    const said = { caller, action, resource, context: contextOf(context) };
    const [first, second] = own.filter(({ policy }) => policy.decide(said) === 'allow');
    if (first && !second) needed.add(`${name}: ${first.sid}`);
  }
  const all = [...statements].sort();
  return {
    calls: asked.size,
    statements: all,
    unused: all.filter(one => !needed.has(one) && BY_CHANCE[one] === undefined),
  };
}

function alone({ Statement }: Document): { sid: string; policy: Policy }[] {
  return [Statement].flat().map(statement => ({
    sid: statement.Sid ?? '',
    policy: new Policy({ Version: '2012-10-17', Statement: [statement] }, 'identity'),
  }));
}

/** @returns undefined for a principal that is none of our functions */
function functionOf(principal: string): FunctionName | undefined {
  const [, name] = /:assumed-role\/[\w-]+-Functions(\w+)Role[0-9A-F]{8}\//.exec(principal) ?? [];
  return functionNames.find(one => one === name);
}
