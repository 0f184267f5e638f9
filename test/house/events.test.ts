import * as z from 'zod/mini';
import { describe, expect, test } from 'vitest';
import { parseDomainEvent } from '../../core/events/domain-event.ts';
import { eventsIn, pagesIn, serverEvents } from '../../core/events/events-in.ts';
import { eventsOut, pagesOut } from '../../core/events/events-out.ts';
import { parseServerEvent } from '../../core/events/server-event.ts';
import { files, json, read, under } from './sources.ts';

describe('docs/events', () => {
  test.each(Object.entries(pagesIn))('the example of %s is understood', (event, { example }) => {
    const parse = event in serverEvents ? parseServerEvent : parseDomainEvent;
    const envelope = { 'detail-type': event, time: '2026-11-25T09:00:00Z', detail: example };
    expect(parse(envelope)).toMatchObject({ kind: expect.any(String) });
  });

  test.each(Object.entries(pagesOut))('the example of %s is as the code says it', (event, { example }) => {
    expect(z.safeParse(eventsOut[event as keyof typeof eventsOut], example).error).toBeUndefined();
  });

  test('an event that is not described is refused by its schema', () => {
    for (const schema of Object.values({ ...eventsIn, ...eventsOut }))
      expect(z.safeParse(schema, { unheardOf: 1 }).success).toBe(false);
  });
});

const machines = files.filter(path => path.endsWith('.asl.json'));

test('a state machine that speaks on the bus publishes an event of the list', () => {
  const said = machines.flatMap(path =>
    Object.values<any>(json(path).States).flatMap(({ Arguments }) => Arguments?.Entries ?? []),
  );
  expect(said.length).toBeGreaterThan(0);
  for (const { DetailType, Detail } of said) {
    expect(Object.keys(eventsOut)).toContain(DetailType);
    const members = Object.keys((eventsOut as Record<string, any>)[DetailType].def.shape);
    expect(Object.keys(Detail).sort()).toEqual(members.sort());
  }
});

test('every event out is published: by core, or by a state machine', () => {
  const publishers = [...under('core').filter(path => !path.startsWith('core/events/')), ...machines].map(read);
  const isPublished = (event: string) => publishers.some(text => new RegExp(`['"]${event}['"]`).test(text));
  expect(Object.keys(eventsOut).filter(event => !isPublished(event))).toEqual([]);
});

test('the README names every event', () => {
  const names = Object.keys({ ...eventsIn, ...eventsOut });
  const readme = read('README.md').replaceAll(/\s+/g, ' ');
  expect(names.filter(name => !readme.includes(`\`${name}\``))).toEqual([]);
});
