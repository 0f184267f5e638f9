/**
 * The outside check of one server: a handshake at the address of the server's name, by SNI, which
 * trusts roots only, as customers' programs and other mail servers do.
 */
import type { Clock } from '../clock.ts';
import type { Dns } from '../dns/authoritative.ts';
import type { EventOut } from '../events/events-out.ts';
import { portsOf, rowsOf } from './audit.ts';
import { looksOf } from './audit-rows.ts';
import type { Installed, ServerRecord } from '../record/server.ts';
import type { WorkStore } from '../ports/work-store.ts';
import type { Look, Seen } from './handshake.ts';
import type { Outside, Unseen } from '../record/outside.ts';
import type { Row } from '../record/audit.ts';

export interface OutsidePorts {
  store: WorkStore;
  dns: Dns;
  clock: Clock;
  /** The ports that are checked, if the server has them. */
  ports: number[];
  handshake(look: Omit<Look, 'trust'>): Promise<Seen>;
}

/**
 * Domains checked a day on each server, beside those that are wrong: 50 domains on 5 ports are 250
 * handshakes, a few seconds.
 */
const SHARE = 50;
/** Wrong names that are kept on record. */
const MOST_UNSEEN = 50;
/**
 * Handshakes at a time on one server: the usual mail software lets one client have 50 connections.
 */
const AT_ONCE = 10;
const DAY = 86_400_000;

/** @returns the item to store, and the facts to put on the bus */
export async function checkFromOutside(
  server: ServerRecord,
  before: Outside,
  ports: OutsidePorts,
): Promise<{ outside: Outside; facts: EventOut[] }> {
  const { store, clock, dns } = ports;
  const now = clock.now();
  const here: Outside = { server: server.server, dueAt: now + DAY, at: now };
  const installed = (await store.allInstalled(server.server)).filter(({ node }) => node === server.node);
  const { share, after } = shareOf(server.server, installed, before);
  const [address] = (await dns.resolve(server.server, 'A')).sort();
  if (address === undefined) {
    const why = 'its name has no address (A) in the public DNS';
    return {
      outside: { ...here, why, ...(before.after !== undefined && { after: before.after }) },
      facts: said(server.server, { ...here, why }),
    };
  }
  const known = (server.capability?.ports?.[0] ?? '').split(',').map(Number);
  const wanted = ports.ports.filter(port => known.includes(port));
  const rows = share.flatMap(one => rowsOf(one.domain, looksOf(one)));
  const results = await checkRows(rows, wanted, { server: server.server, address }, ports);
  // A delivery may have come in between, so a name that is wrong is compared with what is installed
  // now.
  const unseen: Unseen[] = [];
  for (const { row, port, seen } of results) {
    const why = await trouble(row, seen, server.server, store);
    if (why !== undefined) unseen.push({ domain: row.domain, port, why });
  }
  const unreachable = wanted.filter(port => {
    const there = results.filter(result => result.port === port);
    return there.length > 0 && there.every(({ seen }) => !seen.reached);
  });
  const outside: Outside = {
    ...here,
    endpoints: results.length,
    verified: results.length - unseen.length,
    ...(unreachable.length > 0 && { unreachable }),
    unseen: unseen.filter(({ port }) => !unreachable.includes(port)).slice(0, MOST_UNSEEN),
    ...(after !== undefined && { after }),
  };
  return { outside, facts: said(server.server, outside) };
}

/**
 * The server's own name, the wrong names, and the next domains by name. After the last domain the
 * share begins again with the first.
 */
function shareOf(server: string, installed: Installed[], { after = '', unseen = [] }: Outside) {
  const sorted = installed.toSorted((a, b) => (a.domain < b.domain ? -1 : 1));
  const next = sorted.filter(({ domain }) => domain > after && domain !== server).slice(0, SHARE);
  const troubled = new Set([server, ...unseen.map(({ domain }) => domain)]);
  const share = sorted.filter(one => troubled.has(one.domain) || next.includes(one));
  const last = next.length === SHARE ? next.at(-1)!.domain : undefined;
  return { share, after: last };
}

/**
 * Each port is tried with one name first. A port that does not answer is not tried with every name,
 * since each try takes the whole timeout.
 */
async function checkRows(
  rows: Row[],
  wanted: number[],
  { server, address }: { server: string; address: string },
  { handshake }: OutsidePorts,
) {
  const results: { row: Row; port: number; seen: Seen }[] = [];
  const check = async (row: Row, port: number) => {
    const name = row.default ? server : port === 443 ? row.webmail! : row.mail!;
    const seen = await handshake({ address, port, name, ...(row.default && { isNameUnsaid: true as const }) });
    results.push({ row, port, seen });
    return seen;
  };
  const rest: [Row, number][] = [];
  const silent: Seen = { reached: false, trusted: false };
  await Promise.all(
    wanted.map(async port => {
      const [first, ...others] = rows.filter(row => portsOf(row, [port]).length > 0);
      if (!first) return;
      const { reached } = await check(first, port);
      if (reached) rest.push(...others.map((row): [Row, number] => [row, port]));
      else results.push(...others.map(row => ({ row, port, seen: silent })));
    }),
  );
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let next = rest.pop(); next; next = rest.pop()) await check(...next);
    }),
  );
  return results;
}

/** @returns what is wrong; undefined if nothing is */
async function trouble(
  row: Row,
  seen: Seen,
  server: string,
  store: Pick<WorkStore, 'installed'>,
): Promise<string | undefined> {
  if (!seen.reached) return 'nobody answers there';
  if (seen.fingerprint === undefined) return `no TLS: ${seen.reason ?? 'no reason given'}`;
  if (!seen.trusted) return `not trusted: ${seen.reason ?? 'no reason given'}`;
  if (seen.fingerprint === row.leaf) return undefined;
  const now = await store.installed({ server, domain: row.domain });
  if (now && looksOf(now).some(({ leaf }) => leaf === seen.fingerprint)) return undefined;
  return `another certificate, issued by ${seen.issuer ?? 'somebody'}`;
}

function said(
  server: string,
  { endpoints = 0, verified = 0, unreachable = [], unseen = [], why }: Outside,
): EventOut[] {
  if (why === undefined && endpoints === verified) return [];
  const domains = [...new Set(unseen.map(({ domain }) => domain))];
  const detail = {
    ...{ server, seenFrom: 'outside' as const, endpoints, verified, domains: domains.slice(0, 20) },
    ...{ drifted: domains.length, silentPorts: unreachable },
  };
  return [{ detailType: 'Endpoints Unverified', detail }];
}
