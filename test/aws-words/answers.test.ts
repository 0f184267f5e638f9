/**
 * Each sentence of AWS's documentation that limits what we send has an answer: a refusal of the
 * stand-in, or why the sentence cannot matter (`npm run aws-words`).
 */
import { describe, expect, test } from 'vitest';
import { answers, applying, testsOf, unanswered } from './answers.ts';
import { operationsOfTheProduct, sent } from './sent.ts';
import { files, read } from '../house/sources.ts';

const all = answers();

test('every operation that aws/ calls was recorded (npm run aws-words -- record)', () => {
  const recorded = [...sent()].flatMap(([service, operations]) => [...operations.keys()].map(of => `${service} ${of}`));
  const called = operationsOfTheProduct();
  expect(called.length).toBeGreaterThan(0);
  expect(called.filter(operation => !recorded.includes(operation))).toEqual([]);
});

describe('each sentence', () => {
  test('has an answer', () => {
    expect(unanswered()).toEqual([]);
  });

  test('is answered once, and stands under an operation that has it', () => {
    const said = applying();
    const keys = all.map(({ service, sentence }) => `${service} ${sentence}`);
    expect(keys.filter((key, i) => keys.indexOf(key) < i)).toEqual([]);
    const misplaced = all.filter(
      ({ service, operation, sentence }) => !said.get(service)?.get(sentence)?.operations.includes(operation),
    );
    expect(misplaced).toEqual([]);
  });
});

describe('each answer', () => {
  test('stands in the order of services and operations', () => {
    const places = all.map(({ service, operation }) => `${service} ${operation}`);
    expect(places).toEqual(places.toSorted());
  });

  test('that is a refusal names tests that are there', () => {
    const refusals = all.filter(({ kind }) => kind !== 'reason');
    expect(refusals.filter(answer => testsOf(answer).length === 0)).toEqual([]);
    const missing = refusals.flatMap(testsOf).filter(({ file, title }) => !hasTest(file, title));
    expect(missing).toEqual([]);
  });
});

/** True if the file has the title of a test, or of a row of a table of tests. */
function hasTest(file: string, title: string): boolean {
  if (!files.includes(file) || !/\.(test|suite)\.ts$/.test(file)) return false;
  const text = read(file).replaceAll("\\'", "'");
  return ["'", '"', '`'].some(quote => text.includes(`${quote}${title}${quote}`));
}
