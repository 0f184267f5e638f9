/**
 * What a person types into a mail program for a domain: host, port and kind of security.
 * bin/settings.ts checks each line by a handshake.
 */
import { coversName, mailName, planNames } from '../certificate/names.ts';
import type { DomainRecord, ServedUnder } from '../record/domain.ts';

export type Protocol = 'imap' | 'pop3' | 'submission';

export interface Setting {
  protocol: Protocol;
  host: string;
  port: number;
  /** TLS from the first byte, which RFC 8314 §3 prefers, or after a STARTTLS command. */
  security: 'TLS' | 'STARTTLS';
}

/** The best first. */
const PORTS: Pick<Setting, 'protocol' | 'port' | 'security'>[] = [
  { protocol: 'imap', port: 993, security: 'TLS' },
  { protocol: 'imap', port: 143, security: 'STARTTLS' },
  { protocol: 'pop3', port: 995, security: 'TLS' },
  { protocol: 'pop3', port: 110, security: 'STARTTLS' },
  { protocol: 'submission', port: 465, security: 'TLS' },
  { protocol: 'submission', port: 587, security: 'STARTTLS' },
];

/**
 * The host names, the best first: the domain's own mail name if one of its servers chooses
 * certificates by name, then the host name of each server that cannot.
 */
export function mailHosts({ domain, spec, current, servedUnder = [] }: DomainRecord): string[] {
  if (!spec || spec.deleted) return [];
  const under = servedUnder.map(({ server }: ServedUnder) => server);
  const isByName = spec.mailServers.some(server => !under.includes(server));
  const names = current?.names ?? planNames(spec);
  const usual = `mail.${domain}`;
  const own = coversName(names, usual) ? usual : mailName(domain, names);
  return [...(isByName ? [own] : []), ...under];
}

export function settingsOf(record: DomainRecord): Setting[] {
  return mailHosts(record).flatMap(host => PORTS.map(one => ({ ...one, host })));
}

/** RFC 6186 §3, with `_submissions` of RFC 8314 §5.1. */
const SERVICES: Record<number, string> = {
  993: '_imaps',
  143: '_imap',
  995: '_pop3s',
  110: '_pop3',
  465: '_submissions',
  587: '_submission',
};

/**
 * SRV lines for the domain's zone. TLS from the first byte has the lower priority number, and is
 * tried first.
 */
export function srvLines(domain: string, settings: Setting[]): string[] {
  return settings.map(
    ({ port, host, security }) =>
      `${SERVICES[port]}._tcp.${domain}. SRV ${security === 'TLS' ? 0 : 10} 1 ${port} ${host}.`,
  );
}

/**
 * Thunderbird's file: autoconfig.<domain>/mail/config-v1.1.xml, or
 * /.well-known/autoconfig/mail/config-v1.1.xml of the domain. Names are A-labels, so that nothing
 * has to be escaped.
 */
export function autoconfig(domain: string, settings: Setting[]): string {
  const server = ({ protocol, host, port, security }: Setting) => {
    const [tag, type] = protocol === 'submission' ? ['outgoingServer', 'smtp'] : ['incomingServer', protocol];
    return [
      `    <${tag} type="${type}">`,
      `      <hostname>${host}</hostname>`,
      `      <port>${port}</port>`,
      `      <socketType>${security === 'TLS' ? 'SSL' : 'STARTTLS'}</socketType>`,
      '      <username>%EMAILADDRESS%</username>',
      '      <authentication>password-cleartext</authentication>',
      `    </${tag}>`,
    ].join('\n');
  };
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<clientConfig version="1.1">',
    `  <emailProvider id="${domain}">`,
    `    <domain>${domain}</domain>`,
    `    <displayName>${domain}</displayName>`,
    `    <displayShortName>${domain}</displayShortName>`,
    ...[...settings]
      .sort((a, b) => Number(a.protocol === 'submission') - Number(b.protocol === 'submission'))
      .map(server),
    '  </emailProvider>',
    '</clientConfig>',
  ].join('\n');
}
