/** TXT values of ours in other people's sight: on record before they are published, until after they are retracted. */
import type { Store } from '../ports/store.ts';
import type { DomainRecord, PublishedValue } from '../record/domain.ts';
import type { Zones } from '../ports/zones.ts';

/**
 * Takes out what the record says is published, a killed execution's too. What cannot be taken out now (the right to
 * write was lost, Route 53 is busy) stays on record, and stops nobody.
 * @returns the first trouble that there was
 * @throws SealpostError ClaimLost
 */
export async function retract(
  record: DomainRecord,
  me: string,
  { store, zones }: { store: Store; zones: Zones },
): Promise<unknown> {
  if (!record.published?.length) return undefined;
  const left: PublishedValue[] = [];
  let trouble: unknown;
  for (const [zoneId, records] of byZone(record.published)) {
    try {
      await zones.changeTxt(
        zoneId,
        records.map(({ recordName, values }) => ({ recordName, add: [], remove: values })),
      );
    } catch (error) {
      trouble ??= error;
      left.push(...records);
    }
  }
  if (left.length < record.published.length) await store.recordPublished(record.domain, me, left);
  record.published = left;
  return trouble;
}

/** What goes into one change. */
export function byZone(published: PublishedValue[]): Map<string, PublishedValue[]> {
  return Map.groupBy(published, ({ zoneId }) => zoneId);
}

/** Both lists, each record set once. */
export function withPublished(known: PublishedValue[] = [], more: PublishedValue[]): PublishedValue[] {
  const sets = new Map<string, PublishedValue>();
  for (const { zoneId, recordName, values } of [...known, ...more]) {
    const key = `${zoneId} ${recordName}`;
    const before = sets.get(key)?.values ?? [];
    sets.set(key, { zoneId, recordName, values: [...new Set([...before, ...values])] });
  }
  return [...sets.values()];
}
