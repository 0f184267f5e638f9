/**
 * The execution that records a renewal's delivery is stopped at any of its calls, and the server is
 * registered again at the same moment, which drops the delivery on record.
 */
import { expect, test } from 'vitest';
import { nodes } from '../model/choices.ts';
import { Happenings } from '../model/happenings.ts';
import { afterwards } from '../model/invariants.ts';
import { DAY, HOUR, Universe } from '../model/universe.ts';

/** A delivery that nobody recorded: the bucket's lifecycle deletes it after two days. */
const LATER = /^no object without a record: deliveries\//;

/** @param met the call that is not made, counted from 0 */
async function walk(met: number): Promise<{ calls: number; against: string[] }> {
  const universe = new Universe({ lifeDays: 90, skews: [] }, nodes);
  const happenings = new Happenings(universe);
  const pass = async (until: number) => {
    while (await universe.turn({ place: 0, fate: 'done' }, until));
  };
  happenings.register(0, 0);
  happenings.wish(0, 1);
  await pass(universe.time + 3 * HOUR);
  universe.renew('one.example');
  const end = universe.time + HOUR;
  let calls = 0;
  for (let isGoing = true; isGoing;) {
    await universe.clockwork.quiet();
    const isStep = universe.clockwork.calls[0]?.process.name.startsWith('RecordDelivery ');
    const isMet = isStep && calls++ === met;
    if (isMet) universe.steps.killIn('RecordDelivery');
    isGoing = await universe.turn({ place: 0, fate: isMet ? 'killed before' : 'done' }, end);
    if (isMet) happenings.register(0, 0);
  }
  await pass(universe.time + DAY);
  const against = Object.entries(afterwards).flatMap(([name, holds]) => holds(universe).map(one => `${name}: ${one}`));
  return { calls, against: against.filter(one => !LATER.test(one)) };
}

test('a renewal whose record is stopped, beside a registration, leaves no old key', { timeout: 120_000 }, async () => {
  const { calls } = await walk(Infinity);
  expect(calls).toBeGreaterThan(8);
  for (let met = 0; met < calls; met++) expect({ met, ...(await walk(met)).against }).toEqual({ met });
});
