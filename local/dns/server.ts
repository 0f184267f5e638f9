/** The name servers of the local provider's world, and its resolver, on port 53 of two loopback addresses of its own. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, Packet, type DnsServer, type Resource } from 'dns2';
import { answer } from './answer.ts';
import { resourceRecord, typeName } from './record-data.ts';
import { makeZone, NAME_SERVER_ZONE, NAME_SERVERS, normalName, type RecordSet, type Zone } from './zone.ts';

export interface DnsRequest {
  /** Zones kept elsewhere (the Route 53 stand-in's), looked at for every question. Of two of one name the first answers. */
  zones?: () => Zone[];
  /** The checkout's path: two clones get different addresses. */
  seed?: string;
  /** Instead of addresses by `seed`. */
  addresses?: [string, string];
}

export interface Dns {
  /** Where ns1 and ns2 answer, over UDP and TCP, port 53. Either also serves as the resolver. */
  addresses: [string, string];
  /** A zone of the provider's own or of a customer's other DNS host: answered here, unknown to Route 53. Kept by the caller. */
  setStaticZone(name: string, recordSets: RecordSet[]): void;
  removeStaticZone(name: string): void;
  /** Answers on one address more, e.g. the machine's end of a host's link. */
  listenAlso(address: string): Promise<void>;
  stop(): Promise<void>;
}

const PORT = 53;
/** Neighbours in 127/8 that are tried when addresses are in use. */
const TRIES = 64;

/** Throws when port 53 cannot be had on two loopback addresses (no privilege, or a DNS server that took all of them). */
export async function startDns({ zones = () => [], seed = process.cwd(), addresses }: DnsRequest = {}): Promise<Dns> {
  const fixedZones = new Map<string, Zone>();
  const allZones = () => [...zones(), ...fixedZones.values()];
  const servers: DnsServer[] = [];
  const listen = async (address: string) => {
    servers.push(await listenOn(address, allZones));
  };
  const stop = async () => {
    await Promise.all(servers.splice(0).map(server => server.close()));
  };

  const candidates = addresses
    ? [addresses]
    : Array.from({ length: TRIES }, (_, attempt) => addressPair(seed, attempt));
  let taken: [string, string] | undefined;
  let lastError: Error | undefined;
  for (const pair of candidates) {
    try {
      for (const address of pair) await listen(address);
      taken = pair;
      break;
    } catch (error) {
      lastError = error as Error;
      await stop();
    }
  }
  if (!taken) throw new Error(`no two loopback addresses with a free port ${PORT}: ${lastError?.message}`);

  const hostRecords = NAME_SERVERS.map((name, index) => ({ name, type: 'A', ttl: 172_800, values: [taken[index]!] }));
  fixedZones.set(NAME_SERVER_ZONE, makeZone(NAME_SERVER_ZONE, hostRecords));
  const others = new Set<string>();
  return {
    addresses: taken,
    setStaticZone: (name, recordSets) => void fixedZones.set(normalName(name), makeZone(name, recordSets)),
    removeStaticZone: name => void fixedZones.delete(normalName(name)),
    async listenAlso(address) {
      // A host that is rebuilt comes back on the link that it had, where we still listen.
      if (!others.has(address)) await listen(address);
      others.add(address);
    },
    stop,
  };
}

/** `127.x.y.53` and `127.x.y.54`, x from 16 up: away from 127.0.0.1, 127.0.0.53 (systemd-resolved) and 127.0.1.1 (Debian). */
function addressPair(seed: string, attempt: number): [string, string] {
  const hash = createHash('sha256').update(`${seed} ${attempt}`).digest();
  const network = `127.${16 + (hash[0]! % 224)}.${hash[1]}`;
  return [`${network}.53`, `${network}.54`];
}

async function listenOn(address: string, zones: () => Zone[]): Promise<DnsServer> {
  const server = createServer({
    udp: true,
    tcp: true,
    handle: (request, send) => void send(respond(request, zones())),
  });
  // Garbage from a client, a client that is gone, the second of two sockets that cannot be had: there is nobody to tell.
  server.on('requestError', () => {});
  server.on('error', () => {});
  const failed = once(server, 'error').then(([error]) => Promise.reject(error));
  const endpoint = { port: PORT, address };
  try {
    await Promise.race([server.listen({ udp: endpoint, tcp: endpoint }), failed]);
  } catch (error) {
    // Of the two sockets one may be open.
    const { udp, tcp } = (server as unknown as { servers: { udp: { close(): void }; tcp: { close(): void } } }).servers;
    for (const socket of [udp, tcp])
      try {
        socket.close();
      } catch {} // was never open
    throw error;
  }
  failed.catch(() => {});
  return server;
}

const RCODE_NOT_IMPLEMENTED = 4;

function respond(request: Packet, zones: Zone[]): Packet {
  const response = Packet.createResponseFromRequest(request);
  const header = response.header as { aa: number; ra: number; rcode: number };
  const question = request.questions[0];
  const type = question === undefined ? undefined : typeName(question.type);
  header.ra = 1;
  if (question === undefined) {
    header.rcode = RCODE_NOT_IMPLEMENTED;
    return response;
  }
  // A type we have no records of has an answer too: none (RFC 3597).
  const found = answer(zones, question.name, type ?? 'UNKNOWN');
  header.aa = found.answers.length > 0 || found.authority.length > 0 ? 1 : 0;
  header.rcode = found.code;
  response.answers = found.answers.flatMap(toResources);
  response.authorities = found.authority.flatMap(toResources);
  return response;
}

function toResources(set: RecordSet): Resource[] {
  return set.values.map(value => resourceRecord(set.name, set.type, set.ttl, value));
}
