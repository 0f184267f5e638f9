/**
 * An authoritative (or recursive) name server over UDP and TCP, whose records a test changes at
 * will.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import dns2 from 'dns2';

export interface NameServer {
  /** `ip:port` */
  address: string;
  /**
   * `_acme-challenge.example.test TXT` → values. A CNAME and its target are in one answer, as a
   * resolver gives them. A wildcard (`*.example.test CNAME`) answers for each name under it that
   * has no record of its own (RFC 4592 §2.2.1).
   */
  records: Map<string, string[]>;
  /** `name TYPE` of each question. */
  questions: string[];
  /** Other than 0: the server answers with this code only (2 SERVFAIL, 5 REFUSED). */
  rcode: number;
  stop(): Promise<void>;
}

const fields: Record<string, (data: string) => Partial<dns2.Packet.Resource>> = {
  A: address => ({ address }),
  NS: ns => ({ ns }),
  CNAME: domain => ({ domain }),
  TXT: data => ({ data }),
  // As hexadecimal: dns2 writes the data of a type that it does not know unchanged.
  TLSA: hex => ({ data: Buffer.from(hex, 'hex') as never }),
  CAA: text => {
    const [, flags, tag, value] = /^(\d+) (\S+) "(.*)"$/.exec(text)!;
    return { flags: Number(flags), tag: tag!, value: value! };
  },
};

/** RFC 6698 §7.1. */
const TYPES: Record<string, number> = { ...dns2.Packet.TYPE, TLSA: 52 };

/**
 * @param port 0 if the client is told the port; 53 if the client finds the server by NS and A
 *   records
 */
export async function startNameServer(ip: string, port = 0): Promise<NameServer> {
  const server: NameServer = { address: '', records: new Map(), questions: [], rcode: 0, stop };

  const handle: dns2.DnsHandler = (request, send) => {
    const [question] = request.questions;
    const name = question!.name.toLowerCase();
    const type = Object.entries(TYPES).find(([, number]) => number === question!.type)?.[0] ?? '';
    server.questions.push(`${name} ${type}`);
    const response = dns2.Packet.createResponseFromRequest(request);
    response.header.aa = 1;
    response.header.rcode = server.rcode;
    if (server.rcode === 0) response.answers.push(...answers(name, type));
    void send(response);
  };

  function answers(name: string, type: string): dns2.Packet.Resource[] {
    const alias = type === 'CNAME' ? undefined : at(name, 'CNAME')[0];
    if (alias) return [...answers(name, 'CNAME'), ...answers(alias, type)];
    const number = TYPES[type]!;
    return at(name, type).map(data =>
      Object.assign(new dns2.Packet.Resource(name, number, dns2.Packet.CLASS.IN, 1), fields[type]!(data)),
    );
  }

  function at(name: string, type: string): string[] {
    const exists = (one: string) =>
      [...server.records.keys()].some(key => key.split(' ')[0] === one || key.split(' ')[0]!.endsWith(`.${one}`));
    for (let encloser = name, owner = name; ; owner = `*.${encloser}`) {
      const own = server.records.get(`${owner} ${type}`);
      if (own || exists(encloser) || !encloser.includes('.')) return own ?? [];
      encloser = encloser.slice(encloser.indexOf('.') + 1);
    }
  }

  // TCP chooses the port: a busy machine has thousands of TCP ports in use, and hardly any UDP
  // port.
  const tcp = dns2.createTCPServer(handle);
  tcp.listen(port, ip);
  await once(tcp, 'listening');
  const chosen = (tcp.address() as AddressInfo).port;
  const udp = dns2.createUDPServer(handle);
  await udp.listen(chosen, ip);
  server.address = `${ip}:${chosen}`;

  async function stop() {
    udp.close();
    tcp.close();
  }
  return server;
}
