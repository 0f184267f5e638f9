/** Why a domain is parked, and when it is tried again. Times are milliseconds since the epoch. */
import type { ErrorName } from '../errors.ts';

export interface Parked {
  reason: ErrorName;
  message: string;
  since: number;
  nextTry: number;
  /**
   * Failed tries in a row that count for the next wait. A wait for a budget, an outage of others
   * and the first hour of a wish count as no try.
   */
  tries: number;
  /** The wish that is tried, as `contentOf` gives it, and when its first try failed. */
  wish?: { content: string; since: number };
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
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Let's Encrypt's integration guide: after a failed order 1, 10 and 100 minutes, then daily. */
const WAITS = [MINUTE, 10 * MINUTE, 100 * MINUTE, DAY];

/**
 * While a try costs the CA nothing, a wait is this share of the time since the first try failed,
 * and a minute at least. So nobody waits much longer than necessary: a record that is there after
 * 50 minutes is found by minute 60. In the first hour that makes 18 tries of 2 transitions each, at
 * 25 dollars a million, so a wish that nobody completes costs 0.001 dollars. A try asks the zone's
 * own servers, so that no resolver answers from its memory (Route 53: 900 s for a name that was not
 * there).
 */
const SHARE_OF_WAITED = 1 / 5;
/** For so long the tries of a wish are that dense. After that the waits are those of `WAITS`. */
const DENSE_MS = HOUR;

/**
 * No wait is longer than this share of the life that is left of what is served. From 30 days to the
 * last hour that makes about 60 tries.
 */
const SHARE_OF_LIFE = 1 / 10;
/**
 * Let's Encrypt takes 5 failed validations of a name in an hour, one every 12 minutes (page on rate
 * limits of 2026-08-05). A try that counts there is made no sooner, however near the end is.
 */
const COUNTED_APART_MS = 15 * MINUTE;
/** A `Retry-After` of weeks is a fault of the CA. A try too early costs one more refusal. */
const LONGEST_RETRY_AFTER_MS = DAY;

/** What a failed try was. */
export interface Try {
  reason: ErrorName;
  /** When the other side said that a retry makes sense (Retry-After, a slot). */
  retryAt?: number;
  /** True: an order was made, or under way, so that the CA counts the failure. */
  isOrdered?: boolean;
  /** True: the issuer failed for all domains. */
  isOfIssuer?: boolean;
}

/** Each try makes an order that fails. */
export const FAILED_ORDER: readonly ErrorName[] = [
  'ChallengeFailed',
  'AcmeRejected',
  'AcmeRateLimited',
  'CertificateUnusable',
  'CaaForbids',
];
/** What the customer's DNS lacks. Our own lookup found that before the CA was asked. */
const OF_ZONE: readonly ErrorName[] = ['DomainNotManaged', 'CaaForbids'];
/** A service fails that the domain depends on, so the domain is not to blame. */
const OUTAGE: readonly ErrorName[] = ['AcmeUnavailable', 'AuthorizationPending', 'DnsNotPropagated'];

/**
 * The tries of a parked domain, and its next try.
 * @param before the tries up to now, and when the first try of this wish failed
 * @param at.servedUntil when what is served expires; absent if nothing is served
 * @param at.random gives a number in [0, 1)
 */
export function triesAfter(
  failed: Try,
  before: { tries: number; since: number },
  at: { now: number; servedUntil?: number; random: () => number },
): Pick<Parked, 'tries' | 'nextTry'> {
  const { now, servedUntil = 0 } = at;
  const { reason, retryAt } = failed;
  const isCounted = failed.isOrdered === true && FAILED_ORDER.includes(reason);
  const { tries, wait } = waitAfter({ ...failed, isCounted }, before, at);
  const asked = retryAt === undefined ? 0 : retryAt - now;
  const longest = reason === 'BudgetSpent' ? asked : Math.min(asked, LONGEST_RETRY_AFTER_MS);
  const left = servedUntil > now ? (servedUntil - now) * SHARE_OF_LIFE : Infinity;
  const bound = Math.max(left, isCounted ? COUNTED_APART_MS : MINUTE);
  return { tries, nextTry: now + Math.round(Math.min(Math.max(wait, longest), bound)) };
}

/** What a wait is without the other side's Retry-After, milliseconds. */
function waitAfter(
  { reason, retryAt, isCounted, isOfIssuer }: Try & { isCounted: boolean },
  { tries, since }: { tries: number; since: number },
  { now, random }: { now: number; random: () => number },
): { tries: number; wait: number } {
  if (reason === 'BudgetSpent' && retryAt !== undefined) return { tries, wait: 0 };
  if (reason === 'Throttled') return { tries, wait: whenLessBusy(now, random) - now };
  const waited = now - since;
  const dense = Math.max(MINUTE, waited * SHARE_OF_WAITED);
  if (isOfIssuer || reason === 'AcmeUnavailable') return { tries, wait: Math.min(dense, HOUR) };
  // A domain whose name servers never answer is an outage for ever.
  if (OUTAGE.includes(reason)) return { tries, wait: Math.min(dense, DAY) };
  const isOfZone = OF_ZONE.includes(reason) && !isCounted;
  if (isOfZone && waited < DENSE_MS) return { tries, wait: dense };
  const wait = WAITS[Math.min(tries, WAITS.length - 1)]!;
  return { tries: tries + 1, wait: isOfZone ? Math.max(wait, Math.min(dense, DAY)) : wait };
}

/** @param random gives a number in [0, 1) @returns a moment 1 to 10 minutes from now */
export function whenLessBusy(now: number, random: () => number): number {
  return Math.round(now + (1 + 9 * random()) * MINUTE);
}
