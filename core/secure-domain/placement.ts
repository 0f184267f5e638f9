/**
 * What a wish comes to on its servers as they are: which servers get the certificate, and under
 * which servers' host names mail is served instead.
 */
import { planNames, webmailName } from '../certificate/names.ts';
import { sayBefore } from '../claim/say-before.ts';
import { SealpostError, type ErrorName } from '../errors.ts';
import type { Bus } from '../ports/bus.ts';
import type { ClaimStore } from '../ports/claim-store.ts';
import type { ServerStore } from '../ports/server-store.ts';
import type { WaitingStore } from '../ports/waiting-store.ts';
import { servesAlone, servesByName } from '../record/capability.ts';
import { isToBeReplaced } from '../record/duties.ts';
import { serversOf, type ServedUnder, type Wish } from '../record/domain.ts';
import { holders, typeThis } from '../record/served-under.ts';
import type { ServerRecord } from '../record/server.ts';
import type { Evaluation, Placed } from './evaluation.ts';

export interface Placement {
  /** The names that the certificate must have. */
  names: string[];
  /** The servers that get it. Without any, nothing is ordered. */
  servers: string[];
  servedUnder: ServedUnder[];
}

/** Reasons to park that end with the server's next inspection. */
export const UNTIL_INSPECTED: readonly ErrorName[] = ['ServerNotInspected', 'InstallRefused'];

/** By host name. */
type Servers = Map<string, ServerRecord>;

/**
 * A mail server that cannot choose a certificate by name serves the domain under its own host name.
 * Such a server gets the domain's certificate only for webmail, if webmail is its task and its web
 * server can choose. A server of the wish that is not in `servers` is left out, and the names stay.
 */
export function place(wish: Wish, servers: Servers): Placement {
  const names = planNames(wish);
  const there = serversOf(wish).filter(server => servers.has(server));
  if (wish.host) return { names, servers: there, servedUnder: [] };
  const webmail = webmailName(wish.domain, names);
  const servedUnder = wish.mailServers
    .filter(server => servers.has(server) && !servesByName(servers.get(server)!))
    .map(server => {
      const isWebmail = (wish.webmailServer ?? server) === server && servesAlone(servers.get(server)!, 'webmail');
      return { server, ...(webmail !== undefined && isWebmail && { webmail: true as const }) };
    });
  const isMailByName = servedUnder.length < wish.mailServers.length;
  return {
    // A name of a list that no client would use is not certified.
    names: isMailByName || wish.policy === 'wildcard' || wish.acm || webmail === undefined ? names : [webmail],
    servers: holders(there, servedUnder),
    servedUnder,
  };
}

/**
 * Matches the wish against its servers, and records under which servers the domain is served. First
 * each of these servers has on record that the domain depends on what the server can do, then the
 * server is read again: an inspection that is recorded in between finds the domain there and
 * re-evaluates it.
 * @throws SealpostError ServerNotRegistered, ServerNotInspected, InstallRefused, ClaimLost,
 *   Throttled
 */
export async function placeDomain(
  evaluation: Evaluation,
  {
    store,
    bus,
  }: {
    store: Pick<ServerStore, 'readServer'> &
      Pick<ClaimStore, 'recordServedUnder'> &
      Pick<WaitingStore, 'dependOn' | 'dependNoMore'>;
    bus: Bus;
  },
): Promise<Placed> {
  const { claim, record, wish } = evaluation;
  const { domain } = wish;
  const first = await placeOn(evaluation, store);
  const before = record.servedUnder ?? [];
  const hadToWait = record.parked !== undefined && UNTIL_INSPECTED.includes(record.parked.reason);
  if (before.length === 0 && first.servedUnder.length === 0 && !hadToWait) return { ...evaluation, ...placed(first) };
  await store.dependOn(domain, hosts(first.servedUnder));
  const placement = await placeOn(evaluation, store);
  const { servedUnder } = placement;
  const isKnown = (one: ServedUnder) => before.some(known => isSame(one, known));
  const facts = servedUnder
    .filter(one => !isKnown(one))
    .map(({ server, webmail }) => ({
      detailType: 'Domain Served Under Server' as const,
      detail: { domain, server, webmail: webmail ?? false, message: typeThis({ domain, server }) },
    }));
  await sayBefore(facts, bus, async () => {
    if (facts.length > 0 || servedUnder.length < before.length) await store.recordServedUnder(claim, servedUnder);
  });
  const free = [...serversOf(wish), ...hosts(before)].filter(server => !hosts(servedUnder).includes(server));
  await store.dependNoMore(domain, [...new Set(free)]);
  return { ...evaluation, record: { ...record, servedUnder }, ...placed(placement) };
}

function placed({ names, servers, leftOut }: Awaited<ReturnType<typeof placeOn>>): Omit<Placed, keyof Evaluation> {
  return { names, servers, ...(leftOut && { leftOut }) };
}

function hosts(servedUnder: ServedUnder[]): string[] {
  return servedUnder.map(({ server }) => server);
}

function isSame(one: ServedUnder, other: ServedUnder): boolean {
  return one.server === other.server && Boolean(one.webmail) === Boolean(other.webmail);
}

/**
 * Places the domain on the servers that can receive a certificate. A server that cannot does not
 * keep the others from theirs: it is left out, if something is served for the domain. A domain
 * without a certificate waits for all of its servers.
 */
async function placeOn(
  { claim, record, wish }: Evaluation,
  store: Pick<ServerStore, 'readServer'>,
): Promise<Placement & Pick<Placed, 'leftOut'>> {
  const named = serversOf(wish);
  const found = await Promise.all(named.map(server => store.readServer(server)));
  const registered = found.flatMap(one => one ?? []);
  const refused = registered.filter(({ capability }) => capability?.['refused']);
  // A domain with a certificate does not wait for an inspection, because its servers served by name
  // before.
  const unknown = wish.host || record.current ? [] : uninspected(registered);
  const usable = registered.filter(one => !refused.includes(one) && !unknown.includes(one.server));
  const missing = named.filter((_, i) => !found[i]);
  const leftOut = whyLeftOut(wish.domain, { missing, refused, unknown });
  const isServed = [record.current, record.provided, record.foreign].some(one => one !== undefined);
  const isForAcm = wish.acm === true && isToBeReplaced(record, claim.now);
  if (leftOut && !(isServed && (usable.length > 0 || isForAcm))) throw leftOut;
  return { ...place(wish, new Map(usable.map(one => [one.server, one]))), ...(leftOut && { leftOut }) };
}

function whyLeftOut(
  domain: string,
  { missing, refused, unknown }: { missing: string[]; refused: ServerRecord[]; unknown: string[] },
): SealpostError | undefined {
  if (missing.length > 0)
    return new SealpostError('ServerNotRegistered', {
      about: domain,
      message: `${missing.join(' and ')} not registered; put Mail Server Registered, and ${domain} goes on by itself`,
    });
  const [first] = refused;
  if (first)
    return new SealpostError('InstallRefused', {
      about: domain,
      message: `${first.server}: ${first.capability!['refused']!.join('; ')}`,
    });
  if (unknown.length > 0)
    return new SealpostError('ServerNotInspected', {
      about: domain,
      message: `what ${unknown.join(' and ')} can do is not known yet; it is being looked at, and ${domain} goes on by itself`,
    });
  return undefined;
}

/**
 * Servers whose first inspection has not answered. An order for such a server may be for nothing.
 */
export function uninspected(servers: ServerRecord[]): string[] {
  return servers.filter(({ capability }) => capability === undefined).map(({ server }) => server);
}
