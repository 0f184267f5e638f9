import { expect, test } from 'vitest';
import { targetInput } from '../../src/events/input.ts';
import type { ServiceEvent } from '../../src/events/event.ts';

const event = (detail: object) =>
  ({ source: 'aws.states', 'detail-type': 'Something Changed', detail }) as ServiceEvent;
const transformed = (InputTemplate: string, paths: Record<string, string>) =>
  targetInput({ InputTransformer: { InputTemplate, InputPathsMap: paths } });

test('a template takes its variables from the event, and keeps its quotation marks', () => {
  const input = transformed('"<kind> of <a-b>: <gone><parts>"', {
    kind: '$.detail-type',
    'a-b': '$.detail.a.b',
    gone: '$.detail.gone',
    parts: '$.detail.list',
  });
  expect(input(event({ a: { b: 'x' }, list: ['y', 'z'] }))).toBe('"Something Changed of x: [y,z]"');
});

test('a value that would need an escape is refused, because AWS does not document the result', () => {
  const input = transformed('"cause: <cause>"', { cause: '$.detail.cause' });
  expect(() => input(event({ cause: 'it said "no"' }))).toThrow('not part of the stand-in');
  expect(() => input(event({ cause: 'two\nlines' }))).toThrow('not part of the stand-in');
  expect(input(event({ cause: "it's well" }))).toBe('"cause: it\'s well"');
});

test.each([
  ['a template that is JSON', '{"state": <state>}', { state: '$.detail.state' }],
  ['a variable that is not declared', '"<state>"', {}],
  ['a path with an index', '"<first>"', { first: '$.resources[0]' }],
])('%s is refused at the creation of the rule', (_, template, paths) => {
  expect(() => transformed(template, paths)).toThrow('not part of the stand-in');
});
