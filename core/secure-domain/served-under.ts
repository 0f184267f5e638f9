/**
 * The end of a claim on a domain that needs no certificate: its mail is served under host names.
 */
import { importWanted } from '../acm/import-to-acm.ts';
import { endClaim } from '../claim/end-claim.ts';
import type { Clock } from '../clock.ts';
import { ended, type Ended } from '../ended.ts';
import type { ClaimStore } from '../ports/claim-store.ts';
import type { DomainStore } from '../ports/domain-store.ts';
import type { Executions } from '../ports/executions.ts';
import type { CertificateObjects } from '../ports/objects.ts';
import type { ServerStore } from '../ports/server-store.ts';
import type { WorkStore } from '../ports/work-store.ts';
import { isAcmDue, nextEvaluation } from '../record/duties.ts';
import { leaveServers } from '../work/leave.ts';
import { removeSuperseded } from '../work/superseded.ts';
import { wakeServers } from '../work/wake.ts';
import type { Evaluation } from './evaluation.ts';
import { withoutOrder } from './without-order.ts';

/**
 * An inspection that finds a server able to serve by name re-evaluates the domains that depend on
 * it. This one is for a server whose inspection was lost.
 */
const EVALUATE_AGAIN_MS = 30 * 86_400_000;

/** Gives work to remove what servers still have of the domain. Nothing is ordered. */
export async function endServedUnder(
  { claim, record, isAsked }: Evaluation,
  ports: {
    store: DomainStore & ClaimStore & WorkStore & ServerStore;
    certificates: Pick<CertificateObjects, 'remove'>;
    executions: Executions;
    clock: Clock;
  },
): Promise<Ended<'ServedUnderServer' | 'ImportWanted'>> {
  const { domain, now } = claim;
  const { servedUnder = [] } = record;
  const { superseded } = await withoutOrder(record, claim, ports.store);
  if (superseded?.length) await removeSuperseded(domain, ports);
  await wakeServers(await leaveServers(domain, ports), ports);
  if (isAcmDue(record, { now, isAsked })) return importWanted(domain);
  await endClaim(claim, nextEvaluation(record, { dueAt: now + EVALUATE_AGAIN_MS, now }), ports);
  const under = servedUnder.map(({ server }) => server).join(' and ');
  const message = `${domain} is served under ${under}; nothing is ordered for it`;
  return ended('ServedUnderServer', { about: domain, message });
}
