/** What is left to do for a domain beside its order and its servers, and when it is looked at next. Pure. */
import type { DomainRecord } from './domain.ts';
import { nextProvidedLook } from './provided.ts';

/** Values that could not be taken out of a zone are tried again with the domain's next look, which comes no later than this. */
const RETRACT_AGAIN_MS = 86_400_000;

/** A certificate of a staging issuer is replaced as soon as a trusted issuer is configured, which nothing but a look finds out. */
const TRIAL_MS = 3_600_000;

/** What ACM lacks of the domain, or has too much. */
export function acmDuty({ spec, current, acm }: DomainRecord): 'import' | 'remove' | undefined {
  if (!spec?.acm) return acm && 'remove';
  return current && acm?.certificate !== current.id ? 'import' : undefined;
}

/** @param isAsked somebody wants it now, though the next try be tomorrow */
export function isAcmDue(record: DomainRecord, now: number, isAsked: boolean): boolean {
  return acmDuty(record) !== undefined && (isAsked || (record.acm?.nextTry ?? 0) <= now);
}

/** It was deleted so, and has a certificate that others would still trust. */
export function isToBeRevoked({ spec, current, revoked }: DomainRecord, now: number): boolean {
  return spec?.revoke === true && current !== undefined && revoked !== current.id && now < current.notAfter;
}

/**
 * At its time, or sooner where ACM is asked again, values of ours are still in somebody's zone, its certificate is for a trial, or one from elsewhere comes nearer its end.
 * @param dueAt its time, ms since the epoch
 */
export function nextLook(record: DomainRecord, dueAt: number, now: number): number {
  const times = [dueAt, nextProvidedLook(record.provided, now)];
  if (acmDuty(record)) times.push(record.acm?.nextTry ?? now);
  if (record.published?.length) times.push(now + RETRACT_AGAIN_MS);
  if (record.current?.staging) times.push(now + TRIAL_MS);
  return Math.min(...times);
}
