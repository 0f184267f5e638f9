/** What the inspection found that a server can do. */
import type { Use } from './domain.ts';

/** Facts by name, each with every value that was printed for it. */
export type Facts = Record<string, string[]>;

/**
 * Used where the last inspection was done by an installer that did not give the fact `web-servers` yet.
 * A record keeps that inspection until the server is registered again. Without this list an upgrade
 * would take every webmail certificate off such a server.
 */
const WEB_SERVERS_BEFORE_THE_FACT = 'nginx,apache,iis';

/** What was found on a server, and what its operator said of it. */
export interface Capable {
  /** Said at its registration: its mail software has one certificate for all names. */
  servesByName?: false;
  /** What `inspect` found; absent until the first inspection has answered. */
  capability?: Facts;
}

/** Every mail daemon that answers there can choose its certificate by the name that the client gives, as far as we know. */
export function servesByName({ servesByName, capability }: Capable): boolean {
  return servesByName !== false && !capability?.['cannot-serve-by-name']?.[0];
}

/** Each daemon that cannot serve by name is given the host's own certificate by us. */
export function hasAdapters({ capability }: Capable): boolean {
  const given = listed(capability, 'host-certificate-for');
  return listed(capability, 'cannot-serve-by-name').every(daemon => given.includes(daemon));
}

/** A daemon for this answers there that chooses its certificate by the name a client gives. */
export function servesAlone(server: Capable, use: Use): boolean {
  if (use === 'mail' && !servesByName(server)) return false;
  const webServers = listed({ 'web-servers': [WEB_SERVERS_BEFORE_THE_FACT], ...server.capability }, 'web-servers');
  return listed(server.capability, 'serves-by-name').some(
    daemon => webServers.includes(daemon) === (use === 'webmail'),
  );
}

function listed(capability: Facts | undefined, fact: string): string[] {
  return capability?.[fact]?.[0]?.split(',').filter(daemon => daemon !== '') ?? [];
}
