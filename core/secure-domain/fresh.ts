/** Ends of ClaimDomain where no order is needed, and work for certificates that are still good. */
import { endClaim } from '../claim/end-claim.ts';
import { ended, type Ended } from '../ended.ts';
import { importWanted } from '../acm/import-to-acm.ts';
import type { Issuer } from '../acme/issuer.ts';
import type { Clock } from '../clock.ts';
import { isUnlikeWish } from '../issuer/choose-issuer.ts';
import type { ClaimStore } from '../ports/claim-store.ts';
import type { DomainStore } from '../ports/domain-store.ts';
import type { Executions } from '../ports/executions.ts';
import type { ServerStore } from '../ports/server-store.ts';
import type { WorkStore } from '../ports/work-store.ts';
import { isFresh, sameNames } from '../record/domain.ts';
import { isAcmDue, nextEvaluation } from '../record/duties.ts';
import { certificatesOf, goodUntil, hasAny, isGiven, needsNoOrder, type Certificates } from '../record/provided.ts';
import { leaveServers } from '../work/leave.ts';
import { isServing } from '../work/serving.ts';
import { wakeServers } from '../work/wake.ts';
import type { Placed } from './evaluation.ts';

interface Ports {
  store: DomainStore & ClaimStore & WorkStore & ServerStore;
  issuers: Issuer[];
  executions: Executions;
  clock: Clock;
}

type FreshEnd = Ended<'StillFresh' | 'ImportWanted'>;

/** @returns the end of the claim; undefined where an order is needed */
export async function endWithoutOrder(placed: Placed, ports: Ports): Promise<FreshEnd | undefined> {
  const { claim, record, wish, names, isAsked } = placed;
  const { now } = claim;
  const { order, current, foreign } = record;
  if (needsNoOrder(record, now)) {
    // Our certificate serves the names that the provided ones do not cover. When ours ends, it must
    // leave the servers: a server refuses an entry with an expired certificate, and the provided
    // ones of that domain with it.
    const end = current?.notAfter ?? 0;
    return endFresh(placed, end > now ? end : Number.POSITIVE_INFINITY, ports);
  }
  if (order) return undefined;
  if (!isAsked && current === undefined && foreign !== undefined && now < foreign.renewAt) {
    await endClaim(claim, foreign.renewAt, ports);
    const until = new Date(foreign.renewAt).toISOString();
    const message = `${claim.domain} is served with another's certificate; ours is ordered ${until}`;
    return ended('StillFresh', { about: claim.domain, message });
  }
  if (isUnlikeWish(ports.issuers, wish, record) || !isFresh(current, names, now)) return undefined;
  return endFresh(placed, current!.renewAt, ports);
}

/**
 * The certificates at hand are good: servers that lack them get work, and so do servers that the
 * wish has left.
 * @param renewAt when the next order is due, milliseconds since the epoch
 */
async function endFresh(placed: Placed, renewAt: number, ports: Ports): Promise<FreshEnd> {
  const { claim, record, wish, servers, isAsked } = placed;
  const { domain, now } = claim;
  const { store } = ports;
  const certificates = certificatesOf(record, now);
  // A sender who asks again has refused and calm work given anew, at once; the sweep leaves such
  // work alone.
  const lacking = isAsked ? await serversLacking(placed, ports) : await serversWithoutWork(placed, certificates, ports);
  if (lacking.length > 0) await store.commitWork({ domain, ...certificates, servers: lacking, host: wish.host, now });
  const left = await leaveServers(domain, ports);
  if (isAcmDue(record, { now, isAsked })) {
    await wakeServers([...lacking, ...left], ports);
    return importWanted(domain);
  }
  if (placed.leftOut) {
    await wakeServers([...lacking, ...left], ports);
    throw placed.leftOut;
  }
  await endClaim(claim, nextEvaluation(record, { dueAt: renewAt, now }), ports);
  await wakeServers([...lacking, ...left], ports);
  const until = new Date(goodUntil(certificates)).toISOString();
  const message = `what ${domain} has is good until ${until}; ${lacking.length} of ${servers.length} servers still need it`;
  return ended('StillFresh', { about: domain, message });
}

/**
 * Gives a certificate that is due for renewal, but still good, to servers that do not have it. The
 * order may fail, and must not keep these servers without a certificate.
 */
export async function giveMeanwhile(placed: Placed, ports: Ports): Promise<void> {
  const { claim, record, wish, names } = placed;
  const { domain, now } = claim;
  const { current } = record;
  const isGood = current !== undefined && now < current.notAfter && sameNames(current.names, names);
  const certificates = certificatesOf({ ...record, ...(!isGood && { current: undefined }) }, now);
  if (!hasAny(certificates)) return;
  const given = await serversWithoutWork(placed, certificates, ports);
  if (given.length === 0) return;
  await ports.store.commitWork({ domain, ...certificates, servers: given, host: wish.host, now });
  await wakeServers(given, ports);
}

/**
 * The servers of the plan that were not seen serving what they shall serve. A registration removes
 * `hostSecuredAt`. Until the host name's certificate was seen again, the server lacks that
 * certificate, whatever was seen before: everything else waits for it.
 */
async function serversLacking({ claim, record, wish, servers }: Placed, { store }: Ports): Promise<string[]> {
  const isLacking = async (server: string) =>
    !(await isServing(server, record, store, claim.now)) ||
    (wish.host === true && (await store.readServer(server))?.hostSecuredAt === undefined);
  const lacking = await Promise.all(servers.map(isLacking));
  return servers.filter((_, i) => lacking[i]);
}

/** Of these servers, the ones that have no work for these very certificates yet. */
async function serversWithoutWork(placed: Placed, certificates: Certificates, ports: Ports): Promise<string[]> {
  const { domain } = placed.claim;
  // Work is read before what is installed, because a delivery records them in the other order.
  const works = await Promise.all(placed.servers.map(server => ports.store.workFor({ server, domain })));
  const servers = placed.servers.filter((_, i) => !(works[i] && isGiven(works[i], certificates)));
  return serversLacking({ ...placed, servers }, ports);
}
