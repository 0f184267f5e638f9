/** ParkDomain: ends the claim with a reason to wait and the moment of the next try. */
import { parkImport } from '../acm/import-to-acm.ts';
import type { Issuer } from '../acme/issuer.ts';
import { isUrgent } from '../certificate/renewal.ts';
import { openClaim } from '../claim/open-claim.ts';
import { retract } from '../claim/published.ts';
import { sayBefore } from '../claim/say-before.ts';
import { remedies, type ErrorName, type Failure as Caught } from '../errors.ts';
import { domainIn } from '../events/domain-in.ts';
import type { Metrics } from '../ports/bus.ts';
import type { AcmStore } from '../ports/acm-store.ts';
import type { ClaimStore } from '../ports/claim-store.ts';
import type { IssuerStore } from '../ports/issuer-store.ts';
import type { ServerStore } from '../ports/server-store.ts';
import type { WaitingStore } from '../ports/waiting-store.ts';
import type { Claim } from '../record/claim.ts';
import { serversOf, type DomainRecord } from '../record/domain.ts';
import { contentOf, orderOf, withFailed, type Brake } from '../record/brake.ts';
import { FAILED_ORDER, triesAfter, type Parked, type Try } from '../record/parked.ts';
import { servedUntil } from '../record/provided.ts';
import { passOver, type FailedAtIssuer } from '../issuer/pass-over.ts';
import { reEvaluate } from '../work/re-evaluate.ts';
import { isKeyRefused } from './host-key.ts';
import { UNTIL_INSPECTED, uninspected } from './placement.ts';
import type { ReleasePorts } from './release-domain.ts';
import { hasLeft, isStillGone, retireDomain, unmanagedEvaluations } from './retire-domain.ts';

export interface ParkPorts extends ReleasePorts {
  store: ReleasePorts['store'] &
    Pick<ClaimStore, 'forgetOrder' | 'parkDomain' | 'recordBrake' | 'retireDomain'> &
    Pick<AcmStore, 'recordAcm'> &
    Pick<IssuerStore, 'readIssuer' | 'recordTrouble'> &
    Pick<ServerStore, 'readServer'> &
    Pick<WaitingStore, 'dependOn'>;
  issuers: Issuer[];
  metrics: Metrics;
}

export type ParkInput = FailedAtIssuer & {
  execution: string;
  domain?: unknown;
  /** Of the plan. Absent if ClaimDomain failed before the plan was made. */
  seen?: number;
  names?: string[];
  profile?: string;
  /** The state ImportToAcm failed: what ACM lacks is no reason for the domain to wait. */
  importing?: true;
  error: Caught;
};

type Failure = Pick<Parked, 'reason' | 'message'> & { retryAt?: number };

/** `nextTry` is absent for a domain that is retired. */
type ParkedDomain = { domain: string; reason: string; message: string; nextTry?: number };

/** After these the order can no longer succeed, so the next try makes a new one. */
const ORDER_IS_DEAD: readonly ErrorName[] = ['ChallengeFailed', 'AcmeRejected', 'CertificateUnusable', 'CaaForbids'];

/** @throws SealpostError Throttled, ClaimLost */
export async function parkDomain(input: ParkInput, ports: ParkPorts): Promise<ParkedDomain> {
  const { execution, seen } = input;
  const { claim, record: opened } = await openClaim({ domain: domainIn(input), execution, seen }, ports);
  const { record } = await retract(opened, claim, ports);
  const failure = reasonFor(input.error);
  const { domain, now } = claim;
  const { reason, message } = failure;
  if (input.importing) return { domain, reason, message, nextTry: await parkImport(record, claim, failure, ports) };
  const issuers = await passOver(input, failure, { record, now }, ports);
  if (record.order && (ORDER_IS_DEAD.includes(reason) || issuers.next))
    await ports.store.forgetOrder(claim, record.order);
  const unmanaged = reason === 'DomainNotManaged' ? unmanagedEvaluations(record, now) : 0;
  if (reason === 'DomainNotManaged' && (hasLeft(record, unmanaged) || isStillGone(record)))
    if (await retireDomain(record, claim, { message }, ports)) return { domain, reason, message };
  const brake = brakeAfter(input, failure, record);
  if (brake) await ports.store.recordBrake(claim, brake);
  const waiting = await waitingFor(reason, record, ports.store);
  const wish = triedWish(record, now);
  const tried = { ...failure, isOrdered: isOrdered(input), isOfIssuer: issuers.isOfIssuer };
  const parked: Parked = {
    reason,
    message,
    since: record.parked?.since ?? now,
    ...triesOf(tried, { record, wish, claim }, { ...issuers, isOver: waiting.isOver }, ports),
    ...(wish && { wish }),
    ...(issuers.passes && { passes: issuers.passes }),
    ...(unmanaged > 0 && { unmanaged }),
    // A try that fails before it comes to a key does not forget this.
    ...((record.parked?.keyRefused || isKeyRefused(failure)) && { keyRefused: true as const }),
  };
  const detail = { domain, reason, message, nextTry: new Date(parked.nextTry).toISOString(), remedy: remedies[reason] };
  const facts = issuers.next ? [] : [{ detailType: 'Domain Parked' as const, detail }];
  await sayBefore(facts, ports.bus, () => ports.store.parkDomain(claim, parked, waiting.servers));
  if (issuers.next) await reEvaluate(domain, ports);
  else countRunningOut(record, claim, reason, ports.metrics);
  return { domain, reason, message, nextTry: parked.nextTry };
}

/**
 * The next try is now if another issuer is to be asked, or if what the domain waits for has come.
 */
function triesOf(
  tried: Try,
  { record, wish, claim }: { record: DomainRecord; wish: Parked['wish']; claim: Claim },
  asked: { next: boolean; again?: number; isOver: boolean },
  { random }: ParkPorts,
): Pick<Parked, 'tries' | 'nextTry'> {
  const { now } = claim;
  const before = { tries: record.parked?.tries ?? 0, since: wish?.since ?? now };
  if (asked.next) return { tries: before.tries, nextTry: now };
  const { tries, nextTry } = triesAfter(tried, before, { now, servedUntil: servedUntil(record, now), random });
  return { tries, nextTry: asked.isOver ? now : Math.min(nextTry, asked.again ?? Infinity) };
}

/** The first try of another wish begins the dense hour anew. */
function triedWish({ spec, parked }: DomainRecord, now: number): Parked['wish'] {
  if (!spec) return undefined;
  const content = contentOf(spec);
  return parked?.wish?.content === content ? parked.wish : { content, since: now };
}

/** The failed step had a plan, so that an order was made, or asked for. */
function isOrdered(input: ParkInput): input is ParkInput & { names: string[]; issuer: string } {
  return input.names !== undefined && input.issuer !== undefined;
}

function brakeAfter(input: ParkInput, { reason, message }: Failure, { brake }: DomainRecord): Brake | undefined {
  if (!isOrdered(input) || !FAILED_ORDER.includes(reason)) return undefined;
  return withFailed(brake, orderOf(input), { reason, message });
}

/**
 * A domain that waits for a server is on record there before the server is read again: a
 * registration or an inspection that is recorded in between finds the domain and re-evaluates it.
 * @returns the servers whose registration ends the wait; `isOver`: each server is inspected by now
 */
async function waitingFor(
  reason: ErrorName,
  { domain, spec }: DomainRecord,
  store: Pick<ServerStore, 'readServer'> & Pick<WaitingStore, 'dependOn'>,
): Promise<{ servers: string[]; isOver: boolean }> {
  const servers = spec ? serversOf(spec) : [];
  const readAll = () => Promise.all(servers.map(server => store.readServer(server)));
  if (reason === 'ServerNotRegistered') {
    const records = await readAll();
    return { servers: servers.filter((_, i) => !records[i]), isOver: false };
  }
  if (!UNTIL_INSPECTED.includes(reason)) return { servers: [], isOver: false };
  await store.dependOn(domain, servers);
  const unknown = uninspected((await readAll()).flatMap(record => record ?? []));
  return { servers: [], isOver: reason === 'ServerNotInspected' && unknown.length === 0 };
}

function countRunningOut({ current }: DomainRecord, { domain, now }: Claim, reason: ErrorName, metrics: Metrics): void {
  if (current === undefined || !isUrgent(now, current)) return;
  const notAfter = new Date(current.notAfter).toISOString();
  metrics.count('CertificatesRunningOut', { outcome: 'parked', facts: { domain, reason, notAfter } });
}

/**
 * A domain is parked with a name of ours. An error that nobody foresaw is `Unexpected`, and its own
 * name begins the message.
 */
function reasonFor({ name, message, ...when }: Caught): Failure {
  return Object.hasOwn(remedies, name)
    ? { reason: name as ErrorName, message, ...when }
    : { reason: 'Unexpected', message: `${name}: ${message}` };
}
