/**
 * A domain that has left for good: neither its name servers nor its `_acme-challenge` lead to us, look after look. It is
 * retired with a notice instead of tried for months. What is served stays served until it ends: its mail may still be
 * read here. Any later word brings it back.
 */
import type { Store } from '../ports/store.ts';
import type { DomainRecord } from '../record/domain.ts';
import type { Parked, Retired } from '../record/parked.ts';
import type { Bus } from '../ports/bus.ts';

/** Daily looks in a row. One that had a certificate has moved away; one that never had is not set up yet, which may take its owner weeks. */
const LOOKS = { moved: 7, neverCame: 30 };
/** From this try on a parked domain is looked at daily (`nextTry`). */
const FIRST_DAILY_TRY = 4;
/** The last look of our own, while there is still time to replace what is served. */
const BEFORE_END_MS = 3 * 86_400_000;

/** How many daily looks in a row have found it unmanaged, with this one; a look that a person asked for in between is none. */
export function unmanagedLooks({ parked }: Pick<DomainRecord, 'parked'>, now: number): number {
  const isDaily = parked !== undefined && parked.tries >= FIRST_DAILY_TRY && now >= parked.nextTry;
  return (parked?.unmanaged ?? 0) + Number(isDaily);
}

/** A server's own host name is ours, wherever its zone is. */
export function hasLeft({ spec, current }: DomainRecord, looks: number): boolean {
  return spec?.host !== true && looks >= (current ? LOOKS.moved : LOOKS.neverCame);
}

/** Retired before, and nobody has said anything since: the last look of our own found it as it was. */
export function isStillGone({ retired, seen, done }: DomainRecord): boolean {
  return retired !== undefined && seen === done;
}

/** @returns false when a word about it came meanwhile: it is parked as before */
export async function retireDomain(
  record: DomainRecord,
  me: string,
  { message }: Pick<Parked, 'message'>,
  { store, bus, now }: { store: Store; bus: Bus; now: number },
): Promise<boolean> {
  const { domain, current } = record;
  const isNews = !isStillGone(record);
  const retired: Retired = isNews ? { at: now, message } : record.retired!;
  const lastLook = current && current.notAfter - BEFORE_END_MS;
  const dueAt = isNews && lastLook !== undefined && lastLook > now ? lastLook : undefined;
  const servedUntil = current && current.notAfter > now ? new Date(current.notAfter).toISOString() : undefined;
  const detail = { domain, message, ...(servedUntil !== undefined && { servedUntil }) };
  // Before the claim ends, since a retry of this step does nothing after that: rather twice than never.
  if (isNews) await bus.put([{ detailType: 'Domain Retired', detail }]);
  return store.retireDomain(domain, me, retired, dueAt);
}
