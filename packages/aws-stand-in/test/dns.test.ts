import { Resolver } from 'node:dns/promises';
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Packet } from 'dns2';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startDns, type Dns } from '../src/dns/server.ts';
import { makeZone, NAME_SERVERS, type RecordSet } from '../src/dns/zone.ts';

const set = (name: string, type: string, ...values: string[]): RecordSet => ({ name, type, ttl: 60, values });
const challengeZone = makeZone('challenges.test', [set('abc.challenges.test', 'TXT', '"one"', '"two"')]);
let dns: Dns;
const resolver = new Resolver({ tries: 1 });

beforeAll(async () => {
  dns = await startDns({ seed: `test of dns ${process.pid}` });
  await dns.setHostedZones([challengeZone]);
  await dns.setStaticZone('customer.com', []);
  resolver.setServers([dns.addresses[0]]);
  await dns.setStaticZone('customer.test', [
    set('_acme-challenge.customer.test', 'CNAME', 'abc.challenges.test.'),
    set('away.customer.test', 'CNAME', 'www.elsewhere.com.'),
    set('nowhere.customer.test', 'CNAME', 'gone.challenges.test.'),
    set('loop.customer.test', 'CNAME', 'loop.customer.test.'),
    set('customer.test', 'MX', '10 mx1.provider.test.', '20 mx2.provider.test.'),
    set('customer.test', 'CAA', '0 issue "letsencrypt.org"', '128 iodef "mailto:a@customer.test"'),
    set('Deep.Below.customer.test', 'A', '192.0.2.7'),
    set('long.customer.test', 'TXT', `"${'x'.repeat(300)}"`, '"semi;colon" "and \\"quote\\" \\101"'),
  ]);
});
afterAll(() => dns.stop());

test('both name servers answer, and every zone names them as its NS', async () => {
  for (const zone of ['challenges.test', 'customer.test', 'dns.test'])
    expect((await resolver.resolveNs(zone)).sort()).toEqual([...NAME_SERVERS]);
  for (const [index, name] of NAME_SERVERS.entries())
    expect(await resolver.resolve4(name)).toEqual([dns.addresses[index]]);
  const second = new Resolver({ tries: 1 });
  second.setServers([dns.addresses[1]]);
  expect(await second.resolveSoa('customer.test')).toMatchObject({ nsname: NAME_SERVERS[0], minttl: 86400 });
});

test('a TXT behind a CNAME into another zone comes in one reply, alias first', async () => {
  const { header, answers } = await ask('_acme-challenge.customer.test', 'TXT');
  expect(header).toMatchObject({ rcode: 0, aa: 1, qr: 1 });
  expect(answers.map(({ name, type }) => [name, type])).toMatchObject([
    ['_acme-challenge.customer.test', Packet.TYPE.CNAME],
    ['abc.challenges.test', Packet.TYPE.TXT],
    ['abc.challenges.test', Packet.TYPE.TXT],
  ]);
  expect((await resolver.resolveTxt('_acme-challenge.customer.test')).flat().sort()).toEqual(['one', 'two']);
  expect(await resolver.resolveCname('_acme-challenge.customer.test')).toEqual(['abc.challenges.test']);
});

test('names are compared without case', async () => {
  expect(await resolver.resolve4('dEEp.below.CUSTOMER.test')).toEqual(['192.0.2.7']);
});

test('MX and CAA are answered', async () => {
  expect(await resolver.resolveMx('customer.test')).toEqual(
    expect.arrayContaining([expect.objectContaining({ exchange: 'mx1.provider.test', priority: 10 })]),
  );
  expect(await resolver.resolveCaa('customer.test')).toMatchObject([
    { critical: 0, issue: 'letsencrypt.org' },
    { critical: 128, iodef: 'mailto:a@customer.test' },
  ]);
});

test('a text of more than 255 octets is split, and escapes are resolved', async () => {
  const texts = await resolver.resolveTxt('long.customer.test');
  expect(texts).toContainEqual(['x'.repeat(255), 'x'.repeat(45)]);
  expect(texts).toContainEqual(['semi;colon', 'and "quote" A']);
});

test('an answer of more than 512 octets is truncated over UDP and complete over TCP', async () => {
  const overUdp = await ask('long.customer.test', 'TXT');
  expect([overUdp.header.tc, overUdp.answers.length]).toEqual([0, 2]);
  await dns.setStaticZone('long.test', [
    set('long.test', 'TXT', ...Array.from({ length: 9 }, (_, n) => `"${n}${'y'.repeat(90)}"`)),
  ]);
  const truncated = await ask('long.test', 'TXT');
  expect([truncated.header.tc, truncated.answers.length]).toEqual([1, 0]);
  expect((await askOverTcp('long.test', 'TXT')).answers).toHaveLength(9);
});

test.each([
  ['a name that does not exist', 'missing.customer.test', 'TXT', 3, 'SOA'],
  ['a type that a name has not', 'customer.test', 'AAAA', 0, 'SOA'],
  ['a name that only has names below it', 'below.customer.test', 'A', 0, 'SOA'],
  ['a CNAME to a name that does not exist', 'nowhere.customer.test', 'TXT', 3, 'SOA'],
  ['a CNAME that leaves our zones', 'away.customer.test', 'TXT', 0, undefined],
  ['a CNAME to itself', 'loop.customer.test', 'TXT', 0, undefined],
  ['a name above a zone of ours', 'com', 'CAA', 0, undefined],
  ['a test name in no zone', 'www.nobody.test', 'A', 3, undefined],
  ['a real name, which is not ours to answer', 'www.debian.org', 'A', 5, undefined],
])('%s: %s %s', async (_, name, type, code, authority) => {
  const { header, authorities } = await ask(name, type);
  expect(header.rcode).toBe(code);
  expect(authorities.map(record => record.type)).toEqual(authority ? [Packet.TYPE.SOA] : []);
});

test('the closest zone answers, and zones may be created and deleted', async () => {
  expect(await resolver.resolveTxt('abc.challenges.test')).toHaveLength(2);
  const child = makeZone('abc.challenges.test', [set('abc.challenges.test', 'TXT', '"child"')]);
  await dns.setHostedZones([challengeZone, child]);
  expect(await resolver.resolveTxt('abc.challenges.test')).toEqual([['child']]);
  await dns.setHostedZones([]);
  await expect(resolver.resolveTxt('abc.challenges.test')).rejects.toThrow('ENOTFOUND');
  await dns.removeStaticZone('long.test');
  await expect(resolver.resolveTxt('long.test')).rejects.toThrow('ENOTFOUND');
  await dns.setHostedZones([challengeZone]);
});

test('a second name server of the same checkout uses other addresses', async () => {
  const second = await startDns({ seed: `test of dns ${process.pid}` });
  expect(second.addresses).not.toEqual(dns.addresses);
  await second.stop();
});

test('a name server can use one more address, and reports an address that is in use', async () => {
  const [first, second] = dns.addresses;
  const other = first.replace(/\d+$/, '99');
  await dns.listenAlso(other);
  const third = new Resolver({ tries: 1 });
  third.setServers([other]);
  expect(await third.resolve4(NAME_SERVERS[0])).toEqual([first]);
  await expect(startDns({ addresses: [second, first] })).rejects.toThrow(/EADDRINUSE/);
});

test("on a link's address, the other end of the link is answered, and a stranger on the network is not", async () => {
  const net = `198.19.${process.pid % 256}`;
  const [machine, host, stranger] = [`${net}.1`, `${net}.2`, `${net}.9`];
  const addresses = [machine, host, stranger].map(address => `addr add ${address}/32 dev lo`);
  execFileSync('ip', ['-batch', '-'], { input: addresses.join('\n') });
  try {
    await dns.listenAlso(machine);
    const answersTo = async (from: string) => {
      const socket = createSocket('udp4');
      socket.bind(0, from);
      await once(socket, 'listening');
      const got: Buffer[] = [];
      socket.on('message', message => got.push(message));
      socket.send(query('customer.test', 'SOA').toBuffer(), 53, machine);
      return { socket, got };
    };
    const asked = await answersTo(stranger);
    const near = await answersTo(host);
    // The thread answers in the order of the questions.
    await vi.waitFor(() => expect(near.got).toHaveLength(1), 5_000);
    expect(asked.got).toHaveLength(0);
    const tcp = connect({ port: 53, host: machine, localAddress: stranger });
    const message = query('customer.test', 'SOA').toBuffer();
    tcp.end(Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message]));
    const received: Buffer[] = [];
    tcp.on('data', data => received.push(data));
    const again = await answersTo(host);
    await vi.waitFor(() => expect(again.got).toHaveLength(1), 5_000);
    expect(received).toHaveLength(0);
    tcp.destroy();
    for (const { socket } of [asked, near, again]) socket.close();
  } finally {
    for (const address of [machine, host, stranger]) execFileSync('ip', ['addr', 'del', `${address}/32`, 'dev', 'lo']);
  }
});

function query(name: string, type: string): Packet {
  const packet = new Packet();
  packet.header.id = 7;
  packet.header.rd = 1;
  const types = Packet.TYPE as unknown as Record<string, number>;
  packet.questions.push(new Packet.Question(name, types[type]!, Packet.CLASS.IN));
  return packet;
}

async function ask(name: string, type: string): Promise<Packet> {
  const socket = createSocket('udp4');
  const answered = once(socket, 'message');
  socket.send(query(name, type).toBuffer(), 53, dns.addresses[0]);
  const [message] = await answered;
  socket.close();
  return Packet.parse(message);
}

async function askOverTcp(name: string, type: string): Promise<Packet> {
  const socket = connect(53, dns.addresses[0]);
  const message = query(name, type).toBuffer();
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  socket.end(Buffer.concat([length, message]));
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  return Packet.parse(Buffer.concat(chunks).subarray(2));
}
