/** Every step after ClaimDomain begins by renewing the claim that its execution took there. */
import type { Clock } from '../clock.ts';
import type { ClaimStore } from '../ports/claim-store.ts';
import type { Claim } from '../record/claim.ts';
import type { DomainRecord } from '../record/domain.ts';

/**
 * Renews the lease. The claim of a step that has a plan has the plan's counter `seen`, not the
 * record's. A run of ClaimDomain whose answer was lost may claim once more after the retry has made
 * the plan, and the record's counter then includes a wish that the plan does not have.
 * @returns the claim, which the step hands on to all that it calls, and the domain's record
 * @throws SealpostError ClaimLost
 */
export async function openClaim(
  { domain, execution, seen }: { domain: string; execution: string; seen?: number },
  { store, clock }: { store: Pick<ClaimStore, 'renewDomain'>; clock: Clock },
): Promise<{ claim: Claim; record: DomainRecord }> {
  const now = clock.now();
  const record = await store.renewDomain({ domain, me: execution, now });
  return { claim: { domain, me: execution, seen: seen ?? record.seen!, now }, record };
}
