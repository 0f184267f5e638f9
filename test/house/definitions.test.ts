import { expect, test } from 'vitest';
import { isTask } from '../../statemachines/draw.ts';
import { machines } from '../../statemachines/machines.ts';
import { inWords, policies, waitsOf } from '../../statemachines/policies.ts';
import { definitions } from './definitions.ts';
import { files, read } from './sources.ts';

const drawn = definitions();

test('each state machine has its file, and there is no other', () => {
  expect(files.filter(path => path.endsWith('.asl.json')).sort()).toEqual([...drawn.keys()].sort());
});

test("a road's source can be read at a sitting", () => {
  const lines = read('statemachines/secure-domain.ts').trimEnd().split('\n');
  expect(lines.length).toBeLessThanOrEqual(250);
  expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(120);
});

test('every policy is used, and a Comment speaks of one that its step has', () => {
  const tasks = machines.flatMap(({ states }) => Object.values(states).filter(isTask));
  const named = tasks.flatMap(({ retry, lambdaBusy }) => [...Object.values(retry), lambdaBusy]);
  // The bus is asked by a state without a function; the others are drawn into every step.
  const drawnAlways = ['busAway', 'lambdaBusy', 'lambdaFault', 'rightUnseen'];
  expect(Object.keys(policies).filter(name => ![...named, ...drawnAlways].includes(name as never))).toEqual([]);
  for (const { name, comment, retry } of tasks)
    for (const [, error] of comment.matchAll(/\{(\w+)\}/g)) expect(Object.keys(retry), name).toContain(error);
});

test.each([
  [{ first: 2, retries: 4, longest: 30 }, [2, 4, 8, 16], '4 retries after 2+4+8+16 s (30 s in all)'],
  [
    { first: 1, retries: 60, longest: 60, jitter: true } as const,
    [1, 2, 4, 8, 16, 32, ...Array.from({ length: 54 }, () => 60)],
    '60 retries after 1+2+4+8+16+32 s and then 54 times 60 s (55 minutes at the most, half of that on average)',
  ],
])('what %j comes to is computed', (policy, waits, words) => {
  expect(waitsOf(policy)).toEqual(waits);
  expect(inWords(policy)).toBe(words);
});
