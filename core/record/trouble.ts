/**
 * A failing issuer: it fails for reasons of its own, so that the next issuer is asked meanwhile.
 */
import type { ErrorName } from '../errors.ts';

export interface Trouble {
  /** The issuer's name in the setting `Issuers`, as it was then. */
  issuer: string;
  reason: ErrorName;
  message: string;
  /** Milliseconds since the epoch. Until `until`, other issuers come first. */
  since: number;
  until: number;
  /** Times in a row that the issuer was asked again and failed. */
  failures: number;
  /** The execution that publishes this trouble, and since when it has not done so. */
  unsaid?: { by: string; at: number };
}

const MINUTE = 60_000;
/** A failure later than this after `until` begins a new trouble. */
const SAME_MS = 6 * 60 * MINUTE;

/**
 * Errors of the issuer as a whole, for which another domain would fail there, too. AcmeRateLimited
 * is not among them: the limit may be that one domain's, so only that domain turns to the next
 * issuer.
 */
export const issuersOwn: readonly ErrorName[] = ['AcmeUnavailable', 'IssuerUnusable'];

/**
 * An execution that was to publish the trouble, and has not for so long, was killed: another one
 * publishes it.
 */
const SAID_WITHIN_MS = 30_000;

/** True if this execution has to publish the trouble: its own, or one of a killed execution. */
export function isToBeSaid({ unsaid }: Trouble, { by, now }: { by: string; now: number }): boolean {
  return unsaid !== undefined && (unsaid.by === by || unsaid.at + SAID_WITHIN_MS <= now);
}

export function isInTrouble(trouble: Trouble | undefined, now: number): boolean {
  return trouble !== undefined && trouble.until > now;
}

/**
 * The trouble after one more failure. The issuer is asked again after 1, 10 and then every 60
 * minutes, by the next domain that is due.
 */
export function troubleAfter(
  known: Trouble | undefined,
  { issuer, reason, message, now }: Pick<Trouble, 'issuer' | 'reason' | 'message'> & { now: number },
): Trouble {
  const isSame = known !== undefined && now - known.until < SAME_MS;
  const failures = isSame ? known.failures + 1 : 1;
  const until = now + ([1, 10][failures - 1] ?? 60) * MINUTE;
  return { issuer, reason, message, since: isSame ? known.since : now, until, failures };
}
