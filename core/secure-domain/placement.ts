/** What a wish comes to on its servers as they are: who gets the certificate, and under whose name mail is served instead. */
import { planNames, webmailName } from '../certificate/names.ts';
import type { Clock } from '../clock.ts';
import { SealpostError, type ErrorName } from '../errors.ts';
import type { ServerRecord } from '../record/server.ts';
import type { Store } from '../ports/store.ts';
import { type DomainRecord, type ServedUnder, serversOf, type Wish } from '../record/domain.ts';
import { servesAlone, servesByName } from '../record/capability.ts';
import { holders, typeThis } from '../record/served-under.ts';
import type { Bus } from '../ports/bus.ts';

export interface Placement {
  /** The names that its certificate has to have. */
  names: string[];
  /** Servers that get it; none: nothing is ordered. */
  servers: string[];
  servedUnder: ServedUnder[];
}

/** What hangs on what a server can do: the park ends with its next inspection. */
export const HANG: readonly ErrorName[] = ['ServerNotInspected', 'InstallRefused'];

/** By host name, with what `inspect` found there. */
type Servers = Map<string, ServerRecord>;

/**
 * A mail server that cannot choose a certificate by name serves the domain under its own host name. It gets the domain's
 * certificate only for webmail, where that is its task and its web server can.
 */
export function place(wish: Wish, servers: Servers): Placement {
  const names = planNames(wish);
  if (wish.host) return { names, servers: serversOf(wish), servedUnder: [] };
  const webmail = webmailName(wish.domain, names);
  const servedUnder = wish.mailServers
    .filter(server => !servesByName(servers.get(server)!))
    .map(server => {
      const isWebmail = (wish.webmailServer ?? server) === server && servesAlone(servers.get(server)!, 'webmail');
      return { server, ...(webmail !== undefined && isWebmail && { webmail: true as const }) };
    });
  const isMailByName = servedUnder.length < wish.mailServers.length;
  return {
    // Of a list, what nobody would look at is not certified.
    names: isMailByName || wish.policy === 'wildcard' || wish.acm || webmail === undefined ? names : [webmail],
    servers: holders(serversOf(wish), servedUnder),
    servedUnder,
  };
}

/**
 * Plans, and puts on record under which servers the domain is served. Each of these is told that the domain hangs on
 * what it can do, and then looked at again: whoever records another inspection looks for those that hang on it.
 * @throws SealpostError ServerNotRegistered, ServerNotInspected, InstallRefused, ClaimLost
 */
export async function placeDomain(
  record: DomainRecord,
  wish: Wish,
  me: string,
  ports: { store: Store; bus: Bus; clock: Clock },
): Promise<Placement> {
  const { store, bus } = ports;
  const { domain } = wish;
  const isDue = record.current !== undefined && record.current.renewAt <= ports.clock.now();
  let placement = await placeOn(record, wish, isDue, store);
  const before = record.servedUnder ?? [];
  const hadToWait = record.parked !== undefined && HANG.includes(record.parked.reason);
  if (before.length === 0 && placement.servedUnder.length === 0 && !hadToWait) return placement;
  await store.dependOn(domain, names(placement.servedUnder));
  placement = await placeOn(record, wish, isDue, store);
  const { servedUnder } = placement;
  const isKnown = (one: ServedUnder) => before.some(({ server, webmail }) => sameUnder(one, { server, webmail }));
  const events = servedUnder
    .filter(one => !isKnown(one))
    .map(({ server, webmail }) => ({
      detailType: 'Domain Served Under Server' as const,
      detail: { domain, server, webmail: webmail ?? false, message: typeThis(domain, server) },
    }));
  // Before it is on record, since a retry of this step finds it there: rather twice than never.
  if (events.length > 0) await bus.put(events);
  if (events.length > 0 || servedUnder.length < before.length) await store.recordServedUnder(domain, me, servedUnder);
  const free = serversOf(wish)
    .concat(names(before))
    .filter(server => !names(servedUnder).includes(server));
  await store.dependNoMore(domain, [...new Set(free)]);
  record.servedUnder = servedUnder;
  return placement;
}

function names(servedUnder: ServedUnder[]): string[] {
  return servedUnder.map(({ server }) => server);
}

function sameUnder(a: ServedUnder, b: ServedUnder): boolean {
  return a.server === b.server && Boolean(a.webmail) === Boolean(b.webmail);
}

/**
 * A domain that has a certificate is renewed while a server of it is looked at anew: it was by name before.
 * @param isDue its certificate is to be renewed: one server that was retired keeps the others from nothing
 */
async function placeOn(
  record: DomainRecord,
  wish: Wish,
  isDue: boolean,
  store: Pick<Store, 'readServer'>,
): Promise<Placement> {
  const named = serversOf(wish);
  const servers = new Map<string, ServerRecord>();
  for (const one of await Promise.all(named.map(server => store.readServer(server))))
    if (one) servers.set(one.server, one);
  const there = wish.mailServers.filter(server => servers.has(server));
  const isEnough = isDue && there.length > 0;
  const missing = isEnough ? [] : named.filter(server => !servers.has(server));
  const fail = (name: 'ServerNotRegistered' | 'ServerNotInspected' | 'InstallRefused', why: string) =>
    new SealpostError(name, wish.domain, why);
  if (missing.length > 0)
    throw fail(
      'ServerNotRegistered',
      `${missing.join(' and ')} not registered; put Mail Server Registered, and ${wish.domain} goes on by itself`,
    );
  for (const { server, capability } of servers.values())
    if (capability?.['refused']) throw fail('InstallRefused', `${server}: ${capability['refused'].join('; ')}`);
  const unknown = wish.host || record.current ? [] : uninspected([...servers.values()]);
  if (unknown.length > 0)
    throw fail(
      'ServerNotInspected',
      `what ${unknown.join(' and ')} can do is not known yet; it is being looked at, and ${wish.domain} goes on by itself`,
    );
  const placement = place({ ...wish, mailServers: there }, servers);
  return { ...placement, servers: placement.servers.filter(server => servers.has(server)) };
}

/** Until it is known whether they serve by name, an order may be for nothing. */
export function uninspected(servers: ServerRecord[]): string[] {
  return servers.filter(({ capability }) => capability === undefined).map(({ server }) => server);
}
