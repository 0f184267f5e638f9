/** Why a domain waits, and when it is tried again. */
import type { ErrorName } from '../errors.ts';

export interface Parked {
  reason: ErrorName;
  message: string;
  since: number;
  nextTry: number;
  /** How often in a row it has been tried (a wait for the budget, or for AWS, is no try): 1, 10, 100 minutes, then daily. */
  tries: number;
  /** Issuers that failed for a reason of theirs, by name, with the moment until which others come first. */
  passes?: Record<string, number>;
  /** Daily looks in a row that found it with somebody else. */
  unmanaged?: number;
}

/** It has left, and is looked at no more until somebody says something. */
export interface Retired {
  at: number;
  /** What was found, and what cures it. */
  message: string;
}

const MINUTE = 60_000;

/**
 * When a parked domain is tried again: after 1, 10 and 100 minutes, then daily (Let's Encrypt's integration guide),
 * or when the other side said so, whichever is later.
 */
export function nextTry(tries: number, now: number, retryAt?: number): number {
  const wait = [1, 10, 100][tries - 1] ?? 24 * 60;
  return Math.max(now + wait * MINUTE, retryAt ?? 0);
}

/**
 * The tries of a parked domain, and its next one. Whoever waits for its place in the budget, or was there when AWS was
 * busy, has failed in nothing: the tries stay as they are. The first comes when it is its turn, the other in 1 to 10
 * minutes, so that those who met there do not meet again.
 * @param before the tries up to now
 * @param random a number in [0, 1)
 */
export function triesAfter(
  reason: ErrorName,
  before: number,
  { now, retryAt, random }: { now: number; retryAt?: number; random: () => number },
): Pick<Parked, 'tries' | 'nextTry'> {
  if (reason === 'BudgetSpent' && retryAt !== undefined) return { tries: before, nextTry: Math.max(now, retryAt) };
  if (reason === 'Throttled') return { tries: before, nextTry: whenLessBusy(now, random) };
  return { tries: before + 1, nextTry: nextTry(before + 1, now, retryAt) };
}

/** @param random a number in [0, 1) */
export function whenLessBusy(now: number, random: () => number): number {
  return Math.round(now + (1 + 9 * random()) * MINUTE);
}
