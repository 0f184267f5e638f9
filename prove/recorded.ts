/**
 * Answers as files, one for each step: what was expected and answered, and each call with its
 * answer. `npm test` replays them against the stand-in for AWS. Nothing is written that redact has
 * not seen.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Call } from './account.ts';
import { redact, type Json } from './redact.ts';

/** The directory in the checkout that the tests read. */
export const RECORDED = join(import.meta.dirname, '../test/prove/recorded');

export interface RecordedCall {
  service: string;
  operation: string;
  input: Json;
  output?: Json;
  error?: string;
}

export interface Recorded {
  step: string;
  /** The hosts that answered: `events.<region>.amazonaws.com`, or the host of a stand-in. */
  answeredBy: string[];
  expected: Json;
  answered: Json;
  calls: RecordedCall[];
}

/** The table has sealpost's own state, and the configuration of a function has its settings. */
const OURS = ['DynamoDB', 'GetFunctionConfiguration'];
/** Lists of what is alike: the first ones show the form. */
const LONG = ['executions', 'Commands', 'ResourceRecordSets'];
const MOST = 2;

/** The calls of one step. Of the same call in a row of looks, the last answer counts. */
export function recordedCalls(calls: Call[], known: Record<string, string>): RecordedCall[] {
  const kept = new Map<string, RecordedCall>();
  for (const { service, operation, input, output, error } of calls) {
    if (OURS.includes(service) || OURS.includes(operation)) continue;
    const asked = { service, operation, input: redact(input, known) };
    const answer = error === undefined ? { output: redact(shortened(output ?? {}), known) } : { error: error.name };
    const key = JSON.stringify(asked);
    kept.delete(key);
    kept.set(key, { ...asked, ...answer });
  }
  return [...kept.values()];
}

function shortened(output: object): object {
  const members = Object.entries(output);
  return Object.fromEntries(members.map(([name, value]) => [name, LONG.includes(name) ? value.slice(0, MOST) : value]));
}

export function writeRecorded(directory: string, recorded: Recorded): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${recorded.step}.json`), `${JSON.stringify(recorded, undefined, 2)}\n`);
}

export function readRecorded(directory: string): Recorded[] {
  const names = readdirSync(directory).filter(name => name.endsWith('.json'));
  return names.sort().map(name => JSON.parse(readFileSync(join(directory, name), 'utf8')) as Recorded);
}
