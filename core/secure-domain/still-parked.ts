/** The end of a claim whose try the brake holds: the domain stays parked. */
import { ended, type Ended } from '../ended.ts';
import type { ClaimStore } from '../ports/claim-store.ts';
import { brakeOn, orderOf } from '../record/brake.ts';
import type { Claim } from '../record/claim.ts';
import type { DomainRecord } from '../record/domain.ts';
import type { Plan } from '../record/plan.ts';

/**
 * Nothing is published: a panel that answers `Domain Parked` with another event would go on.
 * @returns undefined if the try may be made
 * @throws SealpostError ClaimLost
 */
export async function endHeld(
  { claim, record }: { claim: Claim; record: DomainRecord },
  plan: Pick<Plan, 'names' | 'profile' | 'issuer'>,
  store: Pick<ClaimStore, 'recordBrake' | 'parkDomain'>,
): Promise<Ended<'StillParked'> | undefined> {
  const { domain, me, now } = claim;
  const verdict = brakeOn(record, { order: orderOf(plan), me, now });
  if (verdict.brake) await store.recordBrake(claim, verdict.brake);
  if (!verdict.isHeld) return undefined;
  const { nextTry } = verdict;
  const { last } = record.brake!;
  const parked = record.parked ?? { ...last, since: now, tries: 0 };
  await store.parkDomain(claim, { ...parked, nextTry }, []);
  const at = new Date(nextTry).toISOString();
  const message = `${domain} failed at the CA and was tried again as often as may be asked for; the next try is at ${at}. ${last.reason}: ${last.message}`;
  return ended('StillParked', { about: domain, message });
}
