/** An order that is needed no more. */
import type { ClaimStore } from '../ports/claim-store.ts';
import type { Claim } from '../record/claim.ts';
import type { DomainRecord } from '../record/domain.ts';

/**
 * Forgets the order on record, if there is one.
 * @returns the record as it is now: the certificate of a keyed order is a superseded one, whose
 *   objects this evaluation deletes
 */
export async function withoutOrder(
  { order, ...record }: DomainRecord,
  claim: Claim,
  store: Pick<ClaimStore, 'forgetOrder'>,
): Promise<DomainRecord> {
  if (!order) return record;
  await store.forgetOrder(claim, order);
  const { keyed, certificate } = order;
  if (!keyed || certificate === undefined) return record;
  return { ...record, superseded: [...(record.superseded ?? []), certificate] };
}
