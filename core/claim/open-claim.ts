/** Every step after ClaimDomain begins by renewing the claim that its execution took there. */
import type { Clock } from '../clock.ts';
import type { ClaimStore } from '../ports/claim-store.ts';
import type { Claim } from '../record/claim.ts';
import type { DomainRecord } from '../record/domain.ts';

/**
 * Renews the lease.
 * @returns the claim, which the step hands on to all that it calls, and the domain's record
 * @throws SealpostError ClaimLost
 */
export async function openClaim(
  { domain, execution }: { domain: string; execution: string },
  { store, clock }: { store: Pick<ClaimStore, 'renewDomain'>; clock: Clock },
): Promise<{ claim: Claim; record: DomainRecord }> {
  const now = clock.now();
  const record = await store.renewDomain({ domain, me: execution, now });
  return { claim: { domain, me: execution, seen: record.seen!, now }, record };
}
