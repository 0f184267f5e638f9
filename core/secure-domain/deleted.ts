/** The end of a claim on a deleted domain. */
import { importWanted } from '../acm/import-to-acm.ts';
import { endClaim } from '../claim/end-claim.ts';
import type { Clock } from '../clock.ts';
import { ended, type Ended } from '../ended.ts';
import type { ClaimStore } from '../ports/claim-store.ts';
import type { DomainStore } from '../ports/domain-store.ts';
import type { Executions } from '../ports/executions.ts';
import type { CertificateObjects } from '../ports/objects.ts';
import type { ServerStore } from '../ports/server-store.ts';
import type { WaitingStore } from '../ports/waiting-store.ts';
import type { WorkStore } from '../ports/work-store.ts';
import { isAcmDue, isToBeRevoked, nextEvaluation, orderToBeRevoked } from '../record/duties.ts';
import { leaveServers } from '../work/leave.ts';
import { removeAll } from '../work/superseded.ts';
import { wakeServers } from '../work/wake.ts';
import type { Evaluation } from './evaluation.ts';
import { revocationWanted, revokeAt } from './revoke-certificate.ts';

/**
 * How long a deleted domain stays on record as a tombstone, so that an older wish that comes late
 * does not bring it back: EventBridge retries for a day, and an archive may be replayed.
 */
const TOMBSTONE_MS = 30 * 86_400_000;

interface Ports {
  store: DomainStore & ClaimStore & WorkStore & ServerStore & WaitingStore;
  certificates: Pick<CertificateObjects, 'remove'>;
  executions: Executions;
  clock: Clock;
}

/**
 * Gives work to remove the domain from its servers, and forgets the domain after its tombstone's
 * time.
 */
export async function endDeleted(
  evaluation: Evaluation,
  ports: Ports,
): Promise<Ended<'DomainDeleted' | 'ImportWanted' | 'RevocationWanted'>> {
  const { claim, record, isAsked } = evaluation;
  const { domain, now } = claim;
  await forgetPlans(evaluation, ports);
  const left = await leaveServers(domain, ports);
  const isRevoking = isToBeRevoked(record, now);
  const revoking = isRevoking ? await revokeAt(record, ports.store, now) : Number.POSITIVE_INFINITY;
  if (revoking <= now || isAcmDue(record, { now, isAsked })) {
    await wakeServers(left, ports);
    return revoking <= now ? revocationWanted(domain) : importWanted(domain);
  }
  const forgetAt = record.deletedAt! + TOMBSTONE_MS;
  const isForgotten = forgetAt <= now && !isRevoking && (await forget(evaluation, ports));
  if (!isForgotten) {
    const dueAt = Math.min(Math.max(forgetAt, now), revoking);
    await endClaim(claim, nextEvaluation(record, { dueAt, now }), ports);
  }
  await wakeServers(left, ports);
  const message = isForgotten
    ? `${domain} is forgotten`
    : `${domain} is deleted; ${left.length} servers are told to remove it`;
  return ended('DomainDeleted', { about: domain, message });
}

async function forgetPlans({ claim, record }: Evaluation, { store }: Ports): Promise<void> {
  // The state RevokeCertificate asks the CA what has become of an order first.
  if (record.order && !orderToBeRevoked(record, claim.now)) await store.forgetOrder(claim, record.order);
  if (!record.servedUnder?.length) return;
  await store.recordServedUnder(claim, []);
  await store.dependNoMore(
    claim.domain,
    record.servedUnder.map(({ server }) => server),
  );
}

/** Keys first, then the record: a step that is killed in between removes the keys again. */
async function forget({ claim }: Evaluation, ports: Ports): Promise<boolean> {
  await removeAll(claim, ports);
  return ports.store.forgetDomain(claim);
}
