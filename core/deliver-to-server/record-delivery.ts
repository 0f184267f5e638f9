/**
 * RecordDelivery: what the server's answer means for each domain of the delivery. Only what was
 * seen served is recorded as installed.
 */
import { sayBefore } from '../claim/say-before.ts';
import type { Clock } from '../clock.ts';
import { isToBeRevoked } from '../record/duties.ts';
import { leaveServers } from '../work/leave.ts';
import { removeSuperseded } from '../work/superseded.ts';
import { SealpostError } from '../errors.ts';
import type { EventOut } from '../events/events-out.ts';
import type { DeliveryStore } from '../ports/delivery-store.ts';
import type { DomainStore } from '../ports/domain-store.ts';
import type { OutsideStore } from '../ports/outside-store.ts';
import type { ServerStore } from '../ports/server-store.ts';
import type { WaitingStore } from '../ports/waiting-store.ts';
import type { WorkStore } from '../ports/work-store.ts';
import type { Answer } from './answer.ts';
import type { Assembled } from './assemble-delivery.ts';
import { looksFor } from '../audit/audit-rows.ts';
import { pair, readAnswer } from './read-answer.ts';
import { brokenByAdoption, tellAdoption } from './tell-adoption.ts';
import { hostLost, judged, recordAudit, repaired, type Line } from './record-looks.ts';
import { firstGuarded } from '../record/life.ts';
import { replanDomains } from '../work/replan.ts';
import { deliveryPrefix, type Installed, type ServerRecord } from '../record/server.ts';
import { refuse } from '../work/refuse.ts';
import { wakeServers } from '../work/wake.ts';
import { hasAdapters, isSameSoftware } from '../record/capability.ts';
import type { CertificateObjects, DeliveryObjects } from '../ports/objects.ts';
import type { Commands } from '../ports/commands.ts';
import type { Bus } from '../ports/bus.ts';
import type { Executions } from '../ports/executions.ts';

export interface RecordPorts {
  store: ServerStore & DeliveryStore & WorkStore & DomainStore & OutsideStore & WaitingStore;
  commands: Commands;
  deliveries: DeliveryObjects;
  certificates: Pick<CertificateObjects, 'remove'>;
  bus: Bus;
  executions: Executions;
  clock: Clock;
}

/** Domains recorded at once. */
const BATCH = 10;

/**
 * @throws SealpostError ServerUnreachable (the outcome is unknown), InstallBroken and
 *   HostCertificateLost (a person is needed), Throttled, ClaimLost
 */
export async function recordDelivery(
  input: Assembled & { execution: string; commandId: string },
  ports: RecordPorts,
): Promise<{ server: string; outcome: string; served: number; refused: number }> {
  const { store, clock } = ports;
  const { hash, seq } = input.delivery;
  const claim = { server: input.server, me: input.execution, now: clock.now() };
  const server = await store.renewServer(claim);
  // An earlier try of this step has ended the delivery.
  if (server.delivery?.hash !== hash) {
    await ports.deliveries.removeDelivery({ prefix: deliveryPrefix(server), hash });
    if (server.held !== undefined) throw isHeld({ server: server.server, held: server.held });
    await callForHost(server.server, ports);
    if (input.delivery.mode === 'inspect') await replanDomains(server, ports);
    return { server: server.server, outcome: 'on record', served: 0, refused: 0 };
  }
  const answer = await readAnswer(server, claim, input, ports);
  const manifest = await ports.deliveries.readManifest(hash);
  const looks = server.delivery.looks ? await ports.deliveries.readLooks(hash) : undefined;
  const lines = byDomain(judged(pair(manifest, answer, server.server), looks, answer, server));
  const events: EventOut[] = [];
  for (let i = 0; i < lines.length; i += BATCH)
    events.push(
      ...(
        await Promise.all(
          lines.slice(i, i + BATCH).map(one => recordDomain(one, { ...server, begun: claim.now }, ports)),
        )
      ).flat(),
    );
  await wakeServers(await leftFor(lines, ports), ports);
  // All that follows from the work is written before: a step that dies until here leaves the work,
  // which is delivered once more.
  const seen = lines.filter(isServed).map(([first]) => first!);
  for (let i = 0; i < seen.length; i += BATCH)
    await Promise.all(seen.slice(i, i + BATCH).map(({ entry }) => store.endWork(server.server, entry)));
  const learnt =
    looks && (await recordAudit(server, looks, { answer, lines: lines.flat() }, { store, now: clock.now() }));
  events.push(...repaired(seen, server.server), ...(learnt?.facts ?? []));
  const isInspected = answer.outcome === 'inspected';
  const broken =
    answer.outcome === 'broken'
      ? `${server.server} could not put back what it served before delivery ${seq}`
      : isInspected
        ? brokenByAdoption(server, answer.facts)
        : undefined;
  if (isInspected) events.push(...tellAdoption(server, answer.facts));
  if (broken) events.push({ detailType: 'Server Held', detail: { server: server.server, reason: broken } });
  const changes = {
    ...learnt?.changes,
    ...(isInspected && { capability: answer.facts, inspectedAt: clock.now() }),
    ...(hostIsSecured(server, answer, lines) && { hostSecuredAt: server.hostSecuredAt ?? clock.now() }),
    ...(broken && { held: broken }),
    ...(!broken && { failures: 0 }),
  };
  const forget = [...(learnt?.forget ?? []), ...(broken ? [] : ['paged' as const])];
  await sayBefore(events, ports.bus, () => store.endDelivery(claim, { hash, changes, forget }));
  if (isInspected && !isSameSoftware({ before: server.capability, found: answer.facts }))
    await replanDomains({ ...server, capability: answer.facts }, ports);
  // The object holds keys. The server answers a second command from its stored answer.
  await ports.deliveries.removeDelivery({ prefix: deliveryPrefix(server), hash });
  if (broken) throw isHeld({ server: server.server, held: broken });
  const lost = hostLost(lines.flat());
  if (lost) throw new SealpostError('HostCertificateLost', { about: server.server, message: lost });
  const served = lines.filter(isDone).length;
  return { server: server.server, outcome: answer.outcome, served, refused: lines.length - served };
}

function isHeld({ server, held }: { server: string; held: string }): SealpostError {
  return new SealpostError('InstallBroken', {
    about: server,
    message: `${held}; nothing more is sent to it until a person has looked`,
  });
}

/** An earlier try of this step has recorded the loss and was killed before it reported the loss. */
async function callForHost(server: string, { store }: RecordPorts): Promise<void> {
  const own = await store.workFor({ server, domain: server });
  if (own?.drift && own.reason !== undefined)
    throw new SealpostError('HostCertificateLost', {
      about: server,
      message: `${server} does not serve its own certificate: ${own.reason}`,
    });
}

/** A domain has one line for each certificate. */
function byDomain(lines: Line[]): Line[][] {
  return [...Map.groupBy(lines, ({ entry }) => entry.domain).values()];
}

/** The server has done what each of the domain's entries asks for. */
function isDone(lines: Line[]): boolean {
  return lines.every(({ letter }) => 'sud'.includes(letter));
}

function isServed(lines: Line[]): boolean {
  return lines.every(({ letter }) => 'su'.includes(letter));
}

/**
 * Removes what is over for the domains that were seen served here: superseded keys, and the domain
 * on servers that its wish has left.
 * @returns the servers that have work to remove a domain now
 */
async function leftFor(domains: Line[][], ports: RecordPorts): Promise<string[]> {
  const served = domains.flatMap(lines => {
    const { host, domain } = lines[0]!.entry;
    return !host && isServed(lines) ? [domain] : [];
  });
  const left = new Set<string>();
  for (let i = 0; i < served.length; i += BATCH) {
    const batch = await Promise.all(served.slice(i, i + BATCH).map(domain => leaveServers(domain, ports)));
    for (const server of batch.flat()) left.add(server);
  }
  const all = domains.flatMap(lines => (isServed(lines) ? [lines[0]!.entry.domain] : []));
  for (let i = 0; i < all.length; i += BATCH)
    await Promise.all(all.slice(i, i + BATCH).map(domain => removeSuperseded(domain, ports)));
  return [...left];
}

/** A certificate for the server's host name, of any issuer, was seen served and trusted. */
function hostIsSecured(server: ServerRecord, answer: Answer, domains: Line[][]): boolean {
  if (server.hostSecuredAt !== undefined) return true;
  return (
    answer.facts['host-certificate']?.[0] === 'trusted' ||
    // Beside software without an adapter, our own certificate says nothing about that software. The
    // inspection checked each daemon.
    (hasAdapters(server) && domains.some(lines => lines[0]!.entry.host && isServed(lines)))
  );
}

async function recordDomain(
  lines: Line[],
  { server, node, begun }: ServerRecord & { begun: number },
  { store, clock }: RecordPorts,
): Promise<EventOut[]> {
  const { domain, v } = lines[0]!.entry;
  if (isServed(lines)) {
    await store.recordInstalled(server, { domain, v }, seen(lines, clock.now(), node));
    const seenAt = new Date(clock.now()).toISOString();
    return lines.map(({ entry }) => ({
      detailType: 'Certificate Installed',
      detail: { domain, server, fingerprint: entry.fingerprint!, ...(entry.for && { for: entry.for }), seenAt },
    }));
  }
  if (isDone(lines)) {
    await store.recordRemoved(server, { domain, v }, { node, begun });
    const record = await store.readDomain(domain);
    // This may have been the last server with the domain; its revocation waits for that.
    if (record && isToBeRevoked(record, clock.now())) await store.askReEvaluation(domain, clock.now());
    return [{ detailType: 'Certificate Removed', detail: { domain, server } }];
  }
  const { letter, reason } = lines.find(line => !isDone([line]))!;
  const why = reason ?? {
    name: letter === 'r' ? 'InstallRefused' : 'InstallRolledBack',
    text: 'the server gave no reason',
  };
  const next = await refuse(server, { domain, v }, why, { store, now: clock.now() });
  return [
    {
      detailType: 'Domain Parked',
      detail: { domain, server, reason: why.name, message: why.text, nextTry: new Date(next).toISOString() },
    },
  ];
}

function seen(lines: Line[], seenAt: number, node: string): Installed {
  const entries = lines.map(({ entry }) => entry);
  const ours = entries.find(entry => entry.for === undefined);
  const provided = entries.flatMap(({ for: use, fingerprint }) => (use ? [[use, fingerprint!]] : []));
  const life = firstGuarded(entries.flatMap(entry => (entry.life ? [entry.life] : [])));
  const providedIds = entries.flatMap(({ for: use, certificate }) => (use ? [[use, certificate!]] : []));
  return {
    domain: entries[0]!.domain,
    ...(ours && { certificate: ours.certificate, fingerprint: ours.fingerprint }),
    ...(provided.length > 0 && {
      provided: Object.fromEntries(provided),
      providedIds: Object.fromEntries(providedIds),
    }),
    looks: looksFor(entries),
    seenAt,
    ...(life && { life }),
    node,
  };
}
