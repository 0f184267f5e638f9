/** Retires a mail server: nothing is sent to it any more, and its domains are re-evaluated. */
import type { Clock } from '../clock.ts';
import { deletionOf, hostWish } from '../record/domain.ts';
import type { Retirement } from '../events/server-event.ts';
import type { DomainStore } from '../ports/domain-store.ts';
import type { ServerStore } from '../ports/server-store.ts';
import type { WaitingStore } from '../ports/waiting-store.ts';
import type { WorkStore } from '../ports/work-store.ts';

/** Domains re-evaluated side by side: each is four writes. */
const BATCH = 10;

/**
 * Re-evaluates each domain that the server has, or was to have. Such a domain is parked as
 * ServerNotRegistered until its wish names another server, or until the server is registered again
 * and receives the domain anew.
 * @returns how many domains were re-evaluated
 */
export async function retireServer(
  { server, node, at }: Retirement,
  { store, clock }: { store: DomainStore & ServerStore & WaitingStore & WorkStore; clock: Clock },
): Promise<{ server: string; woken: string[]; told: number }> {
  const begun = clock.now();
  const known = await store.readServer(server);
  const isAnother = known !== undefined && node !== undefined && known.node !== node;
  if (!isAnother) await store.retireServer(server, at);
  // Another instance has the name by now, or the server was registered later: this event is about
  // the earlier one.
  if (await store.readServer(server)) return { server, woken: [], told: 0 };
  await retireHostName(server, at, { store, clock });
  const work = await store.work(server, Number.POSITIVE_INFINITY);
  const versions = new Map(work.map(({ domain, v }) => [domain, v]));
  // Work to remove a domain stays for the day when the server comes back with what it had.
  const leaving = new Set(work.flatMap(({ domain, certificate }) => (certificate === 'REMOVE' ? [domain] : [])));
  const installed = (await store.allInstalled(server)).flatMap(({ domain, node }) => (node ? [domain] : []));
  const domains = [...new Set([...versions.keys(), ...installed])].filter(domain => !leaving.has(domain));
  // What was served stays on record without its node: the server may return with it on its disk.
  // The domain is re-evaluated first, so that a killed step continues with the rest.
  const tell = async (domain: string) => {
    await store.askReEvaluation(domain, clock.now());
    await store.recordRetired(server, { domain, v: versions.get(domain) ?? 0 }, { begun });
  };
  for (let i = 0; i < domains.length; i += BATCH) await Promise.all(domains.slice(i, i + BATCH).map(tell));
  const { woken: under } = await store.wakeDependents(server, { now: clock.now(), first: 0 });
  return { server, woken: [], told: domains.length + under };
}

/**
 * The server's own host name is not renewed any more. A customer's domain of that name stays. A
 * registration of the same second stands, too: it writes the server and then the wish, and here the
 * deletion is written and then the server is read, so that the wish is the last in each order.
 */
export async function retireHostName(
  server: string,
  at: number,
  {
    store,
    clock,
  }: { store: Pick<DomainStore, 'readDomain' | 'acceptWish'> & Pick<ServerStore, 'readServer'>; clock: Clock },
): Promise<void> {
  if (!(await store.readDomain(server))?.spec?.host) return;
  await store.acceptWish({ ...deletionOf(server), host: true }, { at }, clock.now());
  const back = await store.readServer(server);
  if (back) await store.acceptWish(hostWish(server), { at: back.registeredAt }, clock.now());
}
