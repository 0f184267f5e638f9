/**
 * TXT values of ours in a zone. The values are on record before they are published and until they
 * are retracted, so that the next claim can retract the values of an execution that was killed.
 */
import type { ClaimStore } from '../ports/claim-store.ts';
import type { Zones } from '../ports/zones.ts';
import type { Claim } from '../record/claim.ts';
import type { DomainRecord, PublishedValue } from '../record/domain.ts';

/**
 * Retracts every value that the record names. Values that cannot be retracted now (the right to
 * write was lost, or Route 53 throttles) stay on record, and the step goes on.
 * @returns the record as it is now, and the first error, if there was one
 * @throws SealpostError ClaimLost
 */
export async function retract(
  record: DomainRecord,
  claim: Claim,
  { store, zones }: { store: Pick<ClaimStore, 'recordPublished'>; zones: Zones },
): Promise<{ record: DomainRecord; trouble?: unknown }> {
  if (!record.published?.length) return { record };
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
  if (left.length < record.published.length) await store.recordPublished(claim, left);
  return { record: { ...record, published: left }, ...(trouble !== undefined && { trouble }) };
}

/** Route 53 takes one change a zone, so values are grouped by their zone. */
export function byZone(published: PublishedValue[]): Map<string, PublishedValue[]> {
  return Map.groupBy(published, ({ zoneId }) => zoneId);
}

/** Both lists as one, each record set once. */
export function withPublished(known: PublishedValue[] = [], more: PublishedValue[]): PublishedValue[] {
  const sets = Map.groupBy([...known, ...more], ({ zoneId, recordName }) => `${zoneId} ${recordName}`);
  return [...sets.values()].map(same => ({
    ...same[0]!,
    values: [...new Set(same.flatMap(({ values }) => values))],
  }));
}
