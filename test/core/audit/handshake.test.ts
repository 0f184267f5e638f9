/** A look ends by its deadline, whatever the server sends. */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { handshake, trusting } from '../../../core/audit/handshake.ts';

const running: { stop(): void }[] = [];
afterEach(() => running.splice(0).forEach(one => one.stop()));

/** An address of loopback that no mail server of this machine listens on. */
const address = '127.97.15.7';
const imap = 143;

/** A server on loopback. @param talk what it does with a client */
async function server(talk: (socket: Socket) => void, port = 0): Promise<number> {
  const sockets = new Set<Socket>();
  const listener = createServer(socket => {
    sockets.add(socket.on('error', () => {}));
    talk(socket);
  });
  await new Promise<void>(resolve => listener.listen(port, address, resolve));
  running.push({ stop: () => (listener.close(), sockets.forEach(socket => socket.destroy())) });
  return (listener.address() as AddressInfo).port;
}

const look = (port: number, more: object = {}) =>
  handshake({ address, port, name: 'mail.example.com', trust: trusting(), patienceMs: 400, ...more });

/** A byte each 20 ms: each timer of inactivity begins anew. */
const dripping = (byte: string) => (socket: Socket) => {
  const timer = setInterval(() => socket.write(byte), 20);
  socket.on('close', () => clearInterval(timer));
};

describe('a look at a server that never ends', () => {
  test('ends by its deadline if the greeting drips', async () => {
    const port = await server(dripping('x'), imap);
    expect(await look(port)).toMatchObject({
      reached: true,
      trusted: false,
      reason: `no TLS on port ${port} within 0.4 s`,
    });
  });

  test('ends by its deadline if the TLS handshake drips', async () => {
    // The head of a TLS record of 16,000 bytes, then a byte at a time.
    const port = await server(socket => {
      socket.write(Buffer.from([22, 3, 3, 0x3e, 0x80]));
      dripping('\0')(socket);
    });
    expect(await look(port)).toMatchObject({ reached: true, reason: `no TLS on port ${port} within 0.4 s` });
  });

  test('ends by its deadline if the server is silent', async () => {
    const port = await server(() => {});
    expect(await look(port)).toMatchObject({ reached: true, reason: `no TLS on port ${port} within 0.4 s` });
  });

  test('ends when the greeting is too long', async () => {
    const port = await server(socket => void socket.write('y'.repeat(100_000)), imap);
    expect((await look(port, { patienceMs: 60_000 })).reason).toBe('the server sent 8192 characters and no answer');
  });

  test('a port that nobody listens on was not reached', async () => {
    const port = await server(() => {});
    running.splice(0).forEach(one => one.stop());
    expect(await look(port)).toMatchObject({ reached: false, trusted: false });
  });
});
