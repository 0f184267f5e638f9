/**
 * What the checks of a delivery mean: for the daily audit, what has drifted; for a repair, whether
 * it succeeded.
 */
import { serversOf } from '../record/domain.ts';
import { certificatesOf, hasAny } from '../record/provided.ts';
import type { EventOut } from '../events/events-out.ts';
import type { DomainStore } from '../ports/domain-store.ts';
import type { OutsideStore } from '../ports/outside-store.ts';
import type { WorkStore } from '../ports/work-store.ts';
import type { Answer, Letter } from './answer.ts';
import { findings, summary, type Findings } from '../audit/audit.ts';
import type { ServerRecord, Work } from '../record/server.ts';
import type { Looks, Manifest } from '../record/delivery.ts';

export type Line = { entry: Manifest[number]; letter: Letter; reason?: { name: string; text: string } };

/** What is learnt of the server, and what is not true of it any more. */
export interface Learnt {
  changes: Partial<Pick<ServerRecord, 'audit' | 'auditAsked'>>;
  forget: ('capability' | 'auditAsked')[];
  facts: EventOut[];
}

/** The store's methods by which a server gets what has drifted. */
type GivingStore = Pick<WorkStore, 'giveAgain' | 'workFor'> & Pick<DomainStore, 'readDomain'>;

/** After an answer that was cut, or an audit that was killed, the next audit is due in an hour. */
const AGAIN_AFTER_MS = 3_600_000;
/** Domains given in one transaction of the table, which takes 99. */
const BATCH = 99;
/** Domains that a fact names; `sealpost status` shows all. */
const NAMED = 20;

const isServed = ({ letter }: Line) => letter === 's' || letter === 'u';

/** A repair must be seen on every port. One port that shows it is not enough. */
export function judged(lines: Line[], looks: Looks | undefined, answer: Answer, server: ServerRecord): Line[] {
  if (!looks || looks.audit || !answer.audit) return lines;
  const { unseen } = findings(looks.rows, answer.audit, portsOf(server));
  return lines.map(line => {
    const ports = unseen.get(line.entry.domain);
    if (!line.entry.drift || !isServed(line) || !ports) return line;
    const text = `${at(ports)} it is not seen, although it was delivered again`;
    return { ...line, letter: 'r', reason: { name: 'ServedCertificateMismatch', text } };
  });
}

export function repaired(lines: Line[], server: string): EventOut[] {
  return lines.flatMap(line => {
    const { domain, drift } = line.entry;
    return drift && isServed(line)
      ? [{ detailType: 'Drift Repaired', detail: { domain, server, ports: [...new Set(drift)] } }]
      : [];
  });
}

/**
 * The server's own certificate could not be repaired. Other mail servers, and programs that send no
 * name, get that certificate.
 */
export function hostLost(lines: Line[]): string | undefined {
  const line = lines.find(line => line.entry.host && line.entry.drift && !isServed(line));
  return line && `${line.entry.domain} does not serve its own certificate: ${line.reason?.text ?? 'no reason given'}`;
}

/**
 * Gives again what has drifted. If nothing of ours is left on the server, or on one of its daemons,
 * the server is inspected and adopted first.
 */
export async function recordAudit(
  server: ServerRecord,
  { rows, audit }: Looks,
  { answer, lines }: { answer: Answer; lines: Line[] },
  { store, now }: { store: GivingStore & Pick<OutsideStore, 'beginOutside'>; now: number },
): Promise<Learnt> {
  if (!audit) return { changes: {}, forget: [], facts: [] };
  if (!answer.audit) return { changes: { auditAsked: now + AGAIN_AFTER_MS }, forget: [], facts: [] };
  const found = findings(rows, answer.audit, portsOf(server));
  // An entry that the same command refused is parked for that reason, and its old certificate is
  // served.
  for (const line of lines) if (!isServed(line)) found.unseen.delete(line.entry.domain);
  await giveAgain(server, found.unseen, store, now);
  await store.beginOutside(server.server, now);
  const next = audit.isLast && found.reached === rows.length ? undefined : rows[found.reached - 1]?.domain;
  const isAsked = !found.isComplete;
  const isBare = rows.length > 0 && answer.audit.ports.length + answer.audit.dead.length === 0;
  const isLost = isBare || answer.audit.lost.length > 0;
  return {
    changes: {
      audit: summary(server.audit, found, next, now),
      ...(isAsked && { auditAsked: now + AGAIN_AFTER_MS }),
    },
    forget: [...(isAsked ? [] : (['auditAsked'] as const)), ...(isLost ? (['capability'] as const) : [])],
    facts: said(server.server, found),
  };
}

function said(server: string, { endpoints, unseen, dead }: Findings): EventOut[] {
  const lost = [...unseen.values()].reduce((sum, ports) => sum + ports.length, 0);
  const silent = Object.values(dead).reduce((sum, names) => sum + names, 0);
  if (unseen.size === 0 && silent === 0) return [];
  const detail = {
    ...{ server, seenFrom: 'inside' as const, endpoints, verified: Math.max(0, endpoints - lost - silent) },
    ...{
      domains: [...unseen.keys()].slice(0, NAMED),
      drifted: unseen.size,
      silentPorts: Object.keys(dead).map(Number),
    },
  };
  return [{ detailType: 'Endpoints Unverified', detail }];
}

/**
 * Work that waits for the domain goes along, and does not wait for a quiet hour any more. A domain
 * that leaves the server, or shall leave, is not given.
 */
async function giveAgain(
  { server, node }: ServerRecord,
  unseen: Map<string, number[]>,
  store: GivingStore,
  now: number,
): Promise<void> {
  const domains = [...unseen.keys()];
  for (let i = 0; i < domains.length; i += BATCH) {
    const works = await Promise.all(domains.slice(i, i + BATCH).map(domain => lost({ server, domain }, store, now)));
    const given = works.flatMap(work => (work ? [{ ...work, drift: unseen.get(work.domain)! }] : []));
    if (given.length > 0 && !(await store.giveAgain({ server, node }, given, now))) return;
  }
}

async function lost(
  { server, domain }: { server: string; domain: string },
  store: GivingStore,
  now: number,
): Promise<(Pick<Work, 'domain' | 'certificate' | 'provided' | 'host'> & { over?: number }) | undefined> {
  const work = await store.workFor({ server, domain });
  if (work?.certificate === 'REMOVE') return undefined;
  if (work) {
    const { certificate, provided, host, v } = work;
    return { domain, certificate, provided, ...(host && { host }), over: v };
  }
  const record = await store.readDomain(domain);
  if (!record?.spec || !serversOf(record.spec).includes(server)) return undefined;
  const certificates = certificatesOf(record, now);
  return hasAny(certificates) ? { domain, ...certificates, ...(record.spec.host && { host: true }) } : undefined;
}

function portsOf({ capability }: ServerRecord): number[] {
  return (capability?.ports?.[0] ?? '').split(',').filter(Boolean).map(Number);
}

function at(ports: number[]): string {
  const all = [...new Set(ports)];
  return `on port${all.length === 1 ? '' : 's'} ${all.join(', ')}`;
}
