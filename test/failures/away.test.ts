/** A mail server whose agent is gone, or which is off, for a day, while its domain is renewed. */
import { expect, test } from 'vitest';
import { nodes } from '../model/choices.ts';
import { Happenings } from '../model/happenings.ts';
import { afterwards, always } from '../model/invariants.ts';
import { DAY, HOUR, Universe } from '../model/universe.ts';

test('a node that does not answer for a day is paged once, and serves the renewal within the hour after', async () => {
  const universe = new Universe({ lifeDays: 90, skews: [] }, nodes);
  const happenings = new Happenings(universe);
  const pass = async (ms: number) => {
    const until = universe.time + ms;
    while (await universe.turn({ place: 0, fate: 'done' }, until));
  };
  const node = universe.nodes.get(nodes[0]!.id)!;
  const served = () => node.disk.get('one.example')?.get('all')?.fingerprint;
  happenings.register(0, 0);
  happenings.wish(0, 1);
  await pass(3 * HOUR);
  const before = served();
  node.isOn = false;
  universe.renew('one.example');
  await pass(DAY);
  const { bus, memory } = universe.world;
  const renewed = memory.domains.get('one.example')!.current!.fingerprint;
  const unreachable = bus.events.filter(({ detailType }) => detailType === 'Server Unreachable');
  expect(before).toBeDefined();
  expect([served(), renewed]).not.toContain(undefined);
  expect(served()).toBe(before);
  expect(renewed).not.toBe(before);
  expect(unreachable.filter(({ detail }) => 'page' in detail && detail.page)).toHaveLength(1);
  node.isOn = true;
  await pass(HOUR + 15 * 60_000);
  expect(served()).toBe(renewed);
  const holds = Object.values({ ...always, ...afterwards }).flatMap(sentence => sentence(universe));
  expect(holds.filter(one => !one.startsWith('deliveries/'))).toEqual([]);
});
