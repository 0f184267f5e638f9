import { describe, expect, test } from 'vitest';
import { endNames, type EndName } from '../../core/ended.ts';
import { remedies, type ErrorName } from '../../core/errors.ts';
import { isTask } from '../../statemachines/draw.ts';
import { machines } from '../../statemachines/machines.ts';
import { files, json, read, under, withoutComments } from './sources.ts';

const errors = Object.keys(remedies) as ErrorName[];
const names: (ErrorName | EndName)[] = [...errors, ...endNames];
const namedIn = (entries: any[] = []): string[] => entries.flatMap(({ ErrorEquals }) => ErrorEquals);
/** Each state as it is drawn, with the step that declares it. */
const states = machines.flatMap(({ name: machine, states: declared }) =>
  Object.entries<any>(json(`statemachines/${machine}.asl.json`).States).map(([name, state]) => {
    const it = declared[name]!;
    const own: string[] = isTask(it) ? [...it.throws, ...Object.keys(it.ends ?? {})] : [];
    const [retried, caught] = [namedIn(state.Retry), namedIn(state.Catch)];
    return { name, state, own, retried, caught: [...retried, ...caught] };
  }),
);
/** Names of AWS's: reserved ones, Lambda's own, how its sandbox and runtime end, and a refusal. */
const isForeign = (name: string) => /^(States|Lambda|Sandbox|Runtime)\.|^AccessDenied(Exception)?$/.test(name);

/** Without the tables, and without what a step merely declares. */
const cloud = [...under('core', 'aws', 'lambdas'), 'statemachines/step.ts']
  .filter(path => !['core/errors.ts', 'core/ended.ts'].includes(path))
  .map(path => withoutComments(read(path)))
  .join('\n');
const host = files
  .filter(path => /^install\/.*\.sh$/.test(path))
  .map(read)
  .join('\n');
/** Thrown here, or made from another's words (`nameOf` in core/acme/problem.ts). */
const isThrown = (name: string) => new RegExp(`'${name}'`).test(cloud);
/** Printed by the installer as the reason of an entry: read from the answer, never thrown. */
const isAnswered = (name: string) => new RegExp(`\\b${name}\\b`).test(host);

describe('a state machine and the table of errors', () => {
  test('whatever a state catches or tries again is in the table', () => {
    const unknown = states.flatMap(({ name, caught }) =>
      caught
        .filter(error => !isForeign(error) && !names.includes(error as ErrorName))
        .map(error => `${name}: ${error}`),
    );
    expect(unknown).toEqual([]);
  });

  test('what is to be tried again, or parks, is caught by its name wherever a step throws it', () => {
    const waiting = errors.filter(name => ['retry', 'park'].includes(remedies[name]));
    const caught = new Set(states.flatMap(state => state.caught));
    expect(waiting.filter(name => isThrown(name) && !caught.has(name))).toEqual([]);
  });

  test('what a step declares that it throws is caught by name in its state, and only an end that pages is left to States.ALL', () => {
    const lost = states.flatMap(({ name, own, caught }) => {
      const left = own.filter(error => !caught.includes(error) && remedies[error as ErrorName] !== 'page');
      return left.map(error => `${name}: ${error}`);
    });
    expect(lost).toEqual([]);
  });

  test('a state catches and retries no error of ours that its step does not declare', () => {
    const undeclared = states.flatMap(({ name, own, caught }) =>
      caught.filter(error => !isForeign(error) && !own.includes(error)).map(error => `${name}: ${error}`),
    );
    expect(undeclared).toEqual([]);
  });

  test('every task that is ours tries again when a service is busy', () => {
    const ours = states.filter(({ state }) => state.Type === 'Task' && !state.Resource.includes('events:putEvents'));
    expect(ours.filter(({ retried }) => !retried.includes('Throttled')).map(({ name }) => name)).toEqual([]);
  });
});

describe('an error name', () => {
  test.each(names)('%s is said by somebody', name => {
    // `Unexpected` is what an error that is not in the table is parked as.
    expect(isThrown(name) || isAnswered(name)).toBe(true);
  });

  test('no error is thrown under a name that is not in the table', () => {
    const thrown = [...cloud.matchAll(/new SealpostError\(\s*'(\w+)'/g)].map(([, name]) => name!);
    expect(thrown.filter(name => !names.includes(name as ErrorName))).toEqual([]);
    const printed = [...host.matchAll(/\b(?:refuse|[rbx]) ([A-Z][a-z]+[A-Z]\w+)/g)].map(([, name]) => name!);
    expect(printed.filter(name => !names.includes(name as ErrorName))).toEqual([]);
    expect(printed.length).toBeGreaterThan(0);
  });

  const headings = [...read('docs/runbook.md').matchAll(/^## (\w+)$/gm)].map(([, heading]) => heading!);
  test.each(names)('%s has its heading in the runbook, once', name => {
    expect(headings.filter(heading => heading === name)).toHaveLength(1);
  });

  test('the runbook has no heading for an error that is no more', () => {
    expect(headings.filter(heading => !names.includes(heading as ErrorName))).toEqual([]);
  });
});
