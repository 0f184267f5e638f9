/**
 * ClaimDomain: puts the wish on record, claims the domain for this execution and plans its work.
 */
import { ended, isEnded, type Ended } from '../ended.ts';
import { isSealpostError, SealpostError } from '../errors.ts';
import { parseDomainEvent } from '../events/domain-event.ts';
import type { Issuer } from '../acme/issuer.ts';
import { retract } from '../claim/published.ts';
import { challengePlace } from '../dns/challenge-place.ts';
import { frugal } from '../dns/frugal.ts';
import { chooseIssuer, namesOf, replacedAt, type ChoicePorts } from '../issuer/choose-issuer.ts';
import type { Bus } from '../ports/bus.ts';
import type { ClaimStore } from '../ports/claim-store.ts';
import type { DomainStore } from '../ports/domain-store.ts';
import type { Executions } from '../ports/executions.ts';
import type { CertificateObjects } from '../ports/objects.ts';
import type { ServerStore } from '../ports/server-store.ts';
import type { WaitingStore } from '../ports/waiting-store.ts';
import type { WorkStore } from '../ports/work-store.ts';
import type { Zones } from '../ports/zones.ts';
import { contentOf } from '../record/brake.ts';
import { hostWish, sameNames, type DomainRecord, type Wish } from '../record/domain.ts';
import { isToBeReplaced } from '../record/duties.ts';
import type { Place, Plan } from '../record/plan.ts';
import { needsNoOrder, overOf } from '../record/provided.ts';
import { removeSuperseded } from '../work/superseded.ts';
import { endDeleted } from './deleted.ts';
import type { Evaluation, Placed } from './evaluation.ts';
import { endWithoutOrder, giveMeanwhile } from './fresh.ts';
import { placeDomain } from './placement.ts';
import { endServedUnder } from './served-under.ts';
import { endHeld } from './still-parked.ts';
import { tellOfEnds } from './tell.ts';
import { withoutOrder } from './without-order.ts';

export interface ClaimPorts extends ChoicePorts {
  store: ChoicePorts['store'] & DomainStore & ClaimStore & WorkStore & ServerStore & WaitingStore;
  zones: Zones;
  bus: Bus;
  executions: Executions;
  certificates: Pick<CertificateObjects, 'remove'>;
  challengeZone: { id: string; name: string };
}

type ClaimEnd =
  | 'ClaimedByAnother'
  | 'DomainDeleted'
  | 'ImportWanted'
  | 'RevocationWanted'
  | 'ServedUnderServer'
  | 'StillFresh'
  | 'StillParked';

/**
 * @param event the execution's input (the event, or what `reEvaluate` starts), with its name as
 *   `execution`
 * @returns what the next steps do; or the end, where there is nothing to order
 * @throws SealpostError InvalidStepInput, ServerNotRegistered, ServerNotInspected, InstallRefused,
 *   DomainNotManaged, DnsNotPropagated, CaaForbids, IssuerUnusable, BudgetSpent, AcmeUnavailable,
 *   AcmeRateLimited, AcmeRejected, Throttled, ClaimLost
 */
export async function claimDomain(event: { execution: string }, ports: ClaimPorts): Promise<Plan | Ended<ClaimEnd>> {
  const claimed = await claim(event, ports);
  if (isEnded(claimed)) return claimed;
  const { wish } = claimed;
  const { record } = await retract(claimed.record, claimed.claim, ports);
  if (wish.deleted) return endDeleted({ ...claimed, record }, ports);
  // Before anything that may park the domain.
  await tellOfEnds(record, claimed.claim, ports);
  const found = await placeDomain({ ...claimed, record: withoutRevoked(record) }, ports);
  if (found.servers.length === 0 && !wish.acm) {
    if (found.leftOut) throw found.leftOut;
    return endServedUnder(found, ports);
  }
  const placed = await withFittingOrder(found, ports);
  if (hasOldKeys(placed)) await removeSuperseded(wish.domain, ports);
  return (await endWithoutOrder(placed, ports)) ?? plan(placed, ports);
}

async function claim(
  event: { execution: string },
  { store, clock, issuers }: ClaimPorts,
): Promise<Evaluation | Ended<'ClaimedByAnother'>> {
  const now = clock.now();
  const request = parseDomainEvent(event, now);
  const domain = request.kind === 'wish' ? request.wish.domain : request.domain;
  const isAsked = request.kind === 'wish' || !request.isOurs;
  if (request.kind === 'wish') {
    await requireNoHost(domain, store);
    requireKnownIssuer(request.wish, issuers);
    await store.acceptWish(request.wish, request.said, now);
    // A registration that was recorded in between finds the wish, or is found here.
    await requireNoHost(domain, store, () => store.acceptWish(hostWish(domain), { at: request.said.at }, now));
  } else if (!(await store.readDomain(domain)))
    throw new SealpostError('InvalidStepInput', {
      about: domain,
      message: `detail.domain ${domain} is not known here; put Domain Created first`,
    });
  // A sender wants an answer now, even if the domain is parked until tomorrow.
  else if (isAsked) await store.askReEvaluation(domain, now);
  const me = event.execution;
  const record = await store.claimDomain({ domain, me, now });
  if (!record?.spec)
    return ended('ClaimedByAnother', {
      about: domain,
      message: `another execution has claimed ${domain}, or nothing is due; the wish is on record`,
    });
  return { claim: { domain, me, seen: record.seen!, now }, record, wish: record.spec, isAsked };
}

/**
 * A server's own host name is secured when the server is registered, and its certificate is the
 * daemons' default. A customer's wish for the same name would replace that certificate.
 */
async function requireNoHost(
  domain: string,
  store: Pick<ServerStore, 'readServer'>,
  otherwise: () => Promise<unknown> = async () => {},
): Promise<void> {
  if (!(await store.readServer(domain))) return;
  await otherwise();
  const problem = `detail.domain ${domain} is the host name of a registered mail server, which is secured by itself`;
  throw new SealpostError('InvalidStepInput', { about: domain, message: `${problem}; name the customer's domain` });
}

function requireKnownIssuer({ domain, issuer }: Wish, issuers: Issuer[]): void {
  if (issuer === undefined || issuers.some(({ name }) => name === issuer)) return;
  const problem = `detail.issuer "${issuer}" is not among the issuers here`;
  throw new SealpostError('InvalidStepInput', {
    about: domain,
    message: `${problem}; give one of ${namesOf(issuers)}, or leave it out`,
  });
}

/**
 * A domain that came back after its deletion gets a new certificate: clients may refuse the revoked
 * one.
 */
function withoutRevoked(record: DomainRecord): DomainRecord {
  const isRevoked = record.revoked !== undefined && record.revoked === record.current?.id;
  return isRevoked ? { ...record, current: undefined } : record;
}

/**
 * Forgets an order on record that was made for other names or another profile than the wish has
 * now, or for a domain that needs no order any more.
 */
async function withFittingOrder(placed: Placed, { store }: ClaimPorts): Promise<Placed> {
  const { claim, record, wish, names } = placed;
  const { order } = record;
  if (!order) return placed;
  const isFitting = order.profile === wish.profile && sameNames(order.planned, names);
  if (isFitting && !needsNoOrder(record, claim.now)) return placed;
  return { ...placed, record: await withoutOrder(record, claim, store) };
}

function hasOldKeys({ record, claim }: Placed): boolean {
  return overOf(record, claim.now).length > 0 || (record.superseded ?? []).length > 0;
}

async function plan(placed: Placed, ports: ClaimPorts): Promise<Plan | Ended<'StillParked'>> {
  const { claim, record, wish, names, servers } = placed;
  await giveMeanwhile(placed, ports);
  // Nothing that is served ends soon, so the order waits for all servers of the wish.
  if (placed.leftOut && !isToBeReplaced(record, claim.now)) throw placed.leftOut;
  const dns = frugal(ports.dns, { about: claim.domain, names: bareNames(names).length, now: ports.clock.now });
  const places = await planPlaces(placed, { ...ports, dns });
  const { issuer, isLastResort } = await chooseIssuer(placed, { ...ports, dns });
  const replaces = replacedAt(issuer, record, names);
  const ordered = { names, issuer: issuer.name, ...(wish.profile && { profile: wish.profile }) };
  // The last check before the CA is asked: what our own lookups find costs nothing.
  const held = await endHeld(placed, ordered, ports.store);
  if (held) return held;
  return {
    domain: claim.domain,
    ...(wish.host && { host: true }),
    seen: claim.seen,
    ...ordered,
    servers,
    ...(isLastResort && { isLastResort }),
    ...(replaces && { replaces }),
    places,
    claimedAt: claim.now,
  };
}

/** A wildcard and the name under it are validated at one place. */
function bareNames(names: string[]): string[] {
  return [...new Set(names.map(name => name.replace(/^\*\./, '')))];
}

/**
 * A zone or a CNAME that was made together with its event is answered seconds later. Within this
 * time the step is retried in seconds, and only then the domain is parked. The last retry comes
 * after this time, so that its error is the true one (`dnsIsNew` in statemachines/policies.ts).
 */
const JUST_WISHED_MS = 40_000;

async function planPlaces({ record, wish, names }: Placed, ports: ClaimPorts): Promise<Place[]> {
  try {
    return await Promise.all(
      bareNames(names).map(async name => ({ name, ...(await challengePlace({ ...ports, domain: name })) })),
    );
  } catch (error) {
    const age = ports.clock.now() - record.specAt!;
    const isNew = age >= 0 && age < JUST_WISHED_MS && record.parked?.wish?.content !== contentOf(wish);
    if (!isNew || !isSealpostError(error, 'DomainNotManaged')) throw error;
    const { about, message } = error;
    throw new SealpostError('DnsNotPropagated', { about, message, cause: error });
  }
}
