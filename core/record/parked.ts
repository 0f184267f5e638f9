/** Why a domain is parked, and when it is tried again. Times are milliseconds since the epoch. */
import type { ErrorName } from '../errors.ts';

export interface Parked {
  reason: ErrorName;
  message: string;
  since: number;
  nextTry: number;
  /** Failed tries in a row. A wait for a budget and a throttled AWS call count as no try. */
  tries: number;
  /**
   * By the name of an issuer that failed for its own reasons: until this moment other issuers come
   * first.
   */
  passes?: Record<string, number>;
  /** True: the CA refused the current certificate's key, so that the next order has a new one. */
  keyRefused?: true;
  /** Daily evaluations in a row that found the domain managed by another party. */
  unmanaged?: number;
}

/** The domain points away from us for good, and is not re-evaluated until an event names it. */
export interface Retired {
  at: number;
  /** What was found, and the remedy. */
  message: string;
}

const MINUTE = 60_000;

/**
 * @param after.tries failed tries in a row, this one included
 * @param after.retryAt when the other side said that a retry makes sense (Retry-After)
 * @returns `retryAt`, or 1, 10 and 100 minutes from now, then a day (Let's Encrypt's integration
 *   guide), whichever is later
 */
export function nextTry({ tries, now, retryAt }: { tries: number; now: number; retryAt?: number }): number {
  const wait = [1, 10, 100][tries - 1] ?? 24 * 60;
  return Math.max(now + wait * MINUTE, retryAt ?? 0);
}

/**
 * The tries of a parked domain, and its next try. A domain that waits for its slot in a budget, or
 * for AWS, did not fail, so its tries stay as they are. The slot's moment is its own; a throttled
 * domain comes back after 1 to 10 minutes, at random, so that the domains that met there do not
 * meet again.
 * @param before the tries up to now
 * @param at.random gives a number in [0, 1)
 */
export function triesAfter(
  reason: ErrorName,
  before: number,
  at: { now: number; retryAt?: number; random: () => number },
): Pick<Parked, 'tries' | 'nextTry'> {
  const { now, retryAt, random } = at;
  if (reason === 'BudgetSpent' && retryAt !== undefined) return { tries: before, nextTry: Math.max(now, retryAt) };
  if (reason === 'Throttled') return { tries: before, nextTry: whenLessBusy(now, random) };
  const tries = before + 1;
  return { tries, nextTry: nextTry({ tries, now, retryAt }) };
}

/** @param random gives a number in [0, 1) @returns a moment 1 to 10 minutes from now */
export function whenLessBusy(now: number, random: () => number): number {
  return Math.round(now + (1 + 9 * random()) * MINUTE);
}
