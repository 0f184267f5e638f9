/**
 * What is left to do for a domain beside its order and its servers, and when it is re-evaluated.
 * Pure.
 */
import type { DomainRecord } from './domain.ts';
import { nextProvidedEvaluation, uses } from './provided.ts';

/**
 * TXT values that could not be retracted are retracted by the next evaluation, at the latest after
 * this.
 */
const RETRACT_AGAIN_MS = 86_400_000;

/**
 * A staging issuer's certificate is replaced when a trusted issuer is configured. No event tells
 * that, so such a domain is evaluated this often.
 */
const TRIAL_MS = 3_600_000;

/** The difference between what ACM has of the domain and what the wish says. */
export function acmDuty({ spec, current, acm }: DomainRecord): 'import' | 'remove' | undefined {
  if (!spec?.acm) return acm && 'remove';
  return current && acm?.certificate !== current.id ? 'import' : undefined;
}

/**
 * @param asks.isAsked true if an outside event asked for the domain: the import is not delayed
 *   until its next try
 */
export function isAcmDue(record: DomainRecord, asks: { now: number; isAsked: boolean }): boolean {
  return acmDuty(record) !== undefined && (asks.isAsked || (record.acm?.nextTry ?? 0) <= asks.now);
}

/** No certificate that a browser trusts lives longer than this: 398 days, and a day for clocks. */
const LONGEST_LIFE_MS = 399 * 86_400_000;

/** The deletion asked for a revocation, and clients would still trust a certificate. */
export function isToBeRevoked(record: DomainRecord, now: number): boolean {
  return isCurrentToBeRevoked(record, now) || orderToBeRevoked(record, now) !== undefined;
}

export function isCurrentToBeRevoked({ spec, current, revoked }: DomainRecord, now: number): boolean {
  return spec?.revoke === true && current !== undefined && revoked !== current.id && now < current.notAfter;
}

/** @returns an order that was under way at the deletion, for which the CA may have issued */
export function orderToBeRevoked({ spec, order, deletedAt = 0 }: DomainRecord, now: number): DomainRecord['order'] {
  return spec?.revoke && order?.keyed && now < deletedAt + LONGEST_LIFE_MS ? order : undefined;
}

/**
 * True if a certificate that is served has to be replaced now: ours, or without ours a provided or
 * a foreign one.
 */
export function isToBeReplaced({ current, provided, foreign }: DomainRecord, now: number): boolean {
  if (current) return current.renewAt <= now || current.askedAt !== undefined;
  return [foreign, ...uses.map(use => provided?.[use])].some(one => one !== undefined && one.renewAt <= now);
}

/**
 * @param when.dueAt when the domain is due for its order or its servers
 * @returns that moment, or an earlier one: for a retry of the import into ACM, of a retraction, for
 *   a staging issuer's certificate, or for the end of a provided certificate. Milliseconds since
 *   the epoch
 */
export function nextEvaluation(record: DomainRecord, { dueAt, now }: { dueAt: number; now: number }): number {
  const times = [dueAt, nextProvidedEvaluation(record.provided, now)];
  if (acmDuty(record)) times.push(record.acm?.nextTry ?? now);
  if (record.published?.length) times.push(now + RETRACT_AGAIN_MS);
  if (record.current?.staging) times.push(now + TRIAL_MS);
  return Math.min(...times);
}
