/** The final table: a row for each name and connection, with the result of a handshake. */
import { Resolver } from 'node:dns/promises';
import { columns } from '../bin/columns.ts';
import type { DomainRecord } from '../core/record/domain.ts';
import { settingsOf } from '../core/status/settings.ts';
import { handshake, type Seen } from './clients/handshake.ts';
import type { ProviderAccess } from './provider/provider.ts';

export interface Connection {
  name: string;
  /**
   * If true, the client sends no name, as many mail servers do. It gets the server's default
   * certificate, which must be good for `name`.
   */
  isNameUnsaid?: true;
  connection: string;
  port: number;
}

export interface Row extends Connection {
  seen: Seen;
}

const FOR_PROGRAMS = {
  'IMAP (STARTTLS)': 143,
  IMAPS: 993,
  'POP3 (STARTTLS)': 110,
  POP3S: 995,
  'Submission (TLS)': 465,
  'Submission (STARTTLS)': 587,
};

/** Every connection that the product is for: webmail, mail programs, other mail servers. */
export function connections(hostName: string, domains: string[]): Connection[] {
  const ofDomain = (domain: string): Connection[] => [
    { name: `webmail.${domain}`, connection: 'Webmail', port: 443 },
    ...Object.entries(FOR_PROGRAMS).map(([connection, port]) => ({ name: `mail.${domain}`, connection, port })),
    { name: `mail.${domain}`, connection: 'Other mail servers', port: 25 },
  ];
  return [
    { name: hostName, connection: 'Other mail servers', port: 25 },
    { name: hostName, connection: 'Other mail servers, no name sent', port: 25, isNameUnsaid: true },
    ...domains.flatMap(ofDomain),
  ];
}

/**
 * A domain whose mail is served under a host name: webmail uses its own name, mail programs use
 * what `sealpost settings` says.
 */
export function connectionsUnder(record: DomainRecord): Connection[] {
  const { domain } = record;
  return [
    { name: `webmail.${domain}`, connection: 'Webmail', port: 443 },
    ...settingsOf(record).map(({ host, port }) => ({
      name: host,
      connection: `${nameOf(port)}, ${domain} served under it`,
      port,
    })),
  ];
}

function nameOf(wanted: number): string {
  return Object.entries(FOR_PROGRAMS).find(([, port]) => port === wanted)![0];
}

/**
 * Resolves each name by the provider's DNS, and makes a handshake that trusts the CA's root alone.
 */
export async function checkConnections(
  provider: Pick<ProviderAccess, 'dns' | 'roots'>,
  wanted: Connection[],
): Promise<Row[]> {
  const resolver = new Resolver();
  resolver.setServers([provider.dns.addresses[0]]);
  const rows: Row[] = [];
  for (const one of wanted) {
    const [address] = await resolver.resolve4(one.name);
    rows.push({
      ...one,
      seen: await handshake({ address: address!, ...one, roots: provider.roots }),
    });
  }
  return rows;
}

/** The text under the table, and the exit code. */
export function verdict(rows: Row[]): { lines: string[]; exitCode: number } {
  const bad = rows.filter(row => !row.seen.trusted);
  const reasons = bad.map(({ name, connection, seen }) => `NOT TRUSTED: ${name}, ${connection}: ${seen.reason}`);
  if (bad.length > 0)
    return { lines: [...reasons, `${bad.length} of ${rows.length} connections are not trusted`], exitCode: 1 };
  return { lines: [`All ${rows.length} connections are trusted for the name that was typed`], exitCode: 0 };
}

export function table(rows: Row[], now = Date.now()): string {
  const heads = ['Name asked for', 'Connection', 'Port', 'Issuer', 'Days left', 'Trusted'];
  const lines = rows.map(({ name, connection, port, seen }) => [
    name,
    connection,
    String(port),
    seen.issuer ?? '-',
    seen.notAfter ? String(Math.floor((seen.notAfter - now) / 86_400_000)) : '-',
    seen.trusted ? 'yes' : 'NO',
  ]);
  return columns(heads, lines);
}
