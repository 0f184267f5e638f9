/**
 * The audit: once a day every name that was installed on a server is checked there, on each port,
 * by SNI. What is wrong is given to the server again.
 */
import type { AuditAnswer } from './audit-answer.ts';
import { quietMoment, type QuietHours } from '../work/quiet.ts';
import type { Audit, Look, Row } from '../record/audit.ts';

const WEB_PORT = 443;
const DAY = 86_400_000;
/** The next audit is on another day, also after an audit that a person asked for. */
export const AUDIT_PAUSE_MS = DAY / 2;
/**
 * Rows of one audit: 8 handshakes of 10 to 20 ms each. Rows that do not fit into the audit's 600 s
 * (install/parts/audit.sh) are left to the next day.
 */
export const MAX_ROWS = 10_000;

/**
 * @returns when the audit is due, milliseconds since the epoch; undefined while nothing can be
 *   installed there
 */
export function auditDueAt(
  server: { server: string; capability?: object; hostSecuredAt?: number; audit?: Audit; auditAsked?: number },
  quietHours: QuietHours,
): number | undefined {
  if (!server.capability || server.hostSecuredAt === undefined) return undefined;
  if (server.auditAsked !== undefined) return server.auditAsked;
  return quietMoment(server.server, quietHours, (server.audit?.at ?? server.hostSecuredAt) + AUDIT_PAUSE_MS);
}

export function rowsOf(domain: string, looks: Look[]): Row[] {
  return looks.flatMap(({ default: isDefault, ...look }) => [
    { domain, ...look },
    ...(isDefault ? [{ domain, leaf: look.leaf, default: true as const }] : []),
  ]);
}

/** The row as a line of the delivery. */
export function rowLine({ domain, for: use, leaf, mail, webmail, default: isDefault }: Row): string {
  const place = use ? `${domain}@${use}` : domain;
  return `look ${place} ${leaf} ${isDefault ? 'default' : (mail ?? '-')} ${webmail ?? '-'}`;
}

/** Those of the server's ports on which the row is checked. */
export function portsOf({ mail, webmail, default: isDefault }: Row, ports: number[]): number[] {
  return ports.filter(port => (port === WEB_PORT ? webmail !== undefined : isDefault || mail !== undefined));
}

export interface Findings {
  /** Rows that were checked. */
  reached: number;
  endpoints: number;
  /** By port: addresses at which a row is not served, though it is at another. */
  places: Record<string, string[]>;
  /** By dead port: how many names it should serve. */
  dead: Record<string, number>;
  /**
   * By domain: the live ports on which it is wrong; a port stands twice if it is wrong with a name
   * and without one.
   */
  unseen: Map<string, number[]>;
  isComplete: boolean;
}

/**
 * @param known the ports of the inspection, for a server on which nothing of ours is left that
 *   would name the ports
 */
export function findings(rows: Row[], answer: AuditAnswer, known: number[]): Findings {
  const told = [...answer.ports, ...answer.dead];
  const ports = told.length > 0 ? told : known;
  const reached = Math.min(answer.reached ?? rows.length, rows.length);
  const found: Findings = {
    reached,
    endpoints: 0,
    dead: {},
    places: answer.places,
    unseen: new Map(),
    isComplete: answer.reached !== undefined,
  };
  for (const [i, row] of rows.slice(0, reached).entries()) {
    const wanted = portsOf(row, ports);
    found.endpoints += wanted.length;
    const alive = wanted.filter(port => !answer.dead.includes(port));
    for (const port of wanted) if (answer.dead.includes(port)) found.dead[port] = (found.dead[port] ?? 0) + 1;
    const unseen = answer.unseen.get(i + 1);
    if (unseen === undefined) continue;
    const here = unseen === 'all' ? alive : alive.filter(port => unseen.includes(port));
    if (here.length === 0 && unseen !== 'all') continue;
    found.unseen.set(row.domain, [...(found.unseen.get(row.domain) ?? []), ...here]);
  }
  return found;
}

/** @param next the domain of the last row, if more rows follow */
export function summary(before: Audit | undefined, found: Findings, next: string | undefined, now: number): Audit {
  const { endpoints, dead, places } = found;
  const lap = before?.lap ?? { after: '', began: now, endpoints: 0 };
  const sum = lap.endpoints + endpoints;
  return {
    at: now,
    ...(Object.keys(dead).length > 0 && { dead }),
    ...(Object.keys(places).length > 0 && { places }),
    ...(next === undefined
      ? { endpoints: sum, oldest: lap.began }
      : {
          endpoints: before?.endpoints ?? sum,
          oldest: before?.oldest ?? lap.began,
          lap: { after: next, began: lap.began, endpoints: sum },
        }),
  };
}
