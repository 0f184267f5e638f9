/** ReleaseDomain and ParkDomain: the ways in which a claim ends. */
import type { Issuer } from '../acme/issuer.ts';
import { isUrgent } from '../certificate/renewal.ts';
import type { Clock } from '../clock.ts';
import { isSealpostError, remedies, type ErrorName, type Failure } from '../errors.ts';
import { parseDomainEvent } from '../events/events.ts';
import { wakeServers } from '../work/wake.ts';
import type { Store } from '../ports/store.ts';
import type { Plan } from '../record/plan.ts';
import { importWanted, parkImport } from '../acm/import-to-acm.ts';
import { serversOf, type DomainRecord } from '../record/domain.ts';
import { acmDuty, nextLook } from '../record/duties.ts';
import { reEvaluate } from '../work/re-evaluate.ts';
import { passOver, type FailedAtIssuer } from '../issuer/pass-over.ts';
import { HANG, uninspected } from './placement.ts';
import { retract } from '../claim/published.ts';
import { hasLeft, isStillGone, retireDomain, unmanagedLooks } from './retire-domain.ts';
import { triesAfter, type Parked, whenLessBusy } from '../record/parked.ts';
import { holdersOf } from '../record/served-under.ts';
import type { Zones } from '../ports/zones.ts';
import type { Bus, Metrics } from '../ports/bus.ts';
import type { Executions } from '../ports/executions.ts';

export interface ReleasePorts {
  store: Store;
  zones: Zones;
  bus: Bus;
  executions: Executions;
  clock: Clock;
  random: () => number;
}

/** @throws SealpostError ImportWanted (all is done but the end of the claim), Throttled, ClaimLost */
export async function releaseDomain(
  input: Plan & { execution: string; certificate?: string; wake?: string[] },
  ports: ReleasePorts,
): Promise<{ domain: string; servers: string[]; dueAt: number }> {
  const { store, clock } = ports;
  const { domain, execution } = input;
  const record = await store.renewDomain(domain, execution, clock.now());
  // First of all, whatever is busy: the certificate is theirs. And before the claim ends, since a retry of this step
  // does nothing after that: rather twice than never.
  await wakeServers(input.wake ?? input.servers, ports);
  const isBusy = isSealpostError(await retract(record, execution, ports), 'Throttled');
  if (input.certificate && record.current)
    await ports.bus.put([
      {
        detailType: 'Certificate Issued',
        detail: {
          domain,
          names: record.current.names,
          issuer: record.current.issuer,
          issuedBy: record.current.issuedBy,
          ...(record.current.staging && { staging: true }),
          notAfter: new Date(record.current.notAfter).toISOString(),
        },
      },
    ]);
  if (input.certificate && acmDuty(record)) throw importWanted(domain);
  // Renewed without a server that is not registered any more: at its next look it parks for that.
  const isWhole = holdersOf(record).every(server => input.servers.includes(server));
  const renewAt = isWhole ? record.current?.renewAt : undefined;
  const next = nextLook(record, renewAt ?? clock.now(), clock.now());
  // Its values are taken out by the next claim.
  const dueAt = isBusy ? Math.min(next, whenLessBusy(clock.now(), ports.random)) : next;
  const released = await store.releaseDomain(domain, execution, input.seen, dueAt, clock.now());
  if (!released) await reEvaluate(domain, ports);
  return { domain, servers: input.servers, dueAt };
}

/** Reasons after which the order itself is dead: the next try makes a new one. */
const ORDER_IS_DEAD: readonly ErrorName[] = ['ChallengeFailed', 'AcmeRejected', 'CertificateUnusable', 'CaaForbids'];

/** @throws SealpostError Throttled, ClaimLost */
export async function parkDomain(
  input: FailedAtIssuer & {
    execution: string;
    domain?: unknown;
    importing?: true;
    error: Failure;
  },
  ports: ReleasePorts & { issuers: Issuer[]; metrics: Metrics },
): Promise<{ domain: string; reason: string; message: string; nextTry?: number }> {
  const { store, clock } = ports;
  const domain = domainIn(input);
  const record = await store.renewDomain(domain, input.execution, clock.now());
  await retract(record, input.execution, ports);
  const trouble = reasonFor(input.error);
  const { reason, message, retryAt } = trouble;
  if (input.importing) {
    const next = await parkImport(record, input.execution, trouble, ports);
    return { domain, reason, message, nextTry: next };
  }
  if (record.order && ORDER_IS_DEAD.includes(reason))
    await store.forgetOrder(domain, input.execution, record.order.url);
  const { passes, next, again } = await passOver(input, { reason, message, retryAt }, record, ports);
  if (next && record.order) await store.forgetOrder(domain, input.execution, record.order.url);
  const unmanaged = reason === 'DomainNotManaged' ? unmanagedLooks(record, clock.now()) : 0;
  if (reason === 'DomainNotManaged' && (hasLeft(record, unmanaged) || isStillGone(record))) {
    const isRetired = await retireDomain(record, input.execution, { message }, { ...ports, now: clock.now() });
    if (isRetired) return { domain, reason, message };
  }
  const tries = record.parked?.tries ?? 0;
  const parked: Parked = {
    reason,
    message,
    since: record.parked?.since ?? clock.now(),
    ...(next
      ? { tries, nextTry: clock.now() }
      : triesAfter(reason, tries, { now: clock.now(), retryAt, random: ports.random })),
    ...(passes && { passes }),
    ...(unmanaged > 0 && { unmanaged }),
  };
  if (again !== undefined) parked.nextTry = Math.min(parked.nextTry, again);
  const waitsFor = reason === 'ServerNotRegistered' ? await unregistered(record, store) : [];
  if (HANG.includes(reason)) {
    const unknown = await dependents(record, store);
    if (reason === 'ServerNotInspected' && unknown === 0) parked.nextTry = clock.now();
  }
  const detail = { domain, reason, message, nextTry: new Date(parked.nextTry).toISOString(), remedy: remedies[reason] };
  // Before the claim ends, since a retry of this step does nothing after that: rather twice than never.
  if (!next) await ports.bus.put([{ detailType: 'Domain Parked', detail }]);
  await store.parkDomain(domain, input.execution, parked, waitsFor);
  if (next) await reEvaluate(domain, ports);
  const { current } = record;
  if (!next && current !== undefined && isUrgent(clock.now(), current)) {
    const notAfter = new Date(current.notAfter).toISOString();
    ports.metrics.count('CertificatesRunningOut', 'parked', { domain, reason, notAfter });
  }
  return { domain, reason, message, nextTry: parked.nextTry };
}

/** The servers of the wish that nobody has registered yet. */
async function unregistered({ spec }: DomainRecord, store: Store): Promise<string[]> {
  const servers = spec ? serversOf(spec) : [];
  const records = await Promise.all(servers.map(server => store.readServer(server)));
  return servers.filter((_, i) => !records[i]);
}

/** First each server is told who hangs on it, then it is looked at: whoever records what it can do looks for those after its own write. @returns how many are still not inspected */
async function dependents({ domain, spec }: DomainRecord, store: Store): Promise<number> {
  const servers = spec ? serversOf(spec) : [];
  await store.dependOn(domain, servers);
  const records = await Promise.all(servers.map(server => store.readServer(server)));
  return uninspected(records.flatMap(record => record ?? [])).length;
}

/** Whose road a state is on, from what it was handed: a plan, or the event itself. */
export function domainIn(input: { domain?: unknown }): string {
  return typeof input.domain === 'string' ? input.domain : domainOf(input);
}

function domainOf(event: unknown): string {
  const request = parseDomainEvent(event);
  return request.kind === 'wish' ? request.wish.domain : request.domain;
}

/** A domain is parked with a name of ours. Whatever nobody foresaw is `Unexpected`, and its own name begins the message. */
function reasonFor({ name, message, ...when }: Failure): { reason: ErrorName; message: string; retryAt?: number } {
  return Object.hasOwn(remedies, name)
    ? { reason: name as ErrorName, message, ...when }
    : { reason: 'Unexpected', message: `${name}: ${message}` };
}
