/**
 * An issuer's limits on new orders, as data. Each limit is a token bucket, as Let's Encrypt's are:
 * a number at once, refilled at the mean rate. core/issuer/budget.ts reserves slots by them.
 */

export interface Limit {
  /** Orders or certificates in the window. */
  count: number;
  /** The window, milliseconds. */
  windowMs: number;
  /** Where and when the figures were read. */
  source?: string;
}

/**
 * `account` limits all orders of our account, `registeredDomain` the orders for one registered
 * domain (eTLD+1), `exactSet` those for one exact set of names.
 */
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

/**
 * The limits of a CA that is known here. For other CAs nothing is counted, unless the setting gives
 * limits.
 */
export function knownLimits(directory: string): Limits {
  const { hostname } = new URL(directory);
  if (hostname === 'acme-v02.api.letsencrypt.org') return letsEncrypt;
  return hostname === 'acme-staging-v02.api.letsencrypt.org' ? letsEncryptStaging : {};
}

/** A limit in the setting `Issuers`: `300 in 3 h`. */
export const limitForm = /^([1-9]\d{0,6}) in ([1-9]\d{0,3}) ([hd])$/;

/**
 * @param text `300 in 3 h` or `50 in 7 d`
 * @throws Error that names the setting
 */
export function parseLimit(text: string, { source }: Pick<Limit, 'source'> = {}): Limit {
  const [, count, length, unit] = limitForm.exec(text) ?? [];
  if (count === undefined) throw new Error(`the setting Issuers has the limit "${text}"; give e.g. "300 in 3 h"`);
  const windowMs = Number(length) * (unit === 'h' ? HOUR : DAY);
  return { count: Number(count), windowMs, ...(source !== undefined && { source }) };
}

/** A limit in words, for people. */
export function showLimit({ count, windowMs }: Limit): string {
  return windowMs % DAY === 0 ? `${count} in ${windowMs / DAY} days` : `${count} in ${windowMs / HOUR} hours`;
}

/**
 * Our share of a limit, as GCRA (generic cell rate algorithm) expresses it.
 * @param part.rate share of the mean rate, 0 to 1
 * @param part.burst share of the count that may be used at once, 0 to 1
 * @returns milliseconds between two orders, and how far ahead of now slots may lie
 */
export function rateOf(
  { count, windowMs }: Limit,
  part: { rate: number; burst: number },
): { intervalMs: number; horizonMs: number } {
  const intervalMs = windowMs / (count * part.rate);
  // At least one order at once, however small the share is.
  return { intervalMs, horizonMs: intervalMs * Math.max(1, Math.floor(count * part.burst)) };
}
