/**
 * Domains whose mail is served under a server's own host name, and the servers that have the
 * domain's certificate all the same.
 */
import { serversOf, type DomainRecord, type ServedUnder } from './domain.ts';

/**
 * The servers of the wish that shall have its certificate. A server that the wish named after the
 * last plan is included, so that nothing is removed from that server.
 */
export function holdersOf({ spec, servedUnder = [] }: Pick<DomainRecord, 'spec' | 'servedUnder'>): string[] {
  return spec ? holders(serversOf(spec), servedUnder) : [];
}

export function holders(servers: string[], servedUnder: ServedUnder[]): string[] {
  return servers.filter(server => servedUnder.every(one => one.server !== server || one.webmail));
}

/** What a person types into a mail program. */
export function typeThis({ domain, server }: { domain: string; server: string }): string {
  return `mail of ${domain} is served under ${server}: type this host name into the mail program`;
}
