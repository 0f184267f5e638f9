/** Urgent and calm: a renewal in good time waits for the server's quiet hour, so that many go out with one reload. */
import { isUrgent } from '../certificate/renewal.ts';
import type { Plan } from '../record/plan.ts';
import type { Clock } from '../clock.ts';
import { quietMoment, type QuietHours } from '../work/quiet.ts';
import type { Store } from '../ports/store.ts';
import { sameNames, type DomainRecord } from '../record/domain.ts';
import { isServing } from '../work/serving.ts';

/**
 * The servers that may have the domain's next certificate later, each with its moment. All others have it at once: a
 * new, changed or moved domain, one from another issuer or of another profile, a certificate whose window is past (it was revoked, or will be) or that is near its
 * end, or would be by then, and what a person asked for.
 */
export async function calmServers(
  record: DomainRecord,
  { names, servers, issuer, profile }: Pick<Plan, 'names' | 'servers' | 'issuer' | 'profile'>,
  { store, clock, quietHours }: { store: Store; clock: Clock; quietHours: QuietHours },
): Promise<Record<string, number>> {
  const { current } = record;
  const now = clock.now();
  const isAsBefore = current?.issuer === issuer && current.profile === profile && sameNames(current.names, names);
  if (!isAsBefore || current.staging || current.askedAt !== undefined || isUrgent(now, current)) return {};
  const { notBefore, notAfter } = current;
  const moments = servers
    .map(server => ({ server, at: quietMoment(server, quietHours, now) }))
    // The window may end meanwhile: the CA has its order by then, and nobody is without a certificate.
    .filter(({ at }) => !isUrgent(at, { notBefore, notAfter }));
  const serving = await Promise.all(moments.map(({ server }) => isServing(server, record, store, now)));
  return Object.fromEntries(moments.filter((_, i) => serving[i]).map(({ server, at }) => [server, at]));
}
