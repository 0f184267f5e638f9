/**
 * A domain that has left for good: evaluation after evaluation, neither its name servers nor its
 * `_acme-challenge` lead to us. The domain is retired with a notice, instead of tried for months.
 * Its certificate stays on its servers until it ends, since mail may still be read there. Any later
 * event about the domain brings it back.
 */
import { sayBefore } from '../claim/say-before.ts';
import type { Bus } from '../ports/bus.ts';
import type { ClaimStore } from '../ports/claim-store.ts';
import type { Claim } from '../record/claim.ts';
import type { DomainRecord } from '../record/domain.ts';
import type { Parked, Retired } from '../record/parked.ts';
import { nextProvidedEvaluation } from '../record/provided.ts';

/**
 * Daily evaluations in a row. A domain that had a certificate has moved away. A domain that never
 * had one is not set up yet, which may take its owner weeks.
 */
const EVALUATIONS = { moved: 7, neverCame: 30 };
/** From this try on a parked domain is tried daily (`nextTry`). */
const FIRST_DAILY_TRY = 4;
/** The sweep's last evaluation, while there is still time to replace what is served. */
const BEFORE_END_MS = 3 * 86_400_000;

/**
 * @returns how many daily evaluations in a row found the domain unmanaged, this one included. An
 *   evaluation that a person asked for in between does not count
 */
export function unmanagedEvaluations({ parked }: Pick<DomainRecord, 'parked'>, now: number): number {
  const isDaily = parked !== undefined && parked.tries >= FIRST_DAILY_TRY && now >= parked.nextTry;
  return (parked?.unmanaged ?? 0) + Number(isDaily);
}

/** A server's own host name never leaves, wherever its zone is. */
export function hasLeft({ spec, current }: DomainRecord, evaluations: number): boolean {
  return spec?.host !== true && evaluations >= (current ? EVALUATIONS.moved : EVALUATIONS.neverCame);
}

/**
 * The domain was retired, no event has named it since, and the sweep's last evaluation found no
 * change.
 */
export function isStillGone({ retired, seen, done }: DomainRecord): boolean {
  return retired !== undefined && seen === done;
}

/**
 * @returns false if an event about the domain came meanwhile: the caller parks the domain as before
 */
export async function retireDomain(
  record: DomainRecord,
  claim: Claim,
  { message }: Pick<Parked, 'message'>,
  { store, bus }: { store: Pick<ClaimStore, 'retireDomain'>; bus: Bus },
): Promise<boolean> {
  const { domain, now } = claim;
  const { current, provided } = record;
  const isNews = !isStillGone(record);
  const retired: Retired = isNews ? { at: now, message } : record.retired!;
  // A person is notified of a provided certificate's end, and ours takes over if the domain is
  // back.
  const moments = [nextProvidedEvaluation(provided, now), ...(current ? [current.notAfter - BEFORE_END_MS] : [])];
  const next = moments.filter(moment => moment > now && Number.isFinite(moment));
  const dueAt = next.length > 0 ? Math.min(...next) : undefined;
  const servedUntil = current && current.notAfter > now ? new Date(current.notAfter).toISOString() : undefined;
  const detail = { domain, message, ...(servedUntil !== undefined && { servedUntil }) };
  const facts = isNews ? [{ detailType: 'Domain Retired' as const, detail }] : [];
  return sayBefore(facts, bus, () => store.retireDomain(claim, retired, dueAt));
}
