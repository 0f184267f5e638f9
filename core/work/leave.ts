/** Where a domain leaves: the servers that its wish no longer names, and in the end all that is known of it. */
import type { Clock } from '../clock.ts';
import { SealpostError } from '../errors.ts';
import type { CertificateObjects, Executions } from '../ports/ports.ts';
import { wakeServers } from './wake.ts';
import type { Store } from '../ports/store.ts';
import { importWanted } from '../acm/import-to-acm.ts';
import type { DomainRecord } from '../record/domain.ts';
import { isAcmDue, isToBeRevoked, nextLook } from '../record/duties.ts';
import { look } from './look.ts';
import { holdersOf } from '../secure-domain/placement.ts';
import { revocationWanted, revokeAt } from '../secure-domain/revoke-certificate.ts';
import { isServing } from './serving.ts';
import { removeAll } from './superseded.ts';

/** How long a deleted domain is known, so that an older wish that comes late does not bring it back (EventBridge tries for a day; an archive may be replayed). */
const TOMBSTONE_MS = 30 * 86_400_000;

/**
 * Gives work to the servers that shall hold the domain's certificate no longer. They go on serving until each server of the wish was seen
 * to: whoever records that calls here again.
 * @returns the servers that now have it to remove
 */
export async function leaveServers(domain: string, ports: { store: Store; clock: Clock }): Promise<string[]> {
  const { store, clock } = ports;
  const record = await store.readDomain(domain);
  if (!record?.spec) return [];
  const wished = holdersOf(record);
  const left = (record.servers ?? []).filter(server => !wished.includes(server));
  if (left.length === 0) return [];
  const serving = await Promise.all(wished.map(server => isServing(server, record, store, clock.now())));
  if (serving.includes(false)) return [];
  const having = await Promise.all(left.map(server => hasToRemove(server, domain, store)));
  const servers = left.filter((_, i) => having[i]);
  if (servers.length === 0) return [];
  const committed = await store.commitRemoval({ domain, wanted: record.wanted, servers, now: clock.now() });
  return committed ? servers : leaveServers(domain, ports);
}

/** It may have the domain, and was not told yet. Work is taken away after its server is known to serve, so one of the two is always there. */
async function hasToRemove(server: string, domain: string, store: Store): Promise<boolean> {
  const work = await store.workFor(server, domain);
  if (work?.certificate === 'REMOVE' || !(await store.readServer(server))) return false;
  return work !== undefined || (await store.installed(server, domain)) !== undefined;
}

/** A server may be able to serve by name one day, and whoever records that looks for those that hang on it; this is for what gets lost. */
const LOOK_AGAIN_MS = 30 * 86_400_000;

/** No server needs a certificate of it: what is there is removed, nothing is ordered. Ends the claim, and the execution with it. */
export async function releaseServedUnder(
  record: DomainRecord,
  me: string,
  isAsked: boolean,
  ports: { store: Store; executions: Executions; clock: Clock },
): Promise<never> {
  const { store } = ports;
  const now = ports.clock.now();
  const { domain, order, wanted, servedUnder = [] } = record;
  if (order) await store.forgetOrder(domain, me, order.url);
  const left = await leaveServers(domain, ports);
  await wakeServers(left, ports);
  if (isAcmDue(record, now, isAsked)) throw importWanted(domain);
  const dueAt = nextLook(record, now + LOOK_AGAIN_MS, now);
  if (!(await store.releaseDomain(domain, me, wanted, dueAt, now))) await look(domain, ports);
  const under = servedUnder.map(({ server }) => server).join(' and ');
  throw new SealpostError('ServedUnderServer', domain, `${domain} is served under ${under}; nothing is ordered for it`);
}

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
  if (!forgotten && !(await store.releaseDomain(domain, me, wanted, dueAt, now))) await look(domain, ports);
  await wakeServers(left, ports);
  throw new SealpostError(
    'DomainDeleted',
    domain,
    forgotten ? `${domain} is forgotten` : `${domain} is deleted; ${left.length} servers are told to remove it`,
  );
}
