/**
 * Tarpits: a server that sends a byte at a time keeps no socket of ours for ever. Each file that
 * opens a socket to another party has a row; the SDK's clients speak with AWS only.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttps } from 'node:https';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seenServed } from '../bin/served.ts';
import { openConnection } from '../core/acme/transport.ts';
import { handshake, trusting } from '../core/audit/handshake.ts';
import { ensureTlsRoot } from '../local/ca/tls.ts';
import { runProgram } from '../local/machine/program.ts';
import { files, read } from './house/sources.ts';

const directory = mkdtempSync(join(tmpdir(), 'sealpost-tarpits-'));
const sockets = new Set<Socket>();
const servers: Server[] = [];
let root: string;
/** Ports on loopback: one drips before TLS is there, one drips the body of an answer. */
let beforeTls: number;
let inBody: number;
/** The drops that each socket got; a client that ended by itself got some. */
let drops = 0;

const drip = (socket: Pick<Socket, 'write' | 'on'>, byte: string) => {
  const timer = setInterval(() => {
    drops += 1;
    socket.write(byte);
  }, 20);
  socket.on('close', () => clearInterval(timer));
};

async function listening(server: Server): Promise<number> {
  servers.push(server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {}))));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  ({ root } = await ensureTlsRoot(directory));
  beforeTls = await listening(
    createServer(socket => {
      // The head of a TLS record of 16,000 bytes.
      socket.write(Buffer.from([22, 3, 3, 0x3e, 0x80]));
      drip(socket, '\0');
    }),
  );
  const tls = { key: readFileSync(join(directory, 'tls.key')), cert: readFileSync(join(directory, 'tls.pem')) };
  inBody = await listening(
    createHttps(tls, (_, answer) => {
      answer.writeHead(200, { 'content-type': 'application/json' });
      drip(answer as unknown as Socket, ' ');
    }),
  );
});
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
  rmSync(directory, { recursive: true });
});

const ca = (port: number) =>
  openConnection({ directoryUrl: `https://127.0.0.1:${port}/dir`, roots: root, userAgent: 'test', timeoutMs: 400 });

/** By the file that opens the socket: a look that ends, and what it says. */
const looks: Record<string, () => Promise<unknown>> = {
  'core/acme/transport.ts': async () => {
    for (const port of [beforeTls, inBody])
      await expect(ca(port).directory()).rejects.toMatchObject({ name: 'AcmeTransport' });
  },
  'core/audit/handshake.ts': async () => {
    const look = { address: '127.0.0.1', name: 'mail.example.com', trust: trusting(), patienceMs: 400 };
    expect(await handshake({ ...look, port: beforeTls })).toMatchObject({ trusted: false });
  },
  'bin/served.ts': async () => {
    const sight = { roots: '', resolvers: '', ports: [beforeTls], patienceMs: 400, addressOf: async () => '127.0.0.1' };
    const wish = { domain: 'example.com', mailServers: ['mx1.example'], policy: 'wildcard' as const };
    expect(await seenServed(wish, sight, Date.now())).toBeUndefined();
  },
  'install/parts/look.sh': async () => {
    // The real limit is 10 s; a `timeout` before it in PATH makes it one second.
    const text = '#!/bin/sh\necho "$1" >>"$0.asked"\nshift\nexec /usr/bin/timeout 1 "$@"\n';
    writeFileSync(join(directory, 'timeout'), text, { mode: 0o755 });
    const said = await part('look.sh', `is_proxied() { return 1; }; hello ${beforeTls} 127.0.0.1 -noservername`);
    expect(said).toContain('ended 124');
    expect(readFileSync(join(directory, 'timeout.asked'), 'utf8')).toBe('10\n');
  },
  'install/parts/hellos.sh': async () => {
    const look = `1 ${beforeTls} 127.0.0.1 mail.example.com any any -`;
    const said = await part('hellos.sh', `${sooner('hellos', 10)}; echo '${look}' | hellos 0`);
    expect(said).toBe('ended 0\n');
  },
  'install/parts/proxied.sh': async () => {
    const door = join(directory, 'door');
    const relay = `${sooner('relay', 15)}; perl -e "$relay" $$ ${door} 127.0.0.1 ${beforeTls} >/dev/null`;
    const said = await part('proxied.sh', `${relay}; openssl s_client -unix ${door} >/dev/null 2>&1 </dev/null`);
    expect(said).toMatch(/^ended [1-9]/);
  },
};

/** A program of the installer with an alarm after a second. Without an alarm it ends at once. */
const sooner = (program: string, seconds: number) =>
  `case $${program} in *'alarm ${seconds};'*) ;; *) exit 9 ;; esac
   ${program}=$(printf '%s' "$${program}" | sed 's/alarm ${seconds};/alarm 1;/')`;

/** Runs a script with a part of the installer. This process goes on dripping meanwhile. */
async function part(name: string, script: string): Promise<string> {
  const file = join(import.meta.dirname, '../install/parts', name);
  const text = `. ${file}; ${script}; echo "ended $?"`;
  const { stdout } = await runProgram(['env', `PATH=${directory}:/usr/bin:/bin`, 'sh', '-c', text]);
  return stdout;
}

test.each(Object.entries(looks))('what %s opens ends while the server drips on', async (_, look) => {
  const before = drops;
  await look();
  expect(drops).toBeGreaterThan(before);
});

test('no other file opens a socket to another party', () => {
  const opens =
    /\b(connect|connectTcp|connectTls|httpsRequest|httpRequest|fetch)\(\{?|new (Resolver|WebSocket)\(|\bs_client\b/;
  const product = files.filter(file =>
    /^(aws|bin|core|lambdas|lib|install\/(parts|adapters))\/.*\.(ts|sh)$/.test(file),
  );
  // acme/client.ts opens nothing: its `connect` is ours. strict-client.ts shakes hands with itself.
  const own = ['core/acme/account.ts', 'core/acme/client.ts', 'core/certificate/strict-client.ts'];
  const found = product.filter(
    file => opens.test(read(file).replace(/^\s*(\/\/|\*|#|\/\*\*).*$/gm, '')) && !own.includes(file),
  );
  // The row of DNS is test/core/dns/tarpit.test.ts.
  expect(found.sort()).toEqual([...Object.keys(looks), 'core/dns/authoritative.ts'].sort());
});
