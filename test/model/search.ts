/** Searches for a run in which a sentence of docs/protocol.md does not hold. */
import fc from 'fast-check';
import { runs, type Run } from './choices.ts';
import { play } from './play.ts';

/** What a search did. */
export interface Searched {
  seed: number;
  runs: number;
  turns: number;
  orders: number;
  /** The shortest run with a hole that was found, and what did not hold. */
  hole?: { run: Run; message: string };
}

/**
 * @param limits.seed gives the same runs again
 * @param limits.runs the number of runs
 * @param limits.restores true: the table is restored from backups, too
 * @param limits.milliseconds ends the search earlier; the time of shrinking is not limited
 */
export async function search(limits: {
  seed: number;
  runs: number;
  restores?: boolean;
  milliseconds?: number;
}): Promise<Searched> {
  const { seed, runs: numRuns, restores, milliseconds } = limits;
  const searched: Searched = { seed, runs: 0, turns: 0, orders: 0 };
  const property = fc.asyncProperty(runs({ restores }), async run => {
    const { turns, orders } = await play(run);
    searched.runs += 1;
    searched.turns += turns;
    searched.orders += orders;
  });
  const { failed, counterexample, errorInstance } = await fc.check(property, {
    ...{ seed, numRuns, markInterruptAsFailure: false },
    ...(milliseconds !== undefined && { interruptAfterTimeLimit: milliseconds }),
  });
  if (failed && counterexample) {
    const message = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
    searched.hole = { run: counterexample[0], message };
  }
  return searched;
}

/** @returns a seed that no earlier search had */
export function newSeed(): number {
  return Date.now() % 2 ** 31;
}
