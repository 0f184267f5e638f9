/** ClaimDomain: the wish goes on record, one execution takes the domain, and what it will do is planned. */
import type { Plan, Place } from '../record/plan.ts';
import type { Issuer } from '../acme/issuer.ts';
import { challengePlace } from '../dns/challenge-place.ts';
import { SealpostError } from '../errors.ts';
import { parseDomainEvent, type DomainRequest } from '../events/events.ts';
import { wakeServers } from '../work/wake.ts';
import type { Store } from '../ports/store.ts';
import { importWanted } from '../acm/import-to-acm.ts';
import { isFresh, sameNames, type DomainRecord, type Wish } from '../record/domain.ts';
import { chooseIssuer, isUnlikeWish, namesOf, replacedAt, type ChoicePorts } from '../issuer/choose-issuer.ts';
import { isAcmDue, nextLook } from '../record/duties.ts';
import { leaveServers } from '../work/leave.ts';
import { isServing } from '../work/serving.ts';
import { reEvaluate } from '../work/re-evaluate.ts';
import { placeDomain } from './placement.ts';
import {
  certificatesOf,
  goodUntil,
  hasAny,
  isGiven,
  needsNoOrder,
  overOf,
  type Certificates,
} from '../record/provided.ts';
import { retract } from '../claim/published.ts';
import { removeSuperseded } from '../work/superseded.ts';
import { tellOfEnds } from './tell.ts';
import { releaseServedUnder } from './served-under.ts';
import { releaseDeleted } from './deleted.ts';
import type { CertificateObjects } from '../ports/objects.ts';
import type { Zones } from '../ports/zones.ts';
import type { Bus } from '../ports/bus.ts';
import type { Executions } from '../ports/executions.ts';

export interface ClaimPorts extends ChoicePorts {
  zones: Zones;
  bus: Bus;
  executions: Executions;
  /** Of a domain that is forgotten. */
  certificates: Pick<CertificateObjects, 'remove'>;
  challengeZone: { id: string; name: string };
}

/**
 * @param event the execution's input with its name as `execution`
 * @throws SealpostError InvalidStepInput, ClaimedByAnother, DomainDeleted, RevocationWanted, ServedUnderServer, StillFresh, ImportWanted, ServerNotRegistered, ServerNotInspected, InstallRefused, DomainNotManaged, CaaForbids, IssuerUnusable, BudgetSpent,
 *   AcmeUnavailable, AcmeRateLimited, AcmeRejected
 */
export async function claimDomain(event: { execution: string }, ports: ClaimPorts): Promise<Plan> {
  const { store, clock } = ports;
  const request = parseDomainEvent(event, clock.now());
  const domain = request.kind === 'wish' ? request.wish.domain : request.domain;
  const { record, wish } = await claim(request, domain, event.execution, ports);
  await retract(record, event.execution, ports);
  // A sender's word, not our own look at its time.
  const isAsked = request.kind === 'wish' || !request.isOurs;
  if (wish.deleted) return releaseDeleted(record, event.execution, isAsked, ports);
  // It came back after its deletion: nobody should trust the certificate that was revoked with it.
  if (record.revoked !== undefined && record.revoked === record.current?.id) record.current = undefined;
  const { names, servers } = await placeDomain(record, wish, event.execution, ports);
  if (servers.length === 0 && !wish.acm) return releaseServedUnder(record, event.execution, isAsked, ports);
  if (record.order && !isOrderFor(record.order, wish, names)) {
    await store.forgetOrder(domain, event.execution, record.order.url);
    record.order = undefined;
  }
  await tellOfEnds(record, event.execution, ports);
  if (overOf(record, clock.now()).length > 0) await removeSuperseded(domain, ports);
  if (needsNoOrder(record, clock.now())) {
    if (record.order) await store.forgetOrder(domain, event.execution, record.order.url);
    // Ours goes on for names beside theirs, and leaves when it ends: an expired one is refused, and they with it.
    const end = record.current?.notAfter ?? 0;
    await releaseFresh(
      record,
      end > clock.now() ? end : Number.POSITIVE_INFINITY,
      servers,
      event.execution,
      isAsked,
      ports,
    );
  }
  if (!record.order && !isAsked && isSecuredElsewhere(record, clock.now()))
    await leaveToOthers(record, event.execution, ports);
  const isWished = !isUnlikeWish(ports.issuers, wish, record);
  if (!record.order && isWished && isFresh(record.current, names, clock.now()))
    await releaseFresh(record, record.current!.renewAt, servers, event.execution, isAsked, ports);
  await giveMeanwhile(record, names, servers, ports);
  const places = await planPlaces(names, ports);
  const { issuer, isLastResort } = await chooseIssuer({ record, wish, names, me: event.execution }, ports);
  const replaces = replacedAt(issuer, record, names);
  return {
    domain,
    ...(wish.host && { host: true }),
    seen: record.wanted,
    names,
    servers,
    issuer: issuer.name,
    ...(isLastResort && { isLastResort }),
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
  { store, clock, issuers }: ClaimPorts,
): Promise<{ record: DomainRecord; wish: Wish }> {
  if (request.kind === 'wish') {
    await requireNoHost(domain, store);
    requireKnownIssuer(request.wish, issuers);
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

/** An order that is under way does for the wish as it is now. */
function isOrderFor({ planned, profile }: NonNullable<DomainRecord['order']>, wish: Wish, names: string[]): boolean {
  return profile === wish.profile && sameNames(planned, names);
}

/** A server's own host name is secured by registering it, and its certificate is the daemons' default: a customer's wish would undo that. */
async function requireNoHost(domain: string, store: Store): Promise<void> {
  if (!(await store.readServer(domain))) return;
  const problem = `detail.domain ${domain} is the host name of a registered mail server, which is secured by itself`;
  throw new SealpostError('InvalidStepInput', domain, `${problem}; name the customer's domain`);
}

function requireKnownIssuer({ domain, issuer }: Wish, issuers: Issuer[]): void {
  if (issuer === undefined || issuers.some(({ name }) => name === issuer)) return;
  const problem = `detail.issuer "${issuer}" is not among the issuers here`;
  throw new SealpostError('InvalidStepInput', domain, `${problem}; give one of ${namesOf(issuers)}, or leave it out`);
}

/** What is at hand does: gives work to servers that do not serve it, and to those that the wish has left, ends the claim, and the execution with it. */
async function releaseFresh(
  record: DomainRecord,
  renewAt: number,
  servers: string[],
  me: string,
  isAsked: boolean,
  ports: ClaimPorts,
): Promise<never> {
  const { store, clock } = ports;
  const { domain, spec } = record;
  const now = clock.now();
  const certificates = certificatesOf(record, now);
  // What somebody says again is given again, a refused or a calm one at once; our own look leaves what waits alone.
  const lacking = await serversLacking(record, certificates, servers, !isAsked, ports);
  if (lacking.length > 0) await store.commitWork({ domain, ...certificates, servers: lacking, host: spec?.host, now });
  const left = await leaveServers(domain, ports);
  if (isAcmDue(record, clock.now(), isAsked)) {
    await wakeServers([...lacking, ...left], ports);
    throw importWanted(domain);
  }
  const dueAt = nextLook(record, renewAt, clock.now());
  const released = await store.releaseDomain(domain, me, record.wanted, dueAt, clock.now());
  if (!released) await reEvaluate(domain, ports);
  await wakeServers([...lacking, ...left], ports);
  throw new SealpostError(
    'StillFresh',
    domain,
    `what ${domain} has is good until ${new Date(goodUntil(certificates)).toISOString()}; ${lacking.length} of ${servers.length} servers still need it`,
  );
}

/** Somebody else's certificate was seen served there: ours is ordered when that runs low. */
function isSecuredElsewhere({ current, foreign }: DomainRecord, now: number): boolean {
  return current === undefined && foreign !== undefined && now < foreign.renewAt;
}

async function leaveToOthers({ domain, foreign, wanted }: DomainRecord, me: string, ports: ClaimPorts): Promise<never> {
  const released = await ports.store.releaseDomain(domain, me, wanted, foreign!.renewAt, ports.clock.now());
  if (!released) await reEvaluate(domain, ports);
  const until = new Date(foreign!.renewAt).toISOString();
  throw new SealpostError(
    'StillFresh',
    domain,
    `${domain} is served with another's certificate; ours is ordered ${until}`,
  );
}

/** @param butGiven not those where work for these very certificates waits */
async function serversLacking(
  record: DomainRecord,
  certificates: Certificates,
  servers: string[],
  butGiven: boolean,
  { store, clock }: ClaimPorts,
): Promise<string[]> {
  const lacks = async (server: string) => {
    const work = butGiven ? await store.workFor(server, record.domain) : undefined;
    return !(work && isGiven(work, certificates)) && !(await isServing(server, record, store, clock.now()));
  };
  const lacking = await Promise.all(servers.map(lacks));
  return servers.filter((_, i) => lacking[i]);
}

/** A certificate that has to be renewed is good meanwhile: servers that do not have it get it before anything can go wrong with the order. */
async function giveMeanwhile(
  record: DomainRecord,
  names: string[],
  servers: string[],
  ports: ClaimPorts,
): Promise<void> {
  const { store, clock } = ports;
  const { domain, current, spec } = record;
  const now = clock.now();
  const isGood = current !== undefined && now < current.notAfter && sameNames(current.names, names);
  const certificates = certificatesOf({ ...record, ...(!isGood && { current: undefined }) }, now);
  if (!hasAny(certificates)) return;
  const given = await serversLacking(record, certificates, servers, true, ports);
  if (given.length === 0) return;
  await store.commitWork({ domain, ...certificates, servers: given, host: spec?.host, now });
  await wakeServers(given, ports);
}

async function planPlaces(names: string[], ports: ClaimPorts): Promise<Place[]> {
  const bare = [...new Set(names.map(name => name.replace(/^\*\./, '')))];
  return Promise.all(bare.map(async name => ({ name, ...(await challengePlace({ ...ports, domain: name })) })));
}
