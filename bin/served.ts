/** Looks whether a domain is served with a good certificate already, whoever's it is: by SNI, trusting roots alone. */
import { Resolver } from 'node:dns/promises';
import { connect, rootCertificates } from 'node:tls';
import { X509Certificate } from 'node:crypto';
import { coversName, mailName, planNames } from '../core/certificate/names.ts';
import { inspectChain } from '../core/certificate/certificate.ts';
import type { Foreign, Wish } from '../core/record/domain.ts';

/** TLS from the first byte: IMAP, or where there is none, submission. */
const PORTS = [993, 465];
const PATIENCE_MS = 5_000;

export interface Sight {
  roots: string;
  /** Addresses with commas; empty: this machine's. */
  resolvers: string;
  /** Others than IMAP's and submission's, and another way to the server: for tests. */
  ports?: number[];
  addressOf?: (server: string) => Promise<string | undefined>;
}

/**
 * The name that people type has to be served on each of its mail servers, and every name of a list has to be in what is served.
 * @returns the one that ends first; undefined where any of them is not good, or runs low
 */
export async function seenServed(wish: Wish, sight: Sight, now: number): Promise<Foreign | undefined> {
  const names = planNames(wish);
  const name = mailName(wish.domain, names);
  const seen: Foreign[] = [];
  for (const server of wish.mailServers) {
    const leaf = await leafOf(server, name, sight);
    if (!leaf) return undefined;
    const { sha256, issuer, notBefore, notAfter, names: held } = inspectChain(leaf.toString());
    if (wish.policy === 'list' && !names.every(one => coversName(held, one))) return undefined;
    // A quarter of its life, ten days at the most: whoever renews it does so before, and then ours is in no hurry.
    const renewAt = Math.round(notAfter - Math.min((notAfter - notBefore) / 4, 10 * 86_400_000));
    if (renewAt <= now) return undefined;
    seen.push({ fingerprint: sha256, issuedBy: issuer, notAfter, renewAt, seenAt: now });
  }
  return seen.sort((a, b) => a.renewAt - b.renewAt)[0];
}

async function leafOf(server: string, name: string, sight: Sight): Promise<X509Certificate | undefined> {
  const address = await (sight.addressOf ?? (name => addressOf(name, sight.resolvers)))(server);
  for (const port of address === undefined ? [] : (sight.ports ?? PORTS)) {
    const leaf = await handshake(address!, port, name, sight.roots);
    if (leaf) return leaf;
  }
  return undefined;
}

async function addressOf(server: string, resolvers: string): Promise<string | undefined> {
  const resolver = new Resolver({ timeout: PATIENCE_MS, tries: 2 });
  const servers = resolvers.split(',').filter(one => one !== '');
  if (servers.length > 0) resolver.setServers(servers);
  const [address] = await resolver.resolve4(server).catch(() => resolver.resolve6(server).catch(() => []));
  return address;
}

function handshake(host: string, port: number, name: string, roots: string): Promise<X509Certificate | undefined> {
  return new Promise(resolve => {
    const ca = [...rootCertificates, ...(roots === '' ? [] : [roots])];
    const socket = connect({ host, port, servername: name, ca, timeout: PATIENCE_MS });
    const end = (leaf?: X509Certificate) => (socket.destroy(), resolve(leaf));
    socket
      .once('secureConnect', () => end(socket.getPeerX509Certificate()))
      .once('timeout', () => end())
      .once('error', () => end());
  });
}
