/** The name servers of all zones, and the resolver, on port 53 of two loopback addresses. */
import { createHash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { Answered, Request } from './name-servers.ts';
import { makeZone, NAME_SERVER_ZONE, NAME_SERVERS, normalName, type RecordSet, type Zone } from './zone.ts';

export interface DnsRequest {
  /** Any text, e.g. the checkout's path. Two clones with two seeds get different addresses. */
  seed?: string;
  /** Addresses to take instead of those that follow from `seed`. */
  addresses?: [string, string];
}

export interface Dns {
  /**
   * The addresses of ns1 and ns2, which answer over UDP and TCP on port 53. Each of them is also a
   * resolver.
   */
  addresses: [string, string];
  /**
   * Replaces all zones that are kept elsewhere (by Route 53). Resolves when the servers answer with
   * them.
   */
  setHostedZones(zones: Zone[]): Promise<void>;
  /**
   * Sets a zone that Route 53 does not know: one of the caller's own, or a zone at
   * another DNS host. The caller keeps it.
   */
  setStaticZone(name: string, recordSets: RecordSet[]): Promise<void>;
  removeStaticZone(name: string): Promise<void>;
  /**
   * Answers on one more address, this machine's end of a link of two (/30): to the other end, and
   * to this machine's loopback. Other clients get no answer.
   */
  listenAlso(address: string): Promise<void>;
  stop(): Promise<void>;
}

/** This many neighbouring pairs in 127/8 are tried when addresses are in use. */
const TRIES = 64;
/** Route 53's zone answers if two zones have one name, because the thread learns of it first. */
const HOSTED = 'hosted';

/**
 * @throws Error when port 53 is free on no pair of loopback addresses: without the privilege, or if
 *   a DNS server holds all of them
 */
export async function startDns({ seed = process.cwd(), addresses }: DnsRequest = {}): Promise<Dns> {
  const { ask, stop } = startThread();
  const setZones = (key: string, zones: Zone[]) => ask({ key, zones });
  const setStaticZone = (name: string, recordSets: RecordSet[]) =>
    setZones(`static ${normalName(name)}`, [makeZone(name, recordSets)]);

  await setZones(HOSTED, []);
  const candidates = addresses
    ? [addresses]
    : Array.from({ length: TRIES }, (_, attempt) => addressPair(seed, attempt));
  const taken = await firstFree(candidates, pair => ask({ listen: pair })).catch(async error => {
    await stop();
    throw error;
  });
  const hostRecords = NAME_SERVERS.map((name, index) => ({ name, type: 'A', ttl: 172_800, values: [taken[index]!] }));
  await setStaticZone(NAME_SERVER_ZONE, hostRecords);
  const others = new Set<string>();
  return {
    addresses: taken,
    setHostedZones: zones => setZones(HOSTED, zones),
    setStaticZone,
    removeStaticZone: name => setZones(`static ${normalName(name)}`, []),
    async listenAlso(address) {
      // A host that is rebuilt comes back on the link that it had, and this address is still open.
      if (!others.has(address)) await ask({ listen: [address] });
      others.add(address);
    },
    stop,
  };
}

async function firstFree(
  candidates: [string, string][],
  listen: (pair: [string, string]) => Promise<void>,
): Promise<[string, string]> {
  let lastError: Error | undefined;
  for (const pair of candidates) {
    try {
      await listen(pair);
      return pair;
    } catch (error) {
      lastError = error as Error;
    }
  }
  throw new Error(`no two loopback addresses with a free port 53: ${lastError?.message}`);
}

function startThread(): { ask(request: Request): Promise<void>; stop(): Promise<void> } {
  const thread = new Worker(new URL('name-servers.ts', import.meta.url));
  const asked = new Map<number, PromiseWithResolvers<void>>();
  let id = 0;
  thread.on('message', ({ id, error }: Answered) => {
    if (error) asked.get(id)!.reject(error);
    else asked.get(id)!.resolve();
    asked.delete(id);
  });
  return {
    ask(request) {
      const answer = Promise.withResolvers<void>();
      asked.set(++id, answer);
      thread.postMessage({ id, request });
      return answer.promise;
    },
    async stop() {
      await thread.terminate();
    },
  };
}

/**
 * `127.x.y.53` and `127.x.y.54` with x from 16 up. This avoids 127.0.0.1, 127.0.0.53
 * (systemd-resolved) and 127.0.1.1 (Debian).
 */
function addressPair(seed: string, attempt: number): [string, string] {
  const hash = createHash('sha256').update(`${seed} ${attempt}`).digest();
  const network = `127.${16 + (hash[0]! % 224)}.${hash[1]}`;
  return [`${network}.53`, `${network}.54`];
}
