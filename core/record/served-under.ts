/**
 * Domains whose mail is served under a server's own host name, and which servers hold a certificate
 * all the same.
 */
import { type DomainRecord, type ServedUnder, serversOf } from './domain.ts';

/** The servers of its wish that shall hold its certificate. One that the wish has named since it was last planned counts: nothing is taken from it. */
export function holdersOf({ spec, servedUnder = [] }: Pick<DomainRecord, 'spec' | 'servedUnder'>): string[] {
  return spec ? holders(serversOf(spec), servedUnder) : [];
}

export function holders(servers: string[], servedUnder: ServedUnder[]): string[] {
  return servers.filter(server => servedUnder.every(one => one.server !== server || one.webmail));
}

/** For a person at a mail program. */
export function typeThis(domain: string, server: string): string {
  return `mail of ${domain} is served under ${server}: type this host name into the mail program`;
}
