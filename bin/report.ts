/** All that is known, with the reason and the remedy for whatever is not well. */
import { showDomain } from '../core/certificate/names.ts';
import { importsOfAYear } from '../core/acm/quota.ts';
import { domainStatus, type DomainStatus } from '../core/status/domain-status.ts';
import type { Known } from '../core/status/known.ts';
import { together, type Endpoints } from '../core/status/endpoints.ts';
import { issuersInTrouble, type IssuerStatus } from '../core/status/issuer-status.ts';
import { serverStatus, type ServerStatus } from '../core/status/server-status.ts';
import type { Status } from '../core/status/status.ts';
import { columns } from './columns.ts';
import { distance, when } from './when.ts';
import type { AcmQuotas } from '../core/record/acm.ts';

export interface Report {
  domains: DomainStatus[];
  servers: ServerStatus[];
  /** Issuers in trouble. */
  issuers: IssuerStatus[];
  /** Of all servers. */
  endpoints: Endpoints;
  /** Absent until something was imported. */
  acm?: { certificates: number; importsOfAYear: number; quotas: AcmQuotas };
  well: boolean;
}

export function report(known: Known, now: number): Report {
  const domains = known.domains.map(record => domainStatus(record, known, now));
  const servers = [...known.servers.values()].flatMap(on => (on.record ? [serverStatus(on.record, on, now)] : []));
  const endpoints = together(servers.map(server => server.endpoints));
  const issuers = issuersInTrouble(known.issuers, now);
  const well = [...domains, ...servers, ...issuers].every(one => one.well);
  const { acm } = known;
  const counted = acm?.quotas && {
    certificates: acm.certificates,
    importsOfAYear: importsOfAYear(acm.imports, now),
    quotas: acm.quotas,
  };
  const sorted = { domains: worstFirst(domains), servers: worstFirst(servers) };
  return { ...sorted, issuers, endpoints, ...(counted && { acm: counted }), well };
}

function worstFirst<T extends Status>(all: T[]): T[] {
  return all.toSorted((a, b) => Number(a.well) - Number(b.well) || (a.name < b.name ? -1 : 1));
}

/** Of each table. */
export const MOST_LINES = 100;

export function overview({ domains, servers, issuers, endpoints, acm }: Report, now: number): string {
  if (domains.length + servers.length === 0)
    return 'Nothing is known yet: put Mail Server Registered, then Domain Created.';
  const tables = [table('Issuer', issuers, now), table('Domain', domains, now), table('Server', servers, now)];
  const parts = tables.filter(part => part !== '');
  const troubles = [...issuers, ...servers, ...domains].filter(one => !one.well);
  const told = troubles.slice(0, MOST_LINES).map(one => `${showDomain(one.name)}: ${trouble(one)}`);
  const head = [summary({ domains, servers, issuers }), ...verified(endpoints, now), ...imported(acm)].join('\n');
  return [head, ...parts, ...told, ...unverifiedLines(endpoints)].join('\n\n');
}

/** An endpoint is a name on a port. */
export function verified({ inside, outside }: Endpoints, now: number): string[] {
  const count = ({ verified, endpoints }: { verified: number; endpoints: number }) => `${verified} of ${endpoints}`;
  return [
    ...(inside ? [`${count(inside)} endpoints verified, oldest look ${distance({ at: inside.oldest, now })}`] : []),
    ...(outside
      ? [`from outside ${count(outside)}, a share of the domains each day, ${distance({ at: outside.at, now })}`]
      : []),
  ];
}

export function unverifiedLines({ unverified }: Endpoints): string[] {
  if (unverified.length === 0) return [];
  const rows = unverified
    .slice(0, MOST_LINES)
    .map(({ server, seenFrom, domain, ports, why }) => [
      server,
      domain === undefined ? '-' : showDomain(domain),
      ports.join(', ') || '-',
      seenFrom === 'outside' ? `from outside: ${why}` : why,
    ]);
  const more =
    unverified.length > rows.length ? `\n… and ${unverified.length - rows.length} more; --json has them all` : '';
  const remedies = [...new Set(unverified.map(one => one.remedy))].map(remedy => `  → ${remedy}`);
  return [[columns(['Server', 'Not verified', 'Ports', 'Why'], rows) + more, ...remedies].join('\n')];
}

function imported(acm: Report['acm']): string[] {
  if (!acm) return [];
  const { certificates, importsOfAYear, quotas } = acm;
  const held = `${certificates} of ${quotas.certificates} certificates`;
  return [`ACM, by our own count: ${held}, ${importsOfAYear} of ${quotas.importsAYear} imports in 365 days`];
}

function summary({ domains, servers, issuers }: Pick<Report, 'domains' | 'servers' | 'issuers'>): string {
  const count = (all: Status[], one: string) => {
    const unwell = all.filter(({ well }) => !well).length;
    return `${all.length} ${one}${all.length === 1 ? '' : 's'}, ${unwell === 0 ? 'all well' : `${unwell} not well`}`;
  };
  const troubled = issuers.length > 0 ? `; ${issuers.map(({ name }) => name).join(', ')} in trouble` : '';
  return `${count(domains, 'domain')}; ${count(servers, 'server')}${troubled}`;
}

function table(head: string, all: Status[], now: number): string {
  if (all.length === 0) return '';
  const rows = all
    .slice(0, MOST_LINES)
    .map(one => [showDomain(one.name), stateOf(one), when({ at: one.since, now }), nextOf(one, now)]);
  const more = all.length > rows.length ? `\n… and ${all.length - rows.length} more; --json has them all` : '';
  return `${columns([head, 'State', 'Since', 'Next'], rows)}${more}`;
}

export function stateOf({ state, well, reason }: Status): string {
  // "waiting for server" is the reason already.
  return well || reason === undefined || state.startsWith('waiting') ? state : `${state}: ${reason}`;
}

export function nextOf({ next }: Status, now: number): string {
  if (!next) return '-';
  return next.at === undefined ? next.what : `${next.what} ${when({ at: next.at, now })}`;
}

export function trouble({ why, remedy }: Status): string {
  return [why, remedy && `→ ${remedy}`].filter(Boolean).join('\n  ');
}
