/** Events in, as any sender who may put events on the bus can write them. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isSealpostError } from '../../core/errors.ts';
import { parseDomainEvent } from '../../core/events/domain-event.ts';
import { eventsIn, pagesIn, type EventInName } from '../../core/events/events-in.ts';
import { parseServerEvent } from '../../core/events/server-event.ts';
import { property, type Property } from './property.ts';

const NOW = Date.parse('2027-01-15T08:00:00Z');
const kinds = Object.keys(eventsIn) as EventInName[];
/** JSON as EventBridge hands it on, with names that JavaScript gives a meaning to. */
const json = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom<unknown>(
    { toString: 1, valueOf: 1 },
    { toString: null },
    { length: 1e9 },
    { then: 1 },
    { constructor: 1 },
  ),
  fc.string({ unit: 'binary', minLength: 200, maxLength: 300 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const fields = [...new Set(kinds.flatMap(kind => Object.keys(eventsIn[kind].shape)))];
const field = fc.oneof(
  fc.constantFrom(...fields),
  fc.constantFrom('__proto__', 'constructor', 'toString', 'look'),
  fc.string(),
);
/** A valid event in which some fields have another value. */
const event = fc
  .record({
    kind: fc.constantFrom(...kinds),
    changes: fc.array(fc.tuple(field, json), { maxLength: 3 }),
    dropped: fc.option(field),
    whole: fc.option(json, { freq: 10 }),
    time: fc.oneof(
      { weight: 4, arbitrary: fc.constant<unknown>('2027-01-15T08:00:00Z') },
      { weight: 1, arbitrary: json },
    ),
    others: fc.array(fc.tuple(fc.constantFrom('detail-type', 'time', 'look', 'id', 'detail'), json), { maxLength: 1 }),
  })
  .map(({ kind, changes, dropped, whole, time, others }) => {
    const detail = { ...pagesIn[kind].example, ...asOwn(changes) };
    if (dropped !== null) delete detail[dropped];
    return JSON.parse(
      JSON.stringify({ 'detail-type': kind, time, detail: whole ?? detail, ...asOwn(others) }),
    ) as unknown;
  });

/** `__proto__` becomes a field of its own, as it does where JSON is parsed. */
function asOwn(entries: [string, unknown][]): Record<string, unknown> {
  return Object.defineProperties(
    {},
    Object.fromEntries(entries.map(([name, value]) => [name, { value, enumerable: true, configurable: true }])),
  ) as Record<string, unknown>;
}

function refused(error: unknown): void {
  assert.ok(isSealpostError(error, 'InvalidStepInput'), `not told to the sender: ${String(error)}`);
  assert.ok(error.about.length <= 253, 'what it is about is bounded');
  assert.ok(Buffer.byteLength(error.message) <= 2_048);
  assert.doesNotMatch(error.message, /\p{C}/u);
}

export const events: Property[] = [
  property('an event is a request, or its sender is told why not', {
    runs: 3_000,
    of: event,
    holds: given => {
      for (const parse of [parseDomainEvent, parseServerEvent]) {
        try {
          const request = parse(given, NOW);
          assert.doesNotMatch(JSON.stringify(request), /__proto__/);
        } catch (error) {
          refused(error);
        }
      }
    },
  }),
  property('a wish that was read is read again as the same wish', {
    runs: 1_000,
    of: event,
    holds: given => {
      const read = (detail: unknown) =>
        parseDomainEvent({ 'detail-type': 'Domain Changed', time: '2027-01-15T08:00:00Z', detail }, NOW);
      let request;
      try {
        request = read((given as { detail: unknown }).detail);
      } catch (error) {
        return refused(error);
      }
      assert.ok(request.kind === 'wish');
      assert.deepEqual(read({ ...request.wish }), {
        kind: 'wish',
        wish: request.wish,
        said: { at: NOW, version: undefined },
      });
    },
  }),
];
