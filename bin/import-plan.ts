/** What an import will cost, before it begins: orders, hours, transitions, dollars. */
import type { Issuer } from '../core/acme/issuer.ts';
import { COMMON } from '../core/issuer/budget.ts';
import { rateOf } from '../core/record/limits.ts';

/**
 * Transitions of Step Functions without an error. test/bin/import.test.ts counts them in the state
 * machines.
 */
export const TRANSITIONS = { certificate: 7, delivery: 4, leftToOthers: 2 };
/**
 * List prices of us-east-1 in dollars, read in October 2026. Look at AWS's pages before you rely on
 * these prices.
 */
export const PRICES = {
  read: 'October 2026',
  transition: 25 / 1_000_000,
  /**
   * Ten calls of 300 ms with 256 MB on arm64, at $0.0000133334 a GB-second and $0.20 a million
   * requests.
   */
  functions: 10 * (0.3 * 0.25 * 0.0000133334 + 0.2 / 1_000_000),
  /**
   * About 20 writes of a kilobyte in the table ($0.625 a million), four objects ($5 a million) and
   * eight calls of KMS ($3 a million).
   */
  storage: (20 * 0.625 + 4 * 5 + 8 * 3) / 1_000_000,
};

export interface Plan {
  orders: number;
  /** By the issuer's limit on new orders, with its burst; absent if the limit is not known. */
  hours?: number;
  transitions: number;
  dollars: number;
}

/** Each certificate is counted with a delivery of its own. Deliveries with several cost less. */
export function planImport(count: { orders: number; leftToOthers: number }, issuer: Pick<Issuer, 'limits'>): Plan {
  const { orders, leftToOthers } = count;
  const { certificate, delivery, leftToOthers: left } = TRANSITIONS;
  const transitions = orders * (certificate + delivery) + leftToOthers * left;
  const limit = issuer.limits.account;
  return {
    orders,
    ...(limit && { hours: hoursFor(orders, rateOf(limit, COMMON)) }),
    transitions,
    dollars: transitions * PRICES.transition + orders * (PRICES.functions + PRICES.storage),
  };
}

function hoursFor(orders: number, { intervalMs, horizonMs }: { intervalMs: number; horizonMs: number }): number {
  const atOnce = Math.floor(horizonMs / intervalMs);
  return (Math.max(0, orders - atOnce) * intervalMs) / 3_600_000;
}
