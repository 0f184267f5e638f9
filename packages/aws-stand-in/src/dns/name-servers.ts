/** The thread in which the name servers answer: what the rest of the provider is at never keeps a question waiting. */
import { once } from 'node:events';
import { parentPort } from 'node:worker_threads';
import { createServer, Packet, type DnsServer, type Resource } from 'dns2';
import { answer } from './answer.ts';
import { resourceRecord, typeName } from './record-data.ts';
import type { RecordSet, Zone } from './zone.ts';

/** What `server.ts` asks of this thread; each is answered by an Answered. */
export type Request =
  /** All of the addresses, or none. */
  | { listen: string[] }
  /** Instead of those under this key until now. Of two zones of one name the first key's answers. */
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
  const server = createServer({ udp: true, tcp: true, handle: (request, send) => void send(respond(request)) });
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
  // A type we have no records of has an answer too: none (RFC 3597).
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
