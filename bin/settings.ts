/** `sealpost settings`: what to type into a mail program, each line verified by a handshake. */
import type { Dns } from '../core/dns/authoritative.ts';
import { showDomain } from '../core/certificate/names.ts';
import type { DomainRecord } from '../core/record/domain.ts';
import { handshake, trusting } from '../core/audit/handshake.ts';
import { autoconfig, settingsOf, srvLines, type Setting } from '../core/status/settings.ts';
import { rootCertificates } from 'node:tls';
import { columns } from './columns.ts';
import type { Answer, Here, Look } from './here.ts';
import { mistyped, Refusal } from './refusal.ts';

/** @param domain as parseDomain returns it */
export async function settings(here: Here, options: { autoconfig?: boolean }, domain: string): Promise<Answer> {
  const isXml = options.autoconfig === true;
  if (here.isJson && isXml) {
    const message = 'settings takes --json or --autoconfig, not both.';
    throw mistyped({ name: 'InvalidCombination', message, remedy: 'Leave one of the two out.' });
  }
  const { store, look } = await here.environment();
  const [record] = (await (await store()).ofDomain(domain)).domains;
  if (!record?.spec || record.spec.deleted || record.spec.host) {
    const message = `${domain} is not known here as a domain.`;
    throw new Refusal({ name: 'NotKnown', message, remedy: 'Put Domain Created for it first.', exitCode: 1 });
  }
  const all = await lookAt(record, await look());
  const isWell = isEnough(all);
  const text = settingsText(record, all);
  if (isXml && !isWell) throw new Refusal({ name: 'NotServed', message: `No file: ${text}`, exitCode: 1 });
  return { text: isXml ? settingsXml(domain, all) : text, data: settingsJson(record, all), isWell };
}

export interface Looked extends Setting {
  works: boolean;
  /** The reason if `works` is false. */
  why?: string;
}

/** As a mail program does: resolves the name, sends it by SNI, and verifies the certificate. */
export function liveLook(dns: Dns, roots: string): Look {
  const trust = trusting(...rootCertificates, ...(roots === '' ? [] : [roots]));
  const addresses = new Map<string, Promise<string[]>>();
  const addressOf = (host: string) => {
    const found = addresses.get(host) ?? dns.resolve(host, 'A').catch(() => []);
    addresses.set(host, found);
    return found;
  };
  return async ({ host, port }) => {
    const [address] = await addressOf(host);
    if (address === undefined) return { trusted: false, reason: `${host} has no address in DNS` };
    return handshake({ address, port, name: host, trust });
  };
}

export async function lookAt(record: DomainRecord, look: Look): Promise<Looked[]> {
  return Promise.all(
    settingsOf(record).map(async setting => {
      const { trusted, reason } = await look(setting);
      return { ...setting, works: trusted, ...(!trusted && reason !== undefined && { why: reason }) };
    }),
  );
}

/** A mail program needs a way to read mail and a way to send it. */
export function isEnough(all: Looked[]): boolean {
  const works = (wanted: (one: Looked) => boolean) => all.some(one => one.works && wanted(one));
  return works(one => one.protocol !== 'submission') && works(one => one.protocol === 'submission');
}

const NAMES = { imap: 'IMAP', pop3: 'POP', submission: 'Sending (SMTP)' };

export function settingsText(record: DomainRecord, all: Looked[]): string {
  const { domain, servedUnder = [] } = record;
  const working = all.filter(one => one.works);
  const rows = all.map(({ protocol, host, port, security, works, why }) => [
    ...[NAMES[protocol], host, `${port}`, security],
    works ? 'seen just now' : `NOT: ${why ?? 'the certificate is not trusted'}`,
  ]);
  const under = servedUnder.map(({ server }) => server).join(' and ');
  return [
    `${showDomain(domain)}: the user name is the whole mail address`,
    ...(under === '' ? [] : [`Its mail is served under ${under}: type that host name, not one of ${domain}.`]),
    columns(['For', 'Host', 'Port', 'Security', 'Looked at'], rows),
    ...(working.length > 0
      ? [`For the domain's zone (RFC 6186, RFC 8314):\n${srvLines(domain, working).join('\n')}`]
      : []),
  ].join('\n\n');
}

/** @param all lines, of which at least one works: a file without lines would be worse than none */
export function settingsXml(domain: string, all: Looked[]): string {
  return autoconfig(
    domain,
    all.filter(one => one.works),
  );
}

export function settingsJson({ domain, servedUnder = [] }: DomainRecord, all: Looked[]) {
  const srv = srvLines(
    domain,
    all.filter(one => one.works),
  );
  return { domain, user: '%EMAILADDRESS%', servedUnder: servedUnder.map(({ server }) => server), settings: all, srv };
}
