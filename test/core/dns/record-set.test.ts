import { expect, test } from 'vitest';
import { mergeTxt } from '../../../core/dns/record-set.ts';

const ttl = 30;

test('the first value of a name is created, with nothing to delete', () => {
  expect(mergeTxt(undefined, { add: ['apex', 'wildcard'], remove: [], ttl })).toEqual({
    after: { ttl, values: ['"apex"', '"wildcard"'] },
    changed: true,
  });
});

test('values that are not ours stay as they are, and the set is deleted exactly as it was read', () => {
  const present = { ttl: 20, values: ['"theirs" "in two strings"', '"ours"'] };
  expect(mergeTxt(present, { add: ['new'], remove: ['ours'], ttl })).toEqual({
    before: present,
    after: { ttl: 20, values: ['"theirs" "in two strings"', '"new"'] },
    changed: true,
  });
});

test('the set is deleted with its last value', () => {
  const present = { ttl, values: ['"ours"'] };
  expect(mergeTxt(present, { add: [], remove: ['ours'], ttl })).toEqual({ before: present, changed: true });
});

test('an added value that exists, and a removed value that is gone, are no change', () => {
  const present = { ttl: 3600, values: ['"a"', '"b"'] };
  expect(mergeTxt(present, { add: ['b'], remove: ['gone'], ttl })).toEqual({ changed: false });
  expect(mergeTxt(undefined, { add: [], remove: ['gone'], ttl })).toEqual({ changed: false });
});

test('a value that is both retracted and published is published', () => {
  const present = { ttl, values: ['"same"'] };
  expect(mergeTxt(present, { add: ['same'], remove: ['same'], ttl })).toEqual({ changed: false });
});
