/** ParkDomain: ends the claim with a reason to wait and the moment of the next try. */
import { parkImport } from '../acm/import-to-acm.ts';
import type { Issuer } from '../acme/issuer.ts';
import { isUrgent } from '../certificate/renewal.ts';
import { openClaim } from '../claim/open-claim.ts';
import { retract } from '../claim/published.ts';
import { sayBefore } from '../claim/say-before.ts';
import { remedies, type ErrorName, type Failure } from '../errors.ts';
import { domainIn } from '../events/domain-in.ts';
import type { Metrics } from '../ports/bus.ts';
import type { AcmStore } from '../ports/acm-store.ts';
import type { ClaimStore } from '../ports/claim-store.ts';
import type { IssuerStore } from '../ports/issuer-store.ts';
import type { ServerStore } from '../ports/server-store.ts';
import type { WaitingStore } from '../ports/waiting-store.ts';
import type { Claim } from '../record/claim.ts';
import { serversOf, type DomainRecord } from '../record/domain.ts';
import { triesAfter, type Parked } from '../record/parked.ts';
import { passOver, type FailedAtIssuer } from '../issuer/pass-over.ts';
import { reEvaluate } from '../work/re-evaluate.ts';
import { isKeyRefused } from './host-key.ts';
import { UNTIL_INSPECTED, uninspected } from './placement.ts';
import type { ReleasePorts } from './release-domain.ts';
import { hasLeft, isStillGone, retireDomain, unmanagedEvaluations } from './retire-domain.ts';

export interface ParkPorts extends ReleasePorts {
  store: ReleasePorts['store'] &
    Pick<ClaimStore, 'forgetOrder' | 'parkDomain' | 'retireDomain'> &
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
  /** The state ImportToAcm failed: what ACM lacks is no reason for the domain to wait. */
  importing?: true;
  error: Failure;
};

/** `nextTry` is absent for a domain that is retired. */
type ParkedDomain = { domain: string; reason: string; message: string; nextTry?: number };

/** After these the order can no longer succeed, so the next try makes a new one. */
const ORDER_IS_DEAD: readonly ErrorName[] = ['ChallengeFailed', 'AcmeRejected', 'CertificateUnusable', 'CaaForbids'];

/** @throws SealpostError Throttled, ClaimLost */
export async function parkDomain(input: ParkInput, ports: ParkPorts): Promise<ParkedDomain> {
  const { claim, record: opened } = await openClaim({ domain: domainIn(input), execution: input.execution }, ports);
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
  const waiting = await waitingFor(reason, record, ports.store);
  const parked: Parked = {
    reason,
    message,
    since: record.parked?.since ?? now,
    ...triesOf(failure, record, claim, { ...issuers, isOver: waiting.isOver }, ports),
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
  { reason, retryAt }: ReturnType<typeof reasonFor>,
  record: DomainRecord,
  { now }: Claim,
  asked: { next: boolean; again?: number; isOver: boolean },
  { random }: ParkPorts,
): Pick<Parked, 'tries' | 'nextTry'> {
  const before = record.parked?.tries ?? 0;
  if (asked.next) return { tries: before, nextTry: now };
  const { tries, nextTry } = triesAfter(reason, before, { now, retryAt, random });
  return { tries, nextTry: asked.isOver ? now : Math.min(nextTry, asked.again ?? Infinity) };
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
function reasonFor({ name, message, ...when }: Failure): { reason: ErrorName; message: string; retryAt?: number } {
  return Object.hasOwn(remedies, name)
    ? { reason: name as ErrorName, message, ...when }
    : { reason: 'Unexpected', message: `${name}: ${message}` };
}
