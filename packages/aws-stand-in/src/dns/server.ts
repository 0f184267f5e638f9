/** The name servers of the local provider's world, and its resolver, on port 53 of two loopback addresses of its own. */
import { createHash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { Answered, Request } from './name-servers.ts';
import { makeZone, NAME_SERVER_ZONE, NAME_SERVERS, normalName, type RecordSet, type Zone } from './zone.ts';

export interface DnsRequest {
  /** The checkout's path: two clones get different addresses. */
  seed?: string;
  /** Instead of addresses by `seed`. */
  addresses?: [string, string];
}

export interface Dns {
  /** Where ns1 and ns2 answer, over UDP and TCP, port 53. Either also serves as the resolver. */
  addresses: [string, string];
  /** All zones that are kept elsewhere (the Route 53 stand-in's), instead of those until now. Resolves when they are answered. */
  setHostedZones(zones: Zone[]): Promise<void>;
  /** A zone of the provider's own or of a customer's other DNS host: answered here, unknown to Route 53. Kept by the caller. */
  setStaticZone(name: string, recordSets: RecordSet[]): Promise<void>;
  removeStaticZone(name: string): Promise<void>;
  /** Answers on one address more, e.g. the machine's end of a host's link. */
  listenAlso(address: string): Promise<void>;
  stop(): Promise<void>;
}

/** Neighbours in 127/8 that are tried when addresses are in use. */
const TRIES = 64;
/** Of two zones of one name Route 53's answers: it is the first that the thread is told. */
const HOSTED = 'hosted';

/** Throws when port 53 cannot be had on two loopback addresses (no privilege, or a DNS server that took all of them). */
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
      // A host that is rebuilt comes back on the link that it had, where we still listen.
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

/** `127.x.y.53` and `127.x.y.54`, x from 16 up: away from 127.0.0.1, 127.0.0.53 (systemd-resolved) and 127.0.1.1 (Debian). */
function addressPair(seed: string, attempt: number): [string, string] {
  const hash = createHash('sha256').update(`${seed} ${attempt}`).digest();
  const network = `127.${16 + (hash[0]! % 224)}.${hash[1]}`;
  return [`${network}.53`, `${network}.54`];
}
