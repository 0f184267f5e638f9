import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startHost, type Host } from '../../local/hosts/host.ts';
import { USUAL } from '../../local/hosts/software.ts';
import { setUpMailServer, startServices, TEST_MAILBOX } from '../../local/hosts/mail-server.ts';
import { preflight } from '../../local/hosts/preflight.ts';
import { mustRun } from '../../local/machine/program.ts';

let scratch: string;
let host: Host;

const start = (name: string, roots = '') =>
  startHost({
    name,
    hostName: `${name}.provider.test`,
    directory: join(scratch, name),
    ...USUAL,
    roots,
    report: () => {},
  });

// A machine's first run builds the base: a minute or two.
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'sealpost-hosts-'));
  host = await start('mx1');
  await setUpMailServer(host);
}, 600_000);
afterAll(async () => {
  await host?.stop();
  await rm(scratch, { recursive: true });
});

async function handshake(port: number, servername = 'mx1.provider.test'): Promise<TLSSocket> {
  const socket = connect({ host: host.address, port, servername, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  return socket;
}

test('preflight finds nothing missing on a machine that runs test hosts', async () => {
  expect(await preflight()).toEqual([]);
});

test.each([465, 993, 995, 443])(
  'a new mail server shows one self-signed certificate of its own on port %i',
  async port => {
    const socket = await handshake(port, 'mail.some-customer.test');
    const certificate = socket.getPeerX509Certificate()!;
    socket.destroy();
    expect(certificate.subject).toBe('CN=mx1.provider.test');
    expect(certificate.verify(certificate.publicKey)).toBe(true);
  },
);

test.each([
  [25, 'smtp'],
  [587, 'smtp'],
  [143, 'imap'],
  [110, 'pop3'],
])('port %i offers STARTTLS with the same certificate', async (port, protocol) => {
  const fingerprint = async (...to: string[]) => {
    const command = ['sh', '-c', 'openssl s_client "$@" </dev/null | openssl x509 -noout -fingerprint', 'sh', ...to];
    return (await host.run(command, { timeoutMs: 20_000 })).stdout;
  };
  const other = await fingerprint('-connect', '127.0.0.1:993');
  expect(other).toMatch(/Fingerprint=/);
  expect(await fingerprint('-connect', `127.0.0.1:${port}`, '-starttls', protocol)).toBe(other);
});

test('a mail that is sent by submission arrives in the test mailbox, read over IMAP', async () => {
  const auth = Buffer.from(`\0${TEST_MAILBOX.user}\0${TEST_MAILBOX.password}`).toString('base64');
  const send = await converse(465, [
    'EHLO test',
    `AUTH PLAIN ${auth}`,
    `MAIL FROM:<${TEST_MAILBOX.user}>`,
    `RCPT TO:<${TEST_MAILBOX.user}>`,
    'DATA',
    'Subject: hello\r\n\r\nbody\r\n.',
    'QUIT',
  ]);
  expect(send).toMatch(/^250 .*queued/m);
  await expect
    .poll(
      () =>
        converse(993, [
          `a LOGIN ${TEST_MAILBOX.user} "${TEST_MAILBOX.password}"`,
          'b STATUS INBOX (MESSAGES)',
          'c LOGOUT',
        ]),
      { timeout: 20_000, interval: 500 },
    )
    .toMatch(/MESSAGES 1/);
});

/** Sends each line after the answer to the previous line. Returns all answers. */
async function converse(port: number, lines: string[]): Promise<string> {
  const socket = await handshake(port);
  let answered = '';
  const waiting = [...lines];
  socket.on('data', text => {
    answered += text;
    const last = answered.trimEnd().split('\n').at(-1)!;
    // A longer answer has more lines (`250-…`, `* …` untagged after the greeting). The next line is
    // sent after the last of them.
    if (/^\d{3}-/.test(last) || (/^\* /.test(last) && waiting.length < lines.length)) return;
    if (waiting.length > 0) socket.write(`${waiting.shift()}\r\n`);
  });
  await once(socket, 'close');
  return answered;
}

test('a test host sees no process, file or mount of this machine', async () => {
  const processes = (await host.run(['ps', '-eo', 'comm='])).stdout.split('\n');
  expect(processes).toContain('nginx');
  expect(processes).not.toContain('node');
  expect((await host.run(['test', '-e', import.meta.dirname])).exitCode).toBe(1);
  expect((await host.run(['cat', '/proc/mounts'])).stdout).not.toMatch(/ \/mnt| ext4 /);
  expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(scratch);
});

test('a command that takes too long is killed with all processes that it started', async () => {
  const result = await host.run(['sh', '-c', 'echo before; sleep 4711 & sleep 4711'], { timeoutMs: 500 });
  expect(result).toMatchObject({ timedOut: true, exitCode: 137, stdout: 'before\n' });
  expect((await host.run(['sh', '-c', 'grep -lzx 4711 /proc/[0-9]*/cmdline'])).stdout).toBe('');
});

test('a command gets its input, its environment and nothing of ours, and its exit code is returned', async () => {
  process.env.SEALPOST_TEST_SECRET = 'no';
  const result = await host.run(['sh', '-c', 'cat; echo "$A"; pwd; env; exit 3'], {
    input: 'in ',
    environment: { A: 'b c' },
  });
  expect(result).toMatchObject({ exitCode: 3, stdout: expect.stringContaining('in b c\n/root\n') });
  expect(result.stdout).not.toContain('SEALPOST_TEST_SECRET');
});

test('a file is written with its mode and its bytes', async () => {
  const bytes = Buffer.from([0, 255, 10, 13, 128]);
  await host.write('/srv/some/where', bytes, 0o640);
  const { stdout } = await host.run(['sh', '-c', 'stat -c %a /srv/some/where; od -An -tx1 /srv/some/where']);
  expect(stdout).toBe('640\n 00 ff 0a 0d 80\n');
});

test('a test host trusts a root that it was given, until it is given others', async () => {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', '/dev/null'];
  const root = await mustRun(['openssl', 'req', '-x509', ...key, '-subj', '/CN=some root']);
  // A program finds a root by the folder of hashed links or by the bundle.
  const verify = async () => {
    const folder = await host.run(['openssl', 'verify'], { input: root });
    const bundle = await host.run(
      ['openssl', 'verify', '-no-CApath', '-CAfile', '/etc/ssl/certs/ca-certificates.crt'],
      { input: root },
    );
    expect(folder.exitCode).toBe(bundle.exitCode);
    return folder.exitCode;
  };
  expect(await verify()).not.toBe(0);
  await host.trust(root + root);
  expect(await verify()).toBe(0);
  await host.trust('');
  expect(await verify()).not.toBe(0);
}, 60_000);

test('two test hosts have addresses of their own', async () => {
  const second = await start('mx2');
  expect(second.address).not.toBe(host.address);
  await second.stop();
  expect(second.isRunning()).toBe(false);
  await expect(second.run(['true'])).rejects.toThrow('mx2 is not running');
});

test('a stopped test host starts again with its files, and its services start again', async () => {
  await host.write('/srv/kept', Buffer.from('yes'), 0o600);
  const before = host.address;
  await host.stop();
  host = await start('mx1');
  expect((await host.run(['cat', '/srv/kept'])).stdout).toBe('yes');
  expect(host.address).toBe(before);
  await startServices(host);
  await startServices(host);
  (await handshake(993)).destroy();
}, 60_000);

test('a provider that is killed with -9 leaves no process, mount or network link of its test hosts', async () => {
  const script = `
    import { startHost } from ${JSON.stringify(join(import.meta.dirname, '../../local/hosts/host.ts'))};
    const host = await startHost({ name: 'mx3', hostName: 'mx3.provider.test', directory: ${JSON.stringify(join(scratch, 'mx3'))}, release: 'bookworm', software: ['postfix', 'dovecot', 'nginx'], report: () => {} });
    host.run(['sleep', '3600']);
    console.log(JSON.stringify({ address: host.gateway, pid: host.pid }));
    setInterval(() => {}, 1000);`;
  const provider = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface({ input: provider.stdout! }), 'line');
  const running = JSON.parse(line as string) as { address: string; pid: number };
  const links = () => Object.values(networkInterfaces()).flatMap(list => list!.map(({ address }) => address));
  const namespaceOf = readNamespace(running.pid);
  expect(links()).toContain(running.address);
  expect(processesIn(namespaceOf)).not.toEqual([]);

  provider.kill('SIGKILL');
  await once(provider, 'exit');
  await expect.poll(() => processesIn(namespaceOf), { timeout: 10_000 }).toEqual([]);
  await expect.poll(links, { timeout: 10_000 }).not.toContain(running.address);
  expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(scratch);
}, 60_000);

function readNamespace(pid: number): string {
  return readLink(`/proc/${pid}/ns/pid_for_children`);
}

function processesIn(namespace: string): string[] {
  return readdirSync('/proc').filter(pid => /^\d+$/.test(pid) && readLink(`/proc/${pid}/ns/pid`) === namespace);
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // the process ended between the two reads
  }
}
