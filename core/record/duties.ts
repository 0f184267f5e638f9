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

/** The deletion asked for a revocation, and clients would still trust the certificate. */
export function isToBeRevoked({ spec, current, revoked }: DomainRecord, now: number): boolean {
  return spec?.revoke === true && current !== undefined && revoked !== current.id && now < current.notAfter;
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
