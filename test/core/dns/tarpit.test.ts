/** A name server that never ends its answer. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { systemResolver } from '../../../core/dns/authoritative.ts';

describe('a name server', () => {
  const running: { close(): void }[] = [];
  afterEach(() => running.splice(0).forEach(one => one.close()));

  test('that cuts its answer and then drips over TCP is no answer, by the time of a question', async () => {
    const sockets = new Set<Socket>();
    const tcp = createServer(socket => {
      sockets.add(socket.on('error', () => {}));
      // An answer of 200 bytes, a byte at a time.
      socket.write(Buffer.from([0, 200]));
      const timer = setInterval(() => socket.write('\0'), 100);
      socket.on('close', () => clearInterval(timer));
    }).listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    const { port } = tcp.address() as AddressInfo;
    const udp = createSocket('udp4').bind(port, '127.0.0.1');
    await once(udp, 'listening');
    let questions = 0;
    udp.on('message', (question, from) => {
      questions += 1;
      // The same question as an answer that is cut (TC).
      const answer = Buffer.from(question);
      answer.writeUInt16BE(0x8600, 2);
      udp.send(answer, from.port, from.address);
    });
    running.push(tcp, udp, { close: () => sockets.forEach(socket => socket.destroy()) });
    const dns = systemResolver([`127.0.0.1:${port}`]);
    await expect(dns.resolve('example.com', 'TXT')).rejects.toMatchObject({ name: 'DnsNotPropagated' });
    expect(questions).toBeGreaterThan(0);
    expect(sockets.size).toBeGreaterThan(0);
  });
});
