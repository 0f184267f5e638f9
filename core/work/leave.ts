/** Where a domain leaves: the servers that its wish no longer names, and in the end all that is known of it. */
import type { Clock } from '../clock.ts';
import type { Store } from '../ports/store.ts';
import { isServing } from './serving.ts';
import { holdersOf } from '../record/served-under.ts';

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
