/** An issuer's limits on new orders, as token buckets, which Let's Encrypt's are: so many at once, and filled again at the mean rate. Data: who reserves is core/issuer/budget.ts. */

export interface Limit {
  /** So many orders, or certificates, … */
  count: number;
  /** … in so many milliseconds. */
  windowMs: number;
  /** Where the numbers come from, and when they were read there. */
  source?: string;
}

/** `account`: all orders of our account; the others count for a registered domain (its eTLD+1), or for one exact set of names. */
export type Limits = Partial<Record<'account' | 'registeredDomain' | 'exactSet', Limit>>;

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const source = 'letsencrypt.org/docs/rate-limits, 2026-08-05';
const letsEncrypt: Limits = {
  account: { count: 300, windowMs: 3 * HOUR, source },
  registeredDomain: { count: 50, windowMs: 7 * DAY, source },
  exactSet: { count: 5, windowMs: 7 * DAY, source },
};
const stagingSource = 'letsencrypt.org/docs/staging-environment, 2025-11-25';
const letsEncryptStaging: Limits = {
  account: { count: 1_500, windowMs: 3 * HOUR, source: stagingSource },
  registeredDomain: { count: 30_000, windowMs: 7 * DAY, source: stagingSource },
  exactSet: { count: 30_000, windowMs: 7 * DAY, source: stagingSource },
};

/** Of a CA that is not known here nothing is counted unless the setting says what. */
export function knownLimits(directory: string): Limits {
  const { hostname } = new URL(directory);
  if (hostname === 'acme-v02.api.letsencrypt.org') return letsEncrypt;
  return hostname === 'acme-staging-v02.api.letsencrypt.org' ? letsEncryptStaging : {};
}

const [COUNT, LENGTH, UNIT] = ['[1-9][0-9]{0,6}', '[1-9][0-9]{0,3}', '[hd]'];
/** Of a limit's text in the setting `Issuers`: `300 in 3 h`. */
export const limitPattern = `${COUNT} in ${LENGTH} ${UNIT}`;

/** @param text `300 in 3 h` or `50 in 7 d` @throws Error */
export function parseLimit(text: string, { source }: Pick<Limit, 'source'> = {}): Limit {
  const [, count, length, unit] = new RegExp(`^(${COUNT}) in (${LENGTH}) (${UNIT})$`).exec(text) ?? [];
  if (count === undefined) throw new Error(`the setting Issuers has the limit "${text}"; give e.g. "300 in 3 h"`);
  const windowMs = Number(length) * (unit === 'h' ? HOUR : DAY);
  return { count: Number(count), windowMs, ...(source !== undefined && { source }) };
}

/** The reverse, for people. */
export function showLimit({ count, windowMs }: Limit): string {
  return windowMs % DAY === 0 ? `${count} in ${windowMs / DAY} days` : `${count} in ${windowMs / HOUR} hours`;
}

/**
 * A limit as GCRA has it, of which we take a part.
 * @param part.rate of the mean rate @param part.burst of the count, at once
 */
export function rateOf(
  { count, windowMs }: Limit,
  part: { rate: number; burst: number },
): { intervalMs: number; horizonMs: number } {
  const intervalMs = windowMs / (count * part.rate);
  // One at least, however small the part is.
  return { intervalMs, horizonMs: intervalMs * Math.max(1, Math.floor(count * part.burst)) };
}
