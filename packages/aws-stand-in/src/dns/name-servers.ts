/**
 * The thread in which the name servers answer, so that work elsewhere in the process delays no
 * answer.
 */
import { once } from 'node:events';
import { parentPort } from 'node:worker_threads';
import { createServer, Packet, type DnsServer, type Resource } from 'dns2';
import { answer } from './answer.ts';
import { resourceRecord, typeName } from './record-data.ts';
import type { RecordSet, Zone } from './zone.ts';

/** A request of `server.ts` to this thread. The thread replies to each with an Answered. */
export type Request =
  /** Either all addresses are taken or none. */
  | { listen: string[] }
  /**
   * Replaces the zones under this key. If two zones have one name, the zone of the first key
   * answers.
   */
  | { key: string; zones: Zone[] };
export interface Answered {
  id: number;
  error?: Error;
}

const PORT = 53;
const RCODE_NOT_IMPLEMENTED = 4;

const zones = new Map<string, Zone[]>();

parentPort!.on('message', async ({ id, request }: { id: number; request: Request }) => {
  const answered: Answered = { id };
  try {
    if ('listen' in request) await listenOnAll(request.listen);
    else zones.set(request.key, request.zones);
  } catch (error) {
    answered.error = error as Error;
  }
  parentPort!.postMessage(answered);
});

async function listenOnAll(addresses: string[]): Promise<void> {
  const servers: DnsServer[] = [];
  try {
    for (const address of addresses) servers.push(await listenOn(address));
  } catch (error) {
    await Promise.all(servers.map(server => server.close()));
    throw error;
  }
}

async function listenOn(address: string): Promise<DnsServer> {
  const server = createServer({
    udp: true,
    tcp: true,
    handle(request, send, client) {
      // A datagram's sender, or the socket of a connection.
      const { address: sender, remoteAddress } = client as { address?: string; remoteAddress?: string };
      if (isNear(remoteAddress ?? sender ?? '', address)) void send(respond(request));
    },
  });
  // A client sends garbage or is gone, or the second of two sockets cannot be opened. Nobody is
  // waiting for this error.
  server.on('requestError', () => {});
  server.on('error', () => {});
  const failed = once(server, 'error').then(([error]) => Promise.reject(error));
  const endpoint = { port: PORT, address };
  try {
    await Promise.race([server.listen({ udp: endpoint, tcp: endpoint }), failed]);
  } catch (error) {
    // One of the two sockets may be open.
    const { udp, tcp } = (server as unknown as { servers: { udp: { close(): void }; tcp: { close(): void } } }).servers;
    for (const socket of [udp, tcp])
      try {
        socket.close();
      } catch {} // this socket was never open
    throw error;
  }
  failed.catch(() => {});
  return server;
}

/**
 * True for this machine's loopback, and for the other end of a link of two addresses (/30). The
 * kernel takes a packet for any address of the machine from any of its interfaces, so a stranger on
 * the network reaches a link's address, too.
 */
function isNear(from: string, address: string): boolean {
  const numberOf = (text: string) => text.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  return from.startsWith('127.') || Math.floor(numberOf(from) / 4) === Math.floor(numberOf(address) / 4);
}

function respond(request: Packet): Packet {
  const response = Packet.createResponseFromRequest(request);
  const header = response.header as { aa: number; ra: number; rcode: number };
  const question = request.questions[0];
  const type = question === undefined ? undefined : typeName(question.type);
  header.ra = 1;
  if (question === undefined) {
    header.rcode = RCODE_NOT_IMPLEMENTED;
    return response;
  }
  // A type without records has an answer too: an empty one (RFC 3597).
  const found = answer([...zones.values()].flat(), question.name, type ?? 'UNKNOWN');
  header.aa = found.answers.length > 0 || found.authority.length > 0 ? 1 : 0;
  header.rcode = found.code;
  response.answers = found.answers.flatMap(toResources);
  response.authorities = found.authority.flatMap(toResources);
  return response;
}

function toResources(set: RecordSet): Resource[] {
  return set.values.map(value => resourceRecord(set.name, set.type, set.ttl, value));
}
