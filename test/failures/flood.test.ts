/**
 * A panel that puts thousands of events within a minute, for four domains. `FLOOD=50000` puts so
 * many, which takes minutes.
 */
import { expect, test } from 'vitest';
import { nodes, servers } from '../model/choices.ts';
import { Happenings } from '../model/happenings.ts';
import { afterwards, always } from '../model/invariants.ts';
import { HOUR, MINUTE, Universe } from '../model/universe.ts';

const EVENTS = Number(process.env.FLOOD ?? 1_500);
const domains = ['one.example', 'two.example', 'three.example', 'four.example'];

test(`${EVENTS} events in a minute make one order for each domain`, { timeout: 600_000 }, async () => {
  const universe = new Universe({ lifeDays: 90, skews: [] }, nodes);
  const pass = async (ms: number) => {
    const until = universe.time + ms;
    while (await universe.turn({ place: 0, fate: 'done' }, until));
  };
  new Happenings(universe).register(0, 0);
  await pass(MINUTE);
  for (let sent = 0, second = 0; second < 60; second++) {
    for (; sent < (EVENTS * (second + 1)) / 60; sent++)
      universe.send('secure-domain', {
        ...{ 'detail-type': 'Domain Changed', time: new Date(universe.time).toISOString() },
        detail: { domain: domains[sent % domains.length], mailServers: [servers[0]] },
      });
    await pass(1_000);
  }
  await pass(3 * HOUR);
  const orders = universe.cas.flatMap(({ counted }) => counted).filter(({ per }) => per === 'account');
  // The server's own host name has one, too.
  expect(orders).toHaveLength(domains.length + 1);
  expect(universe.steps.failed).toEqual([]);
  expect(Object.values({ ...always, ...afterwards }).flatMap(sentence => sentence(universe))).toEqual([]);
});
