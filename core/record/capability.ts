/** What a server can do, as its inspection found. */
import type { Use } from './domain.ts';

/** Facts by name. Each has every value that the inspection printed for it. */
export type Facts = Record<string, string[]>;

/**
 * Used where the last inspection was done by an installer that did not give the fact `web-servers`
 * yet. A record keeps that inspection until the server is registered again. Without this list an
 * upgrade would take every webmail certificate off such a server.
 */
const WEB_SERVERS_BEFORE_THE_FACT = 'nginx,apache,iis';

/** The facts that decide what the server's domains get. */
const DECIDING = ['cannot-serve-by-name', 'host-certificate-for', 'refused', 'serves-by-name', 'web-servers'];

/** What is known of a server's software. */
export interface Capable {
  /**
   * False if the operator said at the registration that the mail software has one certificate for
   * all names.
   */
  servesByName?: false;
  /** What the inspection found; absent until the first inspection has answered. */
  capability?: Facts;
}

/**
 * True if, as far as we know, every mail daemon of the server chooses its certificate by the name
 * that the client sends.
 */
export function servesByName({ servesByName, capability }: Capable): boolean {
  return servesByName !== false && !capability?.['cannot-serve-by-name']?.[0];
}

/** True if we give the host name's certificate to every daemon that cannot serve by name. */
export function hasAdapters({ capability }: Capable): boolean {
  const given = listed(capability, 'host-certificate-for');
  return listed(capability, 'cannot-serve-by-name').every(daemon => given.includes(daemon));
}

/**
 * True if the server has a daemon for this use that chooses its certificate by the name that the
 * client sends.
 */
export function servesAlone(server: Capable, use: Use): boolean {
  if (use === 'mail' && !servesByName(server)) return false;
  return listed(server.capability, 'serves-by-name').some(daemon => useOf(server, daemon) === use);
}

/** What a daemon of the server is for. */
export function useOf({ capability }: Capable, daemon: string): Use {
  const webServers = listed({ 'web-servers': [WEB_SERVERS_BEFORE_THE_FACT], ...capability }, 'web-servers');
  return webServers.includes(daemon) ? 'webmail' : 'mail';
}

/** True if what the domains of a server depend on is as it was at the inspection before. */
export function isSameSoftware({ before, found }: { before?: Facts; found: Facts }): boolean {
  return before !== undefined && DECIDING.every(fact => listed(before, fact).join() === listed(found, fact).join());
}

function listed(capability: Facts | undefined, fact: string): string[] {
  return capability?.[fact]?.[0]?.split(',').filter(daemon => daemon !== '') ?? [];
}
