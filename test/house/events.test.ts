import * as z from 'zod/mini';
import { describe, expect, test } from 'vitest';
import { parseDomainEvent, parseServerEvent, requests } from '../../core/events/events.ts';
import { facts } from '../../core/events/facts.ts';
import { factExamples, requestExamples } from './event-schemas.ts';
import { files, json } from './sources.ts';

describe('docs/events', () => {
  test.each(Object.entries(requestExamples))('the example of %s is understood', (event, { example }) => {
    const parse = event.startsWith('Mail Server') ? parseServerEvent : parseDomainEvent;
    const envelope = { 'detail-type': event, time: '2026-11-25T09:00:00Z', detail: example };
    expect(parse(envelope)).toMatchObject({ kind: expect.any(String) });
  });

  test.each(Object.entries(factExamples))('the example of %s is as the code says it', (event, { example }) => {
    expect(z.safeParse(facts[event as keyof typeof facts], example).error).toBeUndefined();
  });

  test('an event that is not described is refused by its schema', () => {
    for (const schema of Object.values({ ...requests, ...facts }))
      expect(z.safeParse(schema, { unheardOf: 1 }).success).toBe(false);
  });
});

test('a state machine that speaks on the bus says a fact of the list', () => {
  const machines = files.filter(path => path.endsWith('.asl.json'));
  const said = machines.flatMap(path =>
    Object.values<any>(json(path).States).flatMap(({ Arguments }) => Arguments?.Entries ?? []),
  );
  expect(said.length).toBeGreaterThan(0);
  for (const { DetailType, Detail } of said) {
    expect(Object.keys(facts)).toContain(DetailType);
    const members = Object.keys((facts as Record<string, any>)[DetailType].def.shape);
    expect(Object.keys(Detail).sort()).toEqual(members.sort());
  }
});
