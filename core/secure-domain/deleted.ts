/** The end of a claim on a deleted domain. */
import type { Clock } from '../clock.ts';
import { SealpostError } from '../errors.ts';
import { wakeServers } from '../work/wake.ts';
import type { Store } from '../ports/store.ts';
import { importWanted } from '../acm/import-to-acm.ts';
import type { DomainRecord } from '../record/domain.ts';
import { isAcmDue, isToBeRevoked, nextLook } from '../record/duties.ts';
import { reEvaluate } from '../work/re-evaluate.ts';
import { revocationWanted, revokeAt } from './revoke-certificate.ts';
import { removeAll } from '../work/superseded.ts';
import { leaveServers } from '../work/leave.ts';
import type { CertificateObjects } from '../ports/objects.ts';
import type { Executions } from '../ports/executions.ts';

/** How long a deleted domain is known, so that an older wish that comes late does not bring it back (EventBridge tries for a day; an archive may be replayed). */
const TOMBSTONE_MS = 30 * 86_400_000;

/** A deleted domain is taken from all its servers, and forgotten when its tombstone has stood long enough. Ends the claim, and the execution with it. */
export async function releaseDeleted(
  record: DomainRecord,
  me: string,
  isAsked: boolean,
  ports: { store: Store; certificates: Pick<CertificateObjects, 'remove'>; executions: Executions; clock: Clock },
): Promise<never> {
  const { store, clock } = ports;
  const { domain, order, wanted } = record;
  const now = clock.now();
  if (order) await store.forgetOrder(domain, me, order.url);
  if (record.servedUnder?.length) {
    await store.recordServedUnder(domain, me, []);
    await store.dependNoMore(
      domain,
      record.servedUnder.map(({ server }) => server),
    );
  }
  const left = await leaveServers(domain, ports);
  const isRevoking = isToBeRevoked(record, now);
  const revoking = isRevoking ? await revokeAt(record, store, now) : Number.POSITIVE_INFINITY;
  const isImported = isAcmDue(record, now, isAsked);
  if (revoking <= now || isImported) {
    await wakeServers(left, ports);
    throw revoking <= now ? revocationWanted(domain) : importWanted(domain);
  }
  const forgetAt = record.deletedAt! + TOMBSTONE_MS;
  const isOver = forgetAt <= now && !isRevoking;
  if (isOver) await removeAll(domain, me, ports);
  const forgotten = isOver && (await store.forgetDomain(domain, me, wanted));
  const dueAt = nextLook(record, Math.min(Math.max(forgetAt, now), revoking), now);
  if (!forgotten && !(await store.releaseDomain(domain, me, wanted, dueAt, now))) await reEvaluate(domain, ports);
  await wakeServers(left, ports);
  throw new SealpostError(
    'DomainDeleted',
    domain,
    forgotten ? `${domain} is forgotten` : `${domain} is deleted; ${left.length} servers are told to remove it`,
  );
}
