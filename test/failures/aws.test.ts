import { describe, expect, test } from 'vitest';
import { nodes } from '../model/choices.ts';
import { Happenings } from '../model/happenings.ts';
import { afterwards, always } from '../model/invariants.ts';
import { HOUR, Universe } from '../model/universe.ts';
import { awsRows, titleOf, type AwsRow } from './rows/aws.ts';

/** Claims end after an hour; the outside world needs some minutes more. */
const ENDS_MS = 3 * HOUR;
/** A person reads the page, and gives the right. */
const DENIED_MS = HOUR;
/** What waits for a person is tried again once a day. */
const TRIED_AGAIN_MS = 26 * HOUR;

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
  const end = universe.time + (trouble === 'denied' ? TRIED_AGAIN_MS : ENDS_MS);
  let calls = 0;
  let denied: string | undefined;
  let deniedUntil = 0;
  let redriven = 0;
  for (let isGoing = true; isGoing;) {
    await universe.clockwork.quiet();
    const [call] = universe.clockwork.calls;
    const isStep = call?.process.name.startsWith(`${step} `);
    const isMet = isStep && calls++ === met;
    if (isMet && trouble === 'stopped') universe.steps.killIn(step);
    if (isMet && trouble === 'denied' && !OTHERS.test(call!.what)) {
      denied = serviceOf(call!.what);
      deniedUntil = universe.time + DENIED_MS;
    }
    // A person who gave the right redrives the executions that failed.
    if (denied !== undefined && universe.time >= deniedUntil && redriven++ === 0)
      for (const event of [0, 1]) await happenings.perform({ is: 'event again', event, after: 0 });
    const isDenied = isStep && serviceOf(call!.what) === denied && universe.time < deniedUntil;
    const fate = isDenied ? 'denied' : isMet && trouble !== 'stopped' && trouble !== 'denied' ? trouble : 'done';
    isGoing = await universe.turn({ place: 0, fate }, end);
  }
  const { memory } = universe.world;
  const against = Object.entries({ ...always, ...afterwards })
    .flatMap(([name, holds]) => holds(universe).map(one => `${name}: ${one}`))
    .filter(one => !LATER.test(one));
  if (![...memory.installed.values()].some(installed => installed.size === 2)) against.push('nothing is installed');
  const isPaged = universe.steps.failed.length > 0 || `${step} ${denied}` === RETRACTION;
  if (denied !== undefined && !isPaged) against.push(`nobody is paged: ${denied}`);
  return { calls, against };
}

/** CAs and public DNS, which know no rights of AWS. */
const OTHERS = /^(ca|other|dns)\./;
/** Our own value that cannot be retracted stays on record, and the next evaluation retracts it. */
const RETRACTION = 'ReleaseDomain zones';

/** `store` of `store.readDomain one.example`: a right concerns all calls of the service. */
const serviceOf = (call: string) => call.split('.', 1)[0]!;

describe('in AWS', () => {
  test.each(awsRows.map(row => [titleOf(row), row] as const))('%s', async (_, row) => {
    const { calls } = await walk(row, Infinity);
    expect(calls).toBeGreaterThan(1);
    for (let met = 0; met < calls; met++) expect({ met, ...(await walk(row, met)).against }).toEqual({ met });
  });
});
