import { describe, expect, test } from 'vitest';
import { differences, shapeDifferences } from '../../prove/difference.ts';
import type { Json } from '../../prove/redact.ts';

describe('an answer that differs from what was expected', () => {
  test.each<[what: string, expected: Json, answered: Json, lines: string[]]>([
    ['nothing', { end: 'SUCCEEDED', list: [1] }, { list: [1], end: 'SUCCEEDED' }, []],
    ['a value', { end: 'SUCCEEDED' }, { end: 'FAILED' }, ['end: expected "SUCCEEDED", answered "FAILED"']],
    ['a value inside', { a: { b: 1 } }, { a: { b: 2 } }, ['a.b: expected 1, answered 2']],
    ['a member too few', { a: 1, b: 2 }, { a: 1 }, ['b: expected 2, answered null']],
    ['a member too many', { a: 1 }, { a: 1, error: 'X' }, ['error: expected null, answered "X"']],
    ['the order of a list', ['a', 'b'], ['b', 'a'], ['expected ["a","b"], answered ["b","a"]']],
    [
      'an error in place of an answer',
      { error: 'A' },
      { failed: 0 },
      ['error: expected "A", answered null', 'failed: expected null, answered 0'],
    ],
  ])('%s', (_, expected, answered, lines) => {
    expect(differences({ expected, answered })).toEqual(lines);
  });
});

describe('the answer of a stand-in', () => {
  test.each<[what: string, ofAws: Json, ofOther: Json, lines: string[]]>([
    ['may leave members out', { a: 1, b: 2 }, { a: 7 }, []],
    ['may have other values', { a: 'x', at: '<time>' }, { a: 'y', at: '<time>' }, []],
    ['has no member of its own', { a: 1 }, { a: 1, own: 2 }, ['own: AWS has no such member']],
    ['has no other type', { a: { b: 1 } }, { a: { b: 'one' } }, ['a.b: AWS answers number, the other string']],
    ['has no text for nothing', { a: null }, { a: '' }, ['a: AWS answers nothing, the other string']],
    ['has elements like one of the list', [{ id: 1 }, { name: 'a' }], [{ name: 'b' }], []],
    ['has no element of its own kind', [{ id: 1 }, { name: 'a' }], [{ own: 1 }], ['[].own: AWS has no such member']],
    ['is not compared with an empty list', [], [{ own: 1 }], []],
  ])('%s', (_, ofAws, ofOther, lines) => {
    expect(shapeDifferences({ ofAws, ofOther })).toEqual(lines);
  });
});
