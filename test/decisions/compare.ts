/**
 * Compares each authorization that the stand-in recorded with the answer of
 * `@cloud-copilot/iam-simulate` to the same question. The simulator runs in a process of its own,
 * because its licence is the AGPL (docs/decisions/0036).
 */
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Decision } from '../../packages/aws-stand-in/src/testing.ts';

export interface Comparison {
  compared: number;
  /** Reason of `NOT_COMPARED` → how many. */
  passedOver: Map<string, number>;
  /** Each with the question and both reasons. */
  disagreements: string[];
}

interface Simulated {
  line: number;
  /** `Allowed`, `ImplicitlyDenied`, `ExplicitlyDenied`, or the name of the simulator's error. */
  result: string;
  /** Keys that AWS's reference does not have for the action. */
  ignored?: string[];
  why?: object;
}

const NOT_COMPARED: { when(one: Decision, simulated: Simulated): boolean; reason: string }[] = [
  {
    when: ({ action }, { result }) => /^(test|x):/.test(action) && result === 'invalid.service',
    reason: 'a service that a test invents',
  },
  {
    when: ({ action }, { result }) => /^states:SendTask/.test(action) && result === 'must.use.wildcard',
    reason: "the reference has no resource for SendTaskSuccess; the machine's ARN works (aws-cdk 8486)",
  },
];

/** Keys that AWS documents elsewhere, though the reference does not list them for the action. */
const KEYS: Record<string, string[]> = {
  // DynamoDB developer guide, "Using IAM with DynamoDB transactions".
  'dynamodb:ConditionCheckItem': ['dynamodb:enclosingoperation'],
};

/** @param file that the stand-in wrote (`AWS_STAND_IN_DECISIONS`) */
export async function compare(file: string): Promise<Comparison> {
  const { decisions, unique } = await read(file);
  const comparison: Comparison = { compared: 0, passedOver: new Map(), disagreements: [] };
  for await (const simulated of simulate(unique)) {
    const decision = decisions.get(simulated.line)!;
    const reason = NOT_COMPARED.find(({ when }) => when(decision, simulated))?.reason;
    if (reason !== undefined) comparison.passedOver.set(reason, (comparison.passedOver.get(reason) ?? 0) + 1);
    else {
      comparison.compared += 1;
      const found = disagreement(decision, simulated);
      if (found !== undefined) comparison.disagreements.push(found);
    }
  }
  return comparison;
}

function disagreement(decision: Decision, { result, ignored = [], why }: Simulated): string | undefined {
  const { action, resource, principal, context, isAllowed, reason } = decision;
  const asked = `${action} on ${resource} by ${principal} with ${JSON.stringify(context)}`;
  const unknown = ignored.filter(key => !KEYS[action]?.includes(key));
  if (unknown.length > 0) return `${asked}\n  AWS's reference has no ${unknown.join(', ')} for ${action}`;
  const isAnswer = /^(Allowed|(Im|Ex)plicitlyDenied)$/.test(result);
  if (isAnswer && isAllowed === (result === 'Allowed')) return undefined;
  const ours = isAllowed ? 'allowed' : `refused: ${reason}`;
  return `${asked}\n  the stand-in: ${ours}\n  iam-simulate: ${result} ${JSON.stringify(why)}`;
}

/** @returns the distinct lines of several processes, and by its number among them each decision */
async function read(file: string): Promise<{ unique: Set<string>; decisions: Map<number, Decision> }> {
  const unique = new Set<string>();
  const decisions = new Map<number, Decision>();
  for await (const line of createInterface({ input: createReadStream(file) })) {
    if (unique.has(line)) continue;
    unique.add(line);
    const parsed = JSON.parse(line) as Decision | { policy: string };
    if ('action' in parsed) decisions.set(unique.size, parsed);
  }
  return { unique, decisions };
}

async function* simulate(lines: Iterable<string>): AsyncGenerator<Simulated> {
  const program = join(import.meta.dirname, 'simulate.mjs');
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('exit', resolve));
  child.stdin.end([...lines].map(line => `${line}\n`).join(''));
  for await (const line of createInterface({ input: child.stdout })) yield JSON.parse(line) as Simulated;
  const code = await ended;
  if (code !== 0) throw new Error(`test/decisions/simulate.mjs ended with ${code}`);
}
