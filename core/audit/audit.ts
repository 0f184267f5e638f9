/** The audit: once a day each name that a server is believed to serve is looked at there, on each port, by SNI. What is not seen is given to it again. */
import type { AuditAnswer } from './audit-answer.ts';
import { quietMoment, type QuietHours } from '../work/quiet.ts';
import type { Audit, Look, Row } from '../record/audit.ts';

const WEB_PORT = 443;
const DAY = 86_400_000;
/** The next audit is on another day, also after one that a person asked for. */
const PAUSE_MS = DAY / 2;
/** Rows of one audit: 8 handshakes of 10 to 20 ms each. What does not fit into its 600 s (install/parts/audit.sh) is left to the next day. */
export const MAX_ROWS = 10_000;

/** When the server is to be audited; undefined while nothing can have been installed there. */
export function auditDueAt(
  server: { server: string; capability?: object; hostSecuredAt?: number; audit?: Audit; auditAsked?: number },
  quietHours: QuietHours,
): number | undefined {
  if (!server.capability || server.hostSecuredAt === undefined) return undefined;
  if (server.auditAsked !== undefined) return server.auditAsked;
  return quietMoment(server.server, quietHours, (server.audit?.at ?? server.hostSecuredAt) + PAUSE_MS);
}

export function rowsOf(domain: string, looks: Look[]): Row[] {
  return looks.flatMap(({ default: isDefault, ...look }) => [
    { domain, ...look },
    ...(isDefault ? [{ domain, leaf: look.leaf, default: true as const }] : []),
  ]);
}

/** As the delivery says it to the host. */
export function rowLine({ domain, for: use, leaf, mail, webmail, default: isDefault }: Row): string {
  const place = use ? `${domain}@${use}` : domain;
  return `look ${place} ${leaf} ${isDefault ? 'default' : (mail ?? '-')} ${webmail ?? '-'}`;
}

/** The ports on which a row is to be seen, of those that the server has. */
export function portsOf({ mail, webmail, default: isDefault }: Row, ports: number[]): number[] {
  return ports.filter(port => (port === WEB_PORT ? webmail !== undefined : isDefault || mail !== undefined));
}

export interface Findings {
  /** Rows that were looked at. */
  reached: number;
  endpoints: number;
  /** Names that a dead port does not serve. */
  dead: Record<string, number>;
  /** By domain: the ports, of those alive, that do not show it as they should; twice where by its name and without one. */
  unseen: Map<string, number[]>;
  isComplete: boolean;
}

/** @param known the ports that the inspection found, for a server on which nothing of ours is left that would tell them */
export function findings(rows: Row[], answer: AuditAnswer, known: number[]): Findings {
  const told = [...answer.ports, ...answer.dead];
  const ports = told.length > 0 ? told : known;
  const reached = Math.min(answer.reached ?? rows.length, rows.length);
  const found: Findings = {
    reached,
    endpoints: 0,
    dead: {},
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

/** @param next the last row's domain, where more come after it */
export function summary(before: Audit | undefined, found: Findings, next: string | undefined, now: number): Audit {
  const { endpoints, dead } = found;
  const lap = before?.lap ?? { after: '', began: now, endpoints: 0 };
  const sum = lap.endpoints + endpoints;
  return {
    at: now,
    ...(Object.keys(dead).length > 0 && { dead }),
    ...(next === undefined
      ? { endpoints: sum, oldest: lap.began }
      : {
          endpoints: before?.endpoints ?? sum,
          oldest: before?.oldest ?? lap.began,
          lap: { after: next, began: lap.began, endpoints: sum },
        }),
  };
}
