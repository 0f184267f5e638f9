/**
 * The end of a claim whose work is done. A claim that ends with a reason to wait is parked instead.
 */
import type { Clock } from '../clock.ts';
import type { ClaimStore } from '../ports/claim-store.ts';
import type { Executions } from '../ports/executions.ts';
import type { Claim } from '../record/claim.ts';
import { reEvaluate } from '../work/re-evaluate.ts';

/**
 * Ends the claim. If a newer wish came while the claim was held, its execution found the domain
 * claimed and ended; so another execution is started for that wish here.
 * @param dueAt when the sweep re-evaluates the domain, milliseconds since the epoch
 * @throws SealpostError ClaimLost
 */
export async function endClaim(
  claim: Claim,
  dueAt: number,
  ports: { store: Pick<ClaimStore, 'releaseDomain'>; executions: Executions; clock: Clock },
): Promise<void> {
  const isReleased = await ports.store.releaseDomain(claim, dueAt);
  if (!isReleased) await reEvaluate(claim.domain, ports);
}
