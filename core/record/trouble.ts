/** An issuer that fails for reasons of its own, so that the next one in order is asked meanwhile. */
import type { ErrorName } from '../errors.ts';

export interface Trouble {
  /** The issuer's name in the setting `Issuers`, as it was then. */
  issuer: string;
  reason: ErrorName;
  message: string;
  /** Milliseconds since the epoch, both; until then the others come first. */
  since: number;
  until: number;
  /** Times in a row that it was asked again and failed. */
  failures: number;
}

const MINUTE = 60_000;
/** Past the end of a trouble by this, another one is no longer the same. */
const SAME_MS = 6 * 60 * MINUTE;

/**
 * The issuer as a whole: no other domain fares better there. A limit that was met (AcmeRateLimited) may be that domain's
 * alone, so only it passes the issuer over.
 */
export const issuersOwn: readonly ErrorName[] = ['AcmeUnavailable', 'IssuerUnusable'];

export function isInTrouble(trouble: Trouble | undefined, now: number): boolean {
  return trouble !== undefined && trouble.until > now;
}

/** Asked again after 1, 10 and then every 60 minutes: whoever is due next after that does it. */
export function troubleAfter(
  known: Trouble | undefined,
  { issuer, reason, message, now }: Pick<Trouble, 'issuer' | 'reason' | 'message'> & { now: number },
): Trouble {
  const isSame = known !== undefined && now - known.until < SAME_MS;
  const failures = isSame ? known.failures + 1 : 1;
  const until = now + ([1, 10][failures - 1] ?? 60) * MINUTE;
  return { issuer, reason, message, since: isSame ? known.since : now, until, failures };
}
