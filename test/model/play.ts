/** Plays a run: what happens, the time in which the product must mend it, and the months after. */
import { nodes, type Run } from './choices.ts';
import { Happenings } from './happenings.ts';
import { afterwards, always, whileServed } from './invariants.ts';
import { DAY, HOUR, Universe } from './universe.ts';

/** A sentence of docs/protocol.md that did not hold. */
export class Hole extends Error {
  override readonly name = 'Hole';
}

/** After the last trouble: a parked domain is tried daily, and a server is audited daily. */
const MENDED_AFTER_MS = 3 * DAY;
/** The longest time that a run is watched; a short-lived certificate is watched for two lives. */
const WATCHED_DAYS = 130;
/** Turns after which a run that does not come to an end is a hole. */
const MOST_TURNS = 300_000;

export interface Played {
  turns: number;
  orders: number;
  trace: string[];
}

/** @throws Hole */
export async function play({ steps, places, ...setting }: Run): Promise<Played> {
  const universe = new Universe(setting, nodes);
  const happenings = new Happenings(universe);
  let turns = 0;
  const turn = async (until: number) => {
    if (++turns > MOST_TURNS) fail(universe, 'it converges', [`not after ${turns} turns`]);
    const place = places.length === 0 ? 0 : places[turns % places.length]!;
    const fate = universe.clockwork.calls.length > 0 ? (happenings.fates.shift() ?? 'done') : 'done';
    return universe.turn({ place, fate }, until);
  };
  happenings.begin();
  for (const step of steps) {
    for (let left = step.after; left > 0; left--) if (!(await turn(universe.time + 2 * DAY))) break;
    await happenings.perform(step);
    check(universe, always);
  }
  happenings.end();
  await calm(universe, turn, universe.time + MENDED_AFTER_MS);
  const watched = Math.min(WATCHED_DAYS, Math.max(2 * setting.lifeDays + 10, 15)) * DAY;
  const end = universe.time + watched;
  while (universe.time < end) {
    const noon = Math.min(end, universe.time + 6 * HOUR);
    while (await turn(noon));
    check(universe, whileServed);
  }
  await calm(universe, turn, end);
  const orders = universe.cas.flatMap(ca => ca.counted).filter(({ per }) => per === 'account').length;
  return { turns, orders, trace: universe.trace };
}

/** Plays until that moment, and on until no execution is under way. */
async function calm(universe: Universe, turn: (until: number) => Promise<boolean>, until: number): Promise<void> {
  while (await turn(until));
  while (universe.steps.running.size > 0 && universe.time < until + 2 * HOUR) await turn(until + 2 * HOUR);
  check(universe, always);
  check(universe, afterwards);
}

function check(universe: Universe, sentences: typeof always): void {
  for (const [name, holds] of Object.entries(sentences)) {
    const against = holds(universe);
    if (against.length > 0) fail(universe, name, against);
  }
}

function fail(universe: Universe, sentence: string, against: string[]): never {
  const at = new Date(universe.time).toISOString();
  throw new Hole([`${sentence}, ${at}: ${against.slice(0, 5).join('; ')}`, ...universe.trace].join('\n  '));
}
