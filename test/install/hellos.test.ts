/** What a hello confirms, and what it leaves to openssl: against openssl's own server. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runProgram } from '../../local/machine/program.ts';
import { scratchCa, type Issued, type ScratchCa } from './scratch-ca.ts';

const parts = join(import.meta.dirname, '../../install/parts');
const directory = mkdtempSync(join(tmpdir(), 'sealpost-hellos-'));
const at = (file: string) => join(directory, file);
const servers: ChildProcess[] = [];
let ca: ScratchCa;
let served: Issued;
let other: Issued;

beforeAll(() => {
  ca = scratchCa(directory);
  [served, other] = ['served.test', 'other.test'].map(domain => ca.issue([domain, `*.${domain}`])) as [Issued, Issued];
  for (const [file, { pem }] of Object.entries({ served, other })) writeFileSync(at(`${file}.pem`), pem);
  writeFileSync(at('roots.pem'), ca.root);
});
afterAll(() => {
  for (const server of servers) server.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

/** Runs a function of the installer on lines. @returns the lines that it prints */
async function part(call: string, lines: string[]): Promise<string[]> {
  const script = `cd "$2"; . "$1/hellos.sh"; . "$1/verified.sh"; trust='-CAfile roots.pem'; ${call}`;
  const input = lines.map(line => `${line}\n`).join('');
  const { stdout } = await runProgram(['sh', '-c', script, 'sh', parts, directory], { input });
  return stdout.split('\n').filter(Boolean);
}

async function hello(port: number, { name = 'mail.served.test', keys = 'any', how = 'old', pem = 'served.pem' } = {}) {
  return (await part('hellos 0', [`1 ${port} 127.0.0.1 ${name} ${keys} ${how} ${pem}`])).length === 1;
}

/** openssl's own server, on a free port. */
async function serve(...options: string[]): Promise<number> {
  const file = at('served.pem');
  const chain = ['-cert', file, '-key', file, '-cert_chain', file];
  const server = spawn('openssl', ['s_server', '-accept', '127.0.0.1:0', ...chain, ...options]);
  servers.push(server);
  let said = '';
  for await (const text of server.stdout) {
    said += text;
    const [, port] = /ACCEPT .*:(\d+)/.exec(said) ?? [];
    if (port) return Number(port);
  }
  throw new Error(`no server: ${said}`);
}

it('a hello confirms the leaf that is served, and no other', async () => {
  const port = await serve();
  expect(await hello(port)).toBe(true);
  expect(await hello(port, { name: 'default' })).toBe(true);
  expect(await hello(port, { pem: 'other.pem' })).toBe(false);
  expect(await hello(port, { pem: 'missing.pem', how: 'gone' })).toBe(false);
  expect(await hello(port, { pem: 'other.pem', how: 'gone' })).toBe(true);
  expect(await hello(port, { how: 'gone' })).toBe(false);
});

it('it is shown the key that it knows', async () => {
  const port = await serve();
  expect(await hello(port, { keys: 'ecdsa' })).toBe(true);
  expect(await hello(port, { keys: 'rsa' })).toBe(false);
});

it('it confirms nothing where nobody listens, and of a server without TLS 1.2', async () => {
  const port = await serve('-tls1_3');
  expect(await hello(port)).toBe(false);
  servers.at(-1)!.kill('SIGKILL');
  await once(servers.at(-1)!, 'exit');
  expect(await hello(port)).toBe(false);
});

it('a chain without the signature of its key counts for nothing', async () => {
  const unsigned = await between(await serve(), kind => kind !== 12);
  const whole = await between(await serve(), () => true);
  expect([await hello(unsigned.port), await hello(whole.port)]).toEqual([false, true]);
  for (const { server } of [unsigned, whole]) server.close();
});

it('lines that are confirmed and lines that are left, at two places', async () => {
  const [here, there] = [await serve(), await serve()];
  const line = (id: number, port: number, { name = 'mail.served.test', how = 'new', pem = 'served.pem' } = {}) =>
    `${id} ${port} 127.0.0.1 ${name} any ${how} ${pem} place-${id} mail web`;
  const lines = [
    line(1, here),
    line(2, there),
    line(3, here, { name: 'mail.other.test' }),
    line(4, here, { name: 'mail.other.test', how: 'old' }),
    line(5, there, { pem: 'other.pem' }),
    line(6, there, { pem: 'other.pem', how: 'gone' }),
    line(7, here, { name: 'default' }),
  ];
  const confirm = (of: string[]) =>
    part('run=. server=served.test deadline=0; cat >hello.toy; confirm toy; cut -d" " -f1 confirmed.toy left.toy', of);
  expect(await confirm(lines)).toEqual(['1', '2', '4', '6', '7', '3', '5']);
  // What was verified before is not verified again, and counts for this name alone.
  expect(await part('rm roots.pem; cat trusted.toy', [])).toHaveLength(3);
  expect(await confirm(lines)).toEqual(['1', '2', '4', '6', '7', '3', '5']);
  writeFileSync(at('roots.pem'), ca.root);
});

it('a chain is verified to a root, for the name that was asked', async () => {
  const base64 = (pem: string) =>
    [...pem.matchAll(/-----BEGIN CERTIFICATE-----([^-]*)-----END/g)].map(([, text]) => text!.replace(/\s/g, ''));
  const whole = base64(served.pem).join(',');
  const strange = scratchCa(directory, 'Strange').issue(['strange.test', '*.strange.test']);
  const past = ca.issue(['past.test', '*.past.test'], { expired: true });
  for (const [file, { pem }] of Object.entries({ strange, past })) writeFileSync(at(`${file}.pem`), pem);
  const lines = [
    `good mail.served.test served.pem ${whole}`,
    `good-too served.test served.pem ${whole}`,
    `deeper a.mail.served.test served.pem ${whole}`,
    `another mail.other.test served.pem ${whole}`,
    `good-elsewhere mail.served.test served.pem ${base64(served.pem)[0]}`,
    `leaf-alone mail.other.test other.pem ${base64(other.pem)[0]}`,
    `strange mail.strange.test strange.pem ${base64(strange.pem).join(',')}`,
    `past mail.past.test past.pem ${base64(past.pem).join(',')}`,
  ];
  writeFileSync(at('seen'), lines.join('\n') + '\n');
  expect(await part('verified seen verified', [])).toEqual(['good', 'good-too']);
});

it('a pair is good if key, leaf, hash and time are right', async () => {
  const rsa = ca.issue(['rsa.test'], { key: 'RSA' });
  const past = ca.issue(['past.test'], { expired: true });
  const pairs: Record<string, { pem: string; leaf: string }> = {
    'served.test': served,
    'rsa.test@mail': rsa,
    'past.test': past,
    'key-of-another.test': { ...served, pem: other.key + served.chain },
    'another-leaf.test': { ...served, leaf: other.leaf },
    'no-key.test': { ...served, pem: served.chain },
    'no-leaf.test': { ...served, pem: served.key },
    'key-last.test': { ...served, pem: served.chain + served.key },
    'not-a-key.test': { ...served, pem: served.key.replace(/\n.{20}/, `\n${'A'.repeat(20)}`) + served.chain },
  };
  for (const [place, { pem }] of Object.entries(pairs)) writeFileSync(at(`${place}.pem`), pem);
  const good = async (places: string[]) => {
    const lines = places.map(place => `${place} ${pairs[place]!.leaf}`);
    return (await part('good_pairs . pairs', lines)).sort();
  };
  expect(await good(Object.keys(pairs).filter(place => place !== 'not-a-key.test'))).toEqual([
    'rsa.test@mail',
    'served.test',
  ]);
  // A file that openssl cannot read leaves all of them to be read alone.
  expect(await good(['served.test', 'not-a-key.test'])).toEqual([]);
});

/** A server that passes on what another one answers, without messages that `may` refuses. */
async function between(to: number, may: (kind: number) => boolean): Promise<{ port: number; server: Server }> {
  const server = createServer(client => {
    const onward = connect(to, '127.0.0.1');
    let left = Buffer.alloc(0);
    client.pipe(onward);
    for (const end of [client, onward]) end.on('error', () => client.destroy());
    onward.on('data', data => {
      left = Buffer.concat([left, data]);
      while (left.length > 5 && left.length >= 5 + left.readUInt16BE(3)) {
        const record = left.subarray(0, 5 + left.readUInt16BE(3));
        left = left.subarray(record.length);
        if (may(record[5]!)) client.write(record);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, server };
}

/** Runs hellos that speak to this port as to IMAP's. */
const asImap = (port: number) => `hellos=$(printf '%s' "$hellos" | sed 's/== 143/== ${port}/'); hellos 0`;

it('it asks for TLS after the greeting, and reads on past lines of others', async () => {
  const behind = await serve();
  const imap = createServer(socket => {
    socket.write('* OK [CAPABILITY IMAP4rev1] ready\r\n');
    socket.once('data', asked => {
      if (asked.toString() !== 'a STARTTLS\r\n') return void socket.destroy();
      socket.write('* CAPABILITY IMAP4rev1\r\na OK begin\r\n');
      const tls = connect(behind, '127.0.0.1');
      socket.pipe(tls).pipe(socket);
    });
  }).listen(0, '127.0.0.1');
  await once(imap, 'listening');
  const { port } = imap.address() as AddressInfo;
  const confirmed = await part(asImap(port), [`1 ${port} 127.0.0.1 mail.served.test any old served.pem`]);
  imap.close();
  expect(confirmed).toHaveLength(1);
});

it('it ends at a line that has no end', async () => {
  let sent = 0;
  const endless = createServer(socket => {
    const block = Buffer.alloc(65_536, 'x');
    const more = () => {
      do sent += block.length;
      while (socket.write(block));
    };
    socket.on('drain', more).on('error', () => {});
    more();
  }).listen(0, '127.0.0.1');
  await once(endless, 'listening');
  const { port } = endless.address() as AddressInfo;
  expect(await part(asImap(port), [`1 ${port} 127.0.0.1 mail.served.test any any -`])).toEqual([]);
  endless.close();
  // What the kernel keeps for the two sockets is a few megabytes.
  expect(sent).toBeGreaterThan(0);
  expect(sent).toBeLessThan(16_000_000);
});
