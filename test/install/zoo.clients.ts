/**
 * Clients outside of a host: what each port serves to a client with this name and these signature
 * algorithms, and whether there is a moment without TLS.
 */
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import { handshake } from '../../core/audit/handshake.ts';
import type { KeyType } from './zoo/row.ts';

/** One way to ask a port. */
export interface Asked {
  address: string;
  port: number;
  /** Sent as SNI; '' for none. */
  name: string;
  /** The client takes only certificates with such a key. */
  key: KeyType;
}

const ALGORITHMS: Record<KeyType, string> = {
  RSA: 'rsa_pss_rsae_sha256:rsa_pkcs1_sha256',
  ECDSA: 'ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384',
};
const CONTEXTS = Object.fromEntries(
  Object.entries(ALGORITHMS).map(([key, sigalgs]) => [key, createSecureContext({ sigalgs, minVersion: 'TLSv1.2' })]),
) as Record<KeyType, SecureContext>;

/** A handshake that takes longer has failed. */
const PATIENCE_MS = 10_000;
const PAUSE_MS = 100;

export const spoken = ({ address, port, name, key }: Asked) =>
  `port ${port} at ${address} for ${name || 'no name'}, ${key}`;

/** @returns sha256 of the leaf, or `nothing` */
export async function leafFor({ address, port, name, key }: Asked): Promise<string> {
  const look = { address, port, name: name || 'unsaid.test', trust: CONTEXTS[key], patienceMs: PATIENCE_MS };
  const { fingerprint } = await handshake({ ...look, ...(name === '' && { isNameUnsaid: true as const }) });
  return fingerprint ?? 'nothing';
}

/** Connections at a time of each client. Some software takes 20. */
const AT_ONCE = 4;

/** @returns for each way to ask, in words: the sha256 of the leaf, or `nothing` */
export async function leaves(all: Asked[]): Promise<Map<string, string>> {
  const found = new Map(all.map(each => [spoken(each), 'nothing']));
  const waiting = [...all];
  const client = async () => {
    for (let each = waiting.shift(); each; each = waiting.shift()) found.set(spoken(each), await leafFor(each));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  return found;
}

export interface Watched {
  handshakes: number;
  /** Handshakes that failed, in words. */
  failed: string[];
  /** Those that failed two seconds after another one in the same way: a retry that failed. */
  failedAgain: string[];
  /**
   * The longest time from the beginning of a handshake that failed to that of the next good one, in
   * the same way. A way that failed is asked again at the next tick.
   */
  secondsWithout: number;
}

/**
 * When a client that was turned away tries again. Mail programs take longer. On two cores with 25
 * busy processes a daemon took a second to read its configuration.
 */
const RETRY_MS = 2_000;

/**
 * A client on each port, every 100 ms until `end` is called, in each of the given ways in turn. On
 * a busy machine there are fewer: a port that has not answered yet is not asked again, and no more
 * than AT_ONCE are asked. Some software begins a process for each connection.
 */
export function watch(all: Asked[]): { end(): Promise<Watched> } {
  const seen: Watched = { handshakes: 0, failed: [], failedAgain: [], secondsWithout: 0 };
  /** By port. */
  const running = new Map<string, Promise<void>>();
  const without = new Map<string, number>();
  /** By port: how often it was asked. */
  const turns = new Map<string, number>();
  /** By port: the way that failed last. */
  const failing = new Map<string, Asked>();
  const ports = Map.groupBy(all, ({ address, port }) => `${address} ${port}`);
  const look = async (port: string, asked: Asked) => {
    const began = Date.now();
    const leaf = await leafFor(asked);
    seen.handshakes++;
    const way = spoken(asked);
    if (leaf === 'nothing') {
      seen.failed.push(way);
      failing.set(port, asked);
      if (began - (without.get(way) ?? began) >= RETRY_MS) seen.failedAgain.push(way);
      if (!without.has(way)) without.set(way, began);
      return;
    }
    failing.delete(port);
    if (!without.has(way)) return;
    seen.secondsWithout = Math.max(seen.secondsWithout, (began - without.get(way)!) / 1000);
    without.delete(way);
  };
  let tick = 0;
  const timer = setInterval(() => {
    // Each tick begins at another port, so that all of them have their turn.
    const order = [...ports].map((_, at, all) => all[(at + tick) % all.length]!);
    for (const [port, ways] of order) {
      if (running.has(port) || running.size >= AT_ONCE) continue;
      const turn = turns.get(port) ?? 0;
      turns.set(port, turn + 1);
      const one = look(port, failing.get(port) ?? ways[turn % ways.length]!).finally(() => running.delete(port));
      running.set(port, one);
    }
    tick++;
  }, PAUSE_MS);
  return {
    async end() {
      clearInterval(timer);
      await Promise.all(running.values());
      for (const began of without.values())
        seen.secondsWithout = Math.max(seen.secondsWithout, (Date.now() - began) / 1000);
      return seen;
    },
  };
}

/**
 * Listens on a loopback address of its own, and hands each connection on with a PROXY header (v1)
 * in front, as a load balancer does.
 * @returns where it listens, at the same port
 */
export async function balancer(to: { address: string; port: number }): Promise<{ address: string; server: Server }> {
  const server = createServer(client => {
    const upstream = connect({ host: to.address, port: to.port });
    upstream.write(`PROXY TCP4 192.0.2.7 192.0.2.8 50000 ${to.port}\r\n`);
    client.pipe(upstream).pipe(client);
    for (const end of [client, upstream]) end.on('error', () => (client.destroy(), upstream.destroy()));
    client.on('close', () => upstream.destroy());
  });
  // Other zoos run beside this one, so the address is chosen by chance.
  const octet = () => 1 + Math.floor(Math.random() * 253);
  const address = `127.${octet()}.${octet()}.${octet()}`;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(to.port, address, resolve);
  });
  return { address: (server.address() as AddressInfo).address, server };
}
