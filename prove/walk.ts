/** The steps one after the other, each with its answer, and the table at the end. */
import { columns } from '../bin/columns.ts';
import type { Call } from './account.ts';
import { differences } from './difference.ts';
import { recordedCalls, writeRecorded } from './recorded.ts';
import { redact, type Json } from './redact.ts';
import { steps, type Step } from './steps.ts';
import type { At, Subject } from './subject.ts';

export interface Result {
  step: Step;
  /** Absent: the step was not asked, because one that it needs has differed. */
  differs?: string[];
}

export interface Told {
  say: (line: string) => void;
  /** The calls since the last time. */
  calls: () => Call[];
  /** The folder for the answers. */
  directory: string;
}

export const expectedOf = ({ expects }: Step, subject: Pick<Subject, 'node'>): Json =>
  typeof expects === 'function' ? expects(subject) : expects;

/** @throws AbortError if the signal comes */
export async function* walk(at: At, { say, calls, directory }: Told): AsyncGenerator<Result> {
  const known = knownOf(at.subject);
  let goesOn = true;
  for (const step of steps) {
    if (!goesOn) {
      yield { step };
      continue;
    }
    say(`${step.about} …`);
    calls();
    const expected = expectedOf(step, at.subject);
    const answered = redact(await answerOf(step, at), known);
    const made = calls();
    writeRecorded(directory, {
      step: step.name,
      answeredBy: [...new Set(made.map(({ host }) => String(redact(host, known))))].filter(host => host !== ''),
      ...{ expected, answered, calls: recordedCalls(made, known) },
    });
    const differs = differences({ expected, answered });
    for (const line of differs) say(`  ${step.name} differs: ${line}`);
    goesOn = !step.isNeeded || differs.length === 0;
    yield { step, differs };
  }
}

/** An error is an answer: its name, and its message where no error was expected. */
async function answerOf(step: Step, at: At): Promise<Json> {
  try {
    return await step.asks(at);
  } catch (error) {
    if (at.signal.aborted) throw error;
    const { name, message } = error as Error;
    const isExpected = JSON.stringify(expectedOf(step, at.subject)) === JSON.stringify({ error: name });
    return { error: name, ...(!isExpected && { message }) };
  }
}

/** What is this account's own, and the word for it in what is written. */
export function knownOf(subject: Subject): Record<string, string> {
  const { stack, region, account, role, node, server, address, zone, domain } = subject;
  const roleName = role.slice(role.lastIndexOf('/') + 1);
  return {
    ...{ [domain]: 'domain', [server]: 'server', [zone.name]: 'zone', [zone.id]: 'zone id', [roleName]: 'role' },
    ...{ [stack]: 'stack', [region]: 'region', [account]: 'account', [node]: 'node', [address]: 'address' },
  };
}

export function table(results: Result[]): string {
  const verdict = ({ differs }: Result) =>
    differs === undefined ? 'not asked' : differs.length === 0 ? 'as expected' : 'DIFFERS';
  const rows = results.map(result => [
    ...[result.step.name, verdict(result)],
    (result.differs?.length ?? 0) > 0 ? result.step.explain : '',
  ]);
  return columns(['Step', 'Answer', 'What to do'], rows);
}
