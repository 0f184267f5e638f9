import { expect, test } from 'vitest';
import { compileEventPattern } from '../../src/events/pattern.ts';

const event = {
  source: 'aws.ssm',
  'detail-type': 'Command Status',
  resources: ['arn:a', 'arn:b'],
  detail: {
    status: 'Success',
    count: 7,
    note: null,
    ok: true,
    nested: { deep: 'x*y' },
    items: [{ name: 'a' }, { name: 'b' }],
    none: [],
  },
};

test.each<[string, unknown, boolean]>([
  ['a value', { source: ['aws.ssm'] }, true],
  ['one of several values', { source: ['aws.acm', 'aws.ssm'] }, true],
  ['another value', { source: ['aws.acm'] }, false],
  ['every field', { source: ['aws.ssm'], detail: { status: ['Failed'] } }, false],
  ['any element of an array', { resources: ['arn:b'] }, true],
  ['a field of an object in an array', { detail: { items: { name: ['b'] } } }, true],
  ['null', { detail: { note: [null] } }, true],
  ['a boolean', { detail: { ok: [true] } }, true],
  ['a number, not its text', { detail: { count: ['7'] } }, false],
  ['a prefix', { source: [{ prefix: 'aws.' }] }, true],
  ['anything but a value', { detail: { status: [{ 'anything-but': 'Success' }] } }, false],
  ['anything but a list', { detail: { status: [{ 'anything-but': ['Pending', 'InProgress'] }] } }, true],
  ['anything but a prefix', { detail: { status: [{ 'anything-but': { prefix: 'Suc' } }] } }, false],
  ['anything but several prefixes', { detail: { status: [{ 'anything-but': { prefix: ['In', 'Pen'] } }] } }, true],
  ['anything but, of a field that is missing', { detail: { other: [{ 'anything-but': 'x' }] } }, false],
  ['a number in a range', { detail: { count: [{ numeric: ['>', 5, '<=', 7] }] } }, true],
  ['a number out of a range', { detail: { count: [{ numeric: ['<', 7] }] } }, false],
  ['an equal number', { detail: { count: [{ numeric: ['=', 7.0] }] } }, true],
  ['a field that exists', { detail: { status: [{ exists: true }] } }, true],
  ['a field that exists with null', { detail: { note: [{ exists: true }] } }, true],
  ['a field that does not exist', { detail: { other: [{ exists: false }] } }, true],
  ['an empty array, which has no value', { detail: { none: [{ exists: false }] } }, true],
  ['no field below one that is missing', { other: { deeper: [{ exists: false }] } }, true],
  ['one of two fields', { $or: [{ source: ['aws.acm'] }, { detail: { count: [7] } }] }, true],
  ['none of two fields', { $or: [{ source: ['aws.acm'] }, { detail: { count: [8] } }] }, false],
  ['a field and one of two', { 'detail-type': ['Other'], $or: [{ source: ['aws.ssm'] }, { source: ['x'] }] }, false],
])('a pattern can ask for %s', (_name, pattern, expected) => {
  expect(compileEventPattern(pattern)(event)).toBe(expected);
});

test.each<[string, unknown]>([
  ['an unknown operator', { source: [{ startsWith: 'a' }] }],
  ['an address range, which is not implemented', { source: [{ cidr: '10.0.0.0/8' }] }],
  ['any case, which is not implemented', { source: [{ 'equals-ignore-case': 'AWS.SSM' }] }],
  ['a suffix, which is not implemented', { source: [{ suffix: 'ssm' }] }],
  ['a wildcard, which is not implemented', { source: [{ wildcard: 'a*m' }] }],
  ['anything but a suffix, which is not implemented', { source: [{ 'anything-but': { suffix: 'ssm' } }] }],
  ['two operators at once', { source: [{ prefix: 'a', suffix: 'b' }] }],
  ['a value that is not in a list', { source: 'aws.ssm' }],
  ['an empty list', { source: [] }],
  ['an empty object', { detail: {} }],
  ['a number that is a text', { detail: { count: [{ numeric: ['>', '5'] }] } }],
  ['one alternative only', { $or: [{ source: ['a'] }] }],
])('a pattern with %s is refused at the creation of its rule', (_name, pattern) => {
  expect(() => compileEventPattern(pattern)).toThrow('Event pattern is not valid');
});
