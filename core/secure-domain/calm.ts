/**
 * Which servers receive a renewal in their quiet hour, so that many renewals go out with one
 * reload.
 */
import { isUrgent } from '../certificate/renewal.ts';
import type { ServerStore } from '../ports/server-store.ts';
import type { WorkStore } from '../ports/work-store.ts';
import { sameNames, type DomainRecord } from '../record/domain.ts';
import type { Plan } from '../record/plan.ts';
import { quietMoment, type QuietHours } from '../work/quiet.ts';
import { isServing } from '../work/serving.ts';

/**
 * All other servers receive the certificate at once: for a new, changed or moved domain; after a
 * change of issuer or profile; for a certificate whose ARI window has passed (it was revoked, or
 * will be), that is near its end or would be by then; and for what a person asked for.
 * @returns the servers that may receive the domain's next certificate later, each with its moment,
 *   milliseconds since the epoch
 */
export async function calmServers(
  record: DomainRecord,
  plan: Pick<Plan, 'names' | 'servers' | 'issuer' | 'profile'>,
  {
    store,
    now,
    quietHours,
  }: {
    store: Pick<WorkStore, 'workFor' | 'installed'> & Pick<ServerStore, 'readServer'>;
    now: number;
    quietHours: QuietHours;
  },
): Promise<Record<string, number>> {
  const { current } = record;
  const { issuer, profile, names } = plan;
  const isAsBefore = current?.issuer === issuer && current.profile === profile && sameNames(current.names, names);
  if (!isAsBefore || current.staging || current.askedAt !== undefined || isUrgent(now, current)) return {};
  const { notBefore, notAfter } = current;
  const moments = plan.servers
    .map(server => ({ server, at: quietMoment(server, quietHours, now) }))
    // The ARI window may end before that moment: the CA has its order by then, and the old
    // certificate is good.
    .filter(({ at }) => !isUrgent(at, { notBefore, notAfter }));
  const serving = await Promise.all(moments.map(({ server }) => isServing(server, record, store, now)));
  return Object.fromEntries(moments.filter((_, i) => serving[i]).map(({ server, at }) => [server, at]));
}
