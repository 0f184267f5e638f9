import { describe, expect, test } from 'vitest';
import { nodes } from '../model/choices.ts';
import { Happenings } from '../model/happenings.ts';
import { afterwards, always } from '../model/invariants.ts';
import { HOUR, Universe } from '../model/universe.ts';
import { awsRows, titleOf, type AwsRow } from './rows/aws.ts';

/** Claims end after an hour; the outside world needs some minutes more. */
const ENDS_MS = 3 * HOUR;

/** A delivery that was stored and not begun: the bucket's lifecycle deletes it after two days. */
const LATER = /^no object without a record: deliveries\//;

/**
 * A server and a domain come.
 * @param met the call of the step that meets the trouble, counted from 0
 * @returns how many calls the step made, and what contradicts docs/protocol.md
 */
async function walk({ step, trouble }: AwsRow, met: number): Promise<{ calls: number; against: string[] }> {
  const universe = new Universe({ lifeDays: 90, skews: [] }, nodes);
  const happenings = new Happenings(universe);
  happenings.register(0, 0);
  happenings.wish(0, 1);
  const end = universe.time + ENDS_MS;
  let calls = 0;
  for (let isGoing = true; isGoing;) {
    await universe.clockwork.quiet();
    const isStep = universe.clockwork.calls[0]?.process.name.startsWith(`${step} `);
    const isMet = isStep && calls++ === met;
    if (isMet && trouble === 'stopped') universe.steps.killIn(step);
    isGoing = await universe.turn({ place: 0, fate: isMet && trouble !== 'stopped' ? trouble : 'done' }, end);
  }
  const { memory } = universe.world;
  const against = Object.entries({ ...always, ...afterwards })
    .flatMap(([name, holds]) => holds(universe).map(one => `${name}: ${one}`))
    .filter(one => !LATER.test(one));
  if (![...memory.installed.values()].some(installed => installed.size === 2)) against.push('nothing is installed');
  return { calls, against };
}

describe('in AWS', () => {
  test.each(awsRows.map(row => [titleOf(row), row] as const))('%s', async (_, row) => {
    const { calls } = await walk(row, Infinity);
    expect(calls).toBeGreaterThan(1);
    for (let met = 0; met < calls; met++) expect({ met, ...(await walk(row, met)).against }).toEqual({ met });
  });
});
