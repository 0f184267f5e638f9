/** ClaimDomain: the wish goes on record, one execution takes the domain, and what it will do is planned. */
import type { Plan, Place } from '../../statemachines/secure-domain.ts';
import { planNames } from '../certificate/names.ts';
import type { Clock } from '../clock.ts';
import { checkCaa } from '../dns/caa.ts';
import { challengePlace } from '../dns/challenge-place.ts';
import type { Dns } from '../dns/authoritative.ts';
import { SealpostError } from '../errors.ts';
import { parseDomainEvent, type DomainRequest } from '../events.ts';
import type { Executions, Zones } from '../ports.ts';
import { wakeServers } from '../server/wake.ts';
import type { Store } from '../store.ts';
import { isFresh, sameNames, serversOf, type DomainRecord, type StoredCertificate, type Wish } from './domain.ts';
import { isServing, leaveServers, releaseDeleted } from './leave.ts';
import { look } from './look.ts';
import { nextLook, retract } from './published.ts';

export interface ClaimPorts {
  store: Store;
  zones: Zones;
  dns: Dns;
  executions: Executions;
  clock: Clock;
  challengeZone: { id: string; name: string };
  budget: OrderBudget;
  /** How CAA records may name the CA (its directory says so, RFC 8555 §7.1.1); none: it looks itself. */
  caaIdentities: () => Promise<string[]>;
}

/** An issuer's limit on new orders as a rate with a burst (GCRA). */
export interface OrderBudget {
  name: string;
  /** Let's Encrypt: 300 new orders per account in 3 hours, one each 36 s (letsencrypt.org/docs/rate-limits, 2026-08-05). */
  intervalMs: number;
  /** How far ahead of the mean rate we may be: their 3 hours, less a tenth that is left to people and other programs. */
  horizonMs: number;
}

/**
 * @param event the execution's input with its name as `execution`
 * @throws SealpostError InvalidStepInput, ClaimedByAnother, DomainDeleted, StillFresh, ServerNotRegistered, DomainNotManaged, CaaForbids, BudgetSpent
 */
export async function claimDomain(event: { execution: string }, ports: ClaimPorts): Promise<Plan> {
  const { store, clock } = ports;
  const request = parseDomainEvent(event, clock.now());
  const domain = request.kind === 'wish' ? request.wish.domain : request.domain;
  const { record, wish } = await claim(request, domain, event.execution, ports);
  await retract(record, event.execution, ports);
  if (wish.deleted) return releaseDeleted(record, event.execution, ports);
  const names = planNames(wish);
  await requireServers(wish, store);
  if (record.order && !sameNames(record.order.planned, names)) {
    await store.forgetOrder(domain, event.execution, record.order.url);
    record.order = undefined;
  }
  if (!record.order && isFresh(record.current, names, clock.now()))
    await releaseFresh(record, record.current!, wish, event.execution, ports);
  await giveMeanwhile(record, names, wish, ports);
  const places = await planPlaces(names, ports);
  const identities = await ports.caaIdentities();
  await checkCaa(ports.dns, names, { identities });
  const replaces = record.current?.ariId;
  if (!record.order && !replaces) await reserve(record, event.execution, ports);
  return {
    domain,
    ...(wish.host && { host: true }),
    seen: record.wanted,
    names,
    servers: serversOf(wish),
    ...(wish.profile && { profile: wish.profile }),
    ...(replaces && { replaces }),
    places,
    claimedAt: clock.now(),
  };
}

async function claim(
  request: DomainRequest,
  domain: string,
  me: string,
  { store, clock }: ClaimPorts,
): Promise<{ record: DomainRecord; wish: Wish }> {
  if (request.kind === 'wish') {
    await requireNoHost(domain, store);
    await store.acceptWish(request.wish, request.said, clock.now());
  } else if (!(await store.readDomain(domain)))
    throw new SealpostError(
      'InvalidStepInput',
      domain,
      `detail.domain ${domain} is not known here; put Domain Created first`,
    );
  // Somebody wants it looked at now, though it be parked until tomorrow; our own look comes when it is due.
  else if (!request.isOurs) await store.lookAgain(domain, clock.now());
  const record = await store.claimDomain(domain, me, clock.now());
  if (!record?.spec)
    throw new SealpostError(
      'ClaimedByAnother',
      domain,
      `another execution is at work for ${domain}, or there is nothing to do; the wish is on record`,
    );
  return { record, wish: record.spec };
}

/** A server's own host name is secured by registering it, and its certificate is the daemons' default: a customer's wish would undo that. */
async function requireNoHost(domain: string, store: Store): Promise<void> {
  if (!(await store.readServer(domain))) return;
  const problem = `detail.domain ${domain} is the host name of a registered mail server, which is secured by itself`;
  throw new SealpostError('InvalidStepInput', domain, `${problem}; name the customer's domain`);
}

async function requireServers(wish: Wish, store: Store): Promise<void> {
  const missing = await unregistered(wish, store);
  if (missing.length > 0)
    throw new SealpostError(
      'ServerNotRegistered',
      wish.domain,
      `${missing.join(' and ')} not registered; put Mail Server Registered, and ${wish.domain} goes on by itself`,
    );
}

/** The servers of the wish that nobody has registered yet. */
export async function unregistered(wish: Wish, store: Pick<Store, 'readServer'>): Promise<string[]> {
  const servers = serversOf(wish);
  const records = await Promise.all(servers.map(server => store.readServer(server)));
  return servers.filter((_, i) => !records[i]);
}

/** The certificate at hand does: gives work to servers that do not serve it, and to those that the wish has left, ends the claim, and the execution with it. */
async function releaseFresh(
  record: DomainRecord,
  certificate: StoredCertificate,
  wish: Wish,
  me: string,
  ports: ClaimPorts,
): Promise<never> {
  const { store, clock } = ports;
  const servers = serversOf(wish);
  const serving = await Promise.all(servers.map(server => isServing(server, record, store)));
  const lacking = servers.filter((_, i) => !serving[i]);
  if (lacking.length > 0)
    await store.commitWork({ domain: wish.domain, certificate, servers: lacking, host: wish.host, now: clock.now() });
  const left = await leaveServers(wish.domain, ports);
  const dueAt = nextLook(record, certificate.renewAt, clock.now());
  const released = await store.releaseDomain(wish.domain, me, record.wanted, dueAt, clock.now());
  if (!released) await look(wish.domain, ports);
  await wakeServers([...lacking, ...left], ports);
  throw new SealpostError(
    'StillFresh',
    wish.domain,
    `the certificate of ${wish.domain} is good until ${new Date(certificate.notAfter).toISOString()}; ${lacking.length} of ${servers.length} servers still need it`,
  );
}

/** A certificate that has to be renewed is good meanwhile: servers that do not have it get it before anything can go wrong with the order. */
async function giveMeanwhile(record: DomainRecord, names: string[], wish: Wish, ports: ClaimPorts): Promise<void> {
  const { store, clock } = ports;
  const { domain, current: certificate } = record;
  if (!certificate || certificate.notAfter <= clock.now() || !sameNames(certificate.names, names)) return;
  const lacks = async (server: string) => {
    const work = await store.workFor(server, domain);
    const isGiven = work !== undefined && work.certificate !== 'REMOVE' && work.certificate.id === certificate.id;
    return !isGiven && !(await isServing(server, record, store));
  };
  const servers = serversOf(wish);
  const lacking = await Promise.all(servers.map(lacks));
  const given = servers.filter((_, i) => lacking[i]);
  if (given.length === 0) return;
  await store.commitWork({ domain, certificate, servers: given, host: wish.host, now: clock.now() });
  await wakeServers(given, ports);
}

async function planPlaces(names: string[], ports: ClaimPorts): Promise<Place[]> {
  const bare = [...new Set(names.map(name => name.replace(/^\*\./, '')))];
  return Promise.all(bare.map(async name => ({ name, ...(await challengePlace({ ...ports, domain: name })) })));
}

/** Each domain has one place in the budget at a time, and keeps it until its order is on record. */
async function reserve(
  { domain, reservedFor }: DomainRecord,
  me: string,
  { store, clock, budget }: ClaimPorts,
): Promise<void> {
  const now = clock.now();
  const at = reservedFor ?? (await store.reserveOrder(budget.name, budget.intervalMs, budget.horizonMs, now));
  if (reservedFor === undefined) await store.recordReservation(domain, me, at);
  if (at <= now) return;
  throw new SealpostError(
    'BudgetSpent',
    domain,
    `the issuer's limit of new orders is reached; ${domain} waits for its slot`,
    { retryAt: at },
  );
}
