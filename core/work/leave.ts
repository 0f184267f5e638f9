/** Removes a domain from the servers that its wish does not name any more. */
import type { Clock } from '../clock.ts';
import type { DomainStore } from '../ports/domain-store.ts';
import type { WorkStore } from '../ports/work-store.ts';
import { holdersOf } from '../record/served-under.ts';
import { isServing, type ServingStore } from './serving.ts';

/**
 * Gives work to remove the domain to the servers that shall not hold its certificate any more.
 * These servers go on serving until every server of the wish was seen serving; the step that
 * records the last of these calls this again.
 * @returns the servers that have work to remove the domain now
 */
export async function leaveServers(
  domain: string,
  ports: { store: ServingStore & Pick<DomainStore, 'readDomain'> & Pick<WorkStore, 'commitRemoval'>; clock: Clock },
): Promise<string[]> {
  const { store, clock } = ports;
  const record = await store.readDomain(domain);
  if (!record?.spec) return [];
  const wished = holdersOf(record);
  const left = (record.servers ?? []).filter(server => !wished.includes(server));
  if (left.length === 0) return [];
  const serving = await Promise.all(wished.map(server => isServing(server, record, store, clock.now())));
  if (serving.includes(false)) return [];
  const having = await Promise.all(left.map(server => hasToRemove({ server, domain }, store)));
  const servers = left.filter((_, i) => having[i]);
  if (servers.length === 0) return [];
  const committed = await store.commitRemoval({ domain, wanted: record.wanted, servers, now: clock.now() });
  return committed ? servers : leaveServers(domain, ports);
}

/**
 * The server may have the domain, and has no work to remove it. Work is removed after its server is
 * known to serve, so that either the work or what is installed is always found.
 */
async function hasToRemove(
  { server, domain }: { server: string; domain: string },
  store: ServingStore,
): Promise<boolean> {
  const work = await store.workFor({ server, domain });
  if (work?.certificate === 'REMOVE' || !(await store.readServer(server))) return false;
  return work !== undefined || (await store.installed({ server, domain })) !== undefined;
}
