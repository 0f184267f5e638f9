/** Finds the trusted certificate that a domain is served with already, by a TLS handshake. */
import { Resolver } from 'node:dns/promises';
import { connect, rootCertificates } from 'node:tls';
import { X509Certificate } from 'node:crypto';
import { coversName, mailName, planNames } from '../core/certificate/names.ts';
import { inspectChain } from '../core/certificate/certificate.ts';
import type { Foreign, Wish } from '../core/record/domain.ts';

/** Implicit TLS: IMAP, or if IMAP does not answer, submission. */
const PORTS = [993, 465];
/** For a whole handshake: bytes that trickle in do not extend it. */
const PATIENCE_MS = 5_000;

export interface Sight {
  roots: string;
  /** Addresses with commas between them; empty: the resolvers of this machine. */
  resolvers: string;
  /** For tests: other ports, less patience, and another way to find the server. */
  ports?: number[];
  patienceMs?: number;
  addressOf?: (server: string) => Promise<string | undefined>;
}

/**
 * Each mail server has to serve the name that people type with a trusted certificate. For a list of
 * names, this certificate has to cover all of the names.
 * @returns the certificate that ends first; undefined if a server has none, or one that runs low
 */
export async function seenServed(wish: Wish, sight: Sight, now: number): Promise<Foreign | undefined> {
  const names = planNames(wish);
  const name = mailName(wish.domain, names);
  const seen: Foreign[] = [];
  for (const server of wish.mailServers) {
    const leaf = await leafOf({ server, name }, sight);
    if (!leaf) return undefined;
    const { sha256, issuer, notBefore, notAfter, names: held } = inspectChain(leaf.toString());
    if (wish.policy === 'list' && !names.every(one => coversName(held, one))) return undefined;
    // A quarter of its life, at most ten days. Another tool that renews this certificate does so
    // earlier, and then ours is not ordered.
    const renewAt = Math.round(notAfter - Math.min((notAfter - notBefore) / 4, 10 * 86_400_000));
    if (renewAt <= now) return undefined;
    seen.push({ fingerprint: sha256, issuedBy: issuer, notAfter, renewAt, seenAt: now });
  }
  return seen.sort((a, b) => a.renewAt - b.renewAt)[0];
}

interface Sought {
  server: string;
  name: string;
}

async function leafOf({ server, name }: Sought, sight: Sight): Promise<X509Certificate | undefined> {
  const { roots, resolvers, patienceMs, addressOf: find = given => addressOf({ server: given, resolvers }) } = sight;
  const address = await find(server);
  for (const port of address === undefined ? [] : (sight.ports ?? PORTS)) {
    const leaf = await handshake({ host: address!, port, name, roots, patienceMs });
    if (leaf) return leaf;
  }
  return undefined;
}

type Asked = { server: string; resolvers: string };

async function addressOf({ server, resolvers }: Asked): Promise<string | undefined> {
  const resolver = new Resolver({ timeout: PATIENCE_MS, tries: 2 });
  const servers = resolvers.split(',').filter(one => one !== '');
  if (servers.length > 0) resolver.setServers(servers);
  const [address] = await resolver.resolve4(server).catch(() => resolver.resolve6(server).catch(() => []));
  return address;
}

interface Endpoint {
  host: string;
  port: number;
  name: string;
  roots: string;
  patienceMs?: number;
}

function handshake(endpoint: Endpoint): Promise<X509Certificate | undefined> {
  const { host, port, name, roots, patienceMs = PATIENCE_MS } = endpoint;
  return new Promise(resolve => {
    const ca = [...rootCertificates, ...(roots === '' ? [] : [roots])];
    const socket = connect({ host, port, servername: name, ca });
    const end = (leaf?: X509Certificate) => {
      clearTimeout(deadline);
      socket.destroy();
      resolve(leaf);
    };
    const deadline = setTimeout(end, patienceMs);
    socket
      .once('secureConnect', () => end(socket.getPeerX509Certificate()))
      .once('close', () => end())
      .once('error', () => end());
  });
}
