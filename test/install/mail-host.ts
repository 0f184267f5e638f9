/** A real mail server in a host of its own, and deliveries brought to it as SSM would. */
import { execFile } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installer } from '../../install/assemble.ts';
import { startDns } from '../../packages/aws-stand-in/src/dns/server.ts';
import { startHost, type Host } from '../../local/hosts/host.ts';
import { USUAL, type Kind } from '../../local/hosts/software.ts';
import { setUpMailServer } from '../../local/hosts/mail-server.ts';
import { scratchCa, type Issued, type ScratchCa } from './scratch-ca.ts';

export interface Entry {
  domain: string;
  verb?: 'install' | 'remove';
  kind?: 'host' | 'domain' | 'mail' | 'webmail';
  certificate?: Issued;
  mail?: string;
  web?: string;
}

/** A row of the audit. `mail` 'default': the look sends no name. */
export interface Look {
  domain: string;
  leaf: string;
  mail?: string;
  web?: string;
}

export interface DeliveryOptions {
  looks?: Look[];
  seq?: number;
  mode?: 'inspect' | 'install' | 'verify';
  adopt?: boolean | 'with-losses';
  /** Which site is the webmail: what the registration says. */
  webmail?: { file: string; name: string };
  /** Software that the registration leaves out. */
  leaveOut?: string[];
  issuedAt?: number;
  notAfter?: number;
  roots?: string;
}

export interface Answer {
  exitCode: number | null;
  hash: string;
  text: string;
  stderr: string;
  outcome: string | undefined;
  letters: string | undefined;
  /** Lines after the letters. */
  rest: string[];
}

export interface MailHost {
  host: Host;
  /** Scratch of this test, on this machine. */
  directory: string;
  ca: ScratchCa;
  /** A CA whose root no delivery carries. */
  strangeCa: ScratchCa;
  /** Issues for `domain` and `*.domain`. */
  wildcard(domain: string, options?: { expired?: boolean }): Issued;
  write(entries: Entry[], options?: DeliveryOptions): { hash: string; text: string };
  /**
   * Runs the installer on a delivery. `edit` changes the installer's text first, to kill it at some
   * line.
   */
  run(
    delivery: { hash: string; text: string },
    options?: { edit?: (text: string) => string; environment?: Record<string, string> },
  ): Promise<Answer>;
  deliver(entries: Entry[], options?: DeliveryOptions): Promise<Answer>;
  /** sha256 of the leaf that the port serves for this name ('' = no SNI), or `nothing`. */
  served(port: number, name: string): Promise<string>;
  sh(script: string): Promise<string>;
  stop(): Promise<void>;
}

/** Now, as a delivery writes it. */
export const seconds = () => Math.floor(Date.now() / 1000);

function deliveryText(
  server: string,
  entries: Entry[],
  roots: string,
  options: DeliveryOptions & { seq: number },
): string {
  const { seq, mode = 'install', adopt = false, webmail, leaveOut } = options;
  const { issuedAt = seconds(), notAfter = issuedAt + 2700 } = options;
  const lines = [
    'sealpost-delivery 1',
    `server ${server}`,
    `seq ${seq}`,
    `issued-at ${issuedAt}`,
    `not-after ${notAfter}`,
    `mode ${mode}`,
    `adopt ${adopt === true ? 'yes' : adopt || 'no'}`,
    ...(webmail ? [`webmail ${webmail.name} ${webmail.file}`] : []),
    ...(leaveOut ? [`leave-out ${leaveOut.join(' ')}`] : []),
    `entries ${entries.length}`,
    'roots',
    (options.roots ?? roots).trim(),
  ];
  entries.forEach(({ domain, verb = 'install', kind = 'domain', certificate, mail = `mail.${domain}`, web }, index) => {
    const id = certificate ? createHash('sha256').update(certificate.leaf).digest('hex') : '-';
    lines.push(`entry ${index + 1} ${verb} ${domain} ${seq} ${id} ${certificate?.leaf ?? '-'} ${kind}`);
    if (certificate)
      lines.push(
        `names ${certificate.names.join(' ')}`,
        `probe ${mail}${web ? ` ${web}` : ''}`,
        certificate.pem.trim(),
      );
  });
  for (const { domain, leaf, mail = `mail.${domain}`, web = '-' } of options.looks ?? [])
    lines.push(`look ${domain} ${leaf} ${mail} ${web}`);
  return [...lines, 'end', ''].join('\n');
}

/** For `run`'s `edit`: the installer is killed where that phase begins. */
export function killedAt(phase: string): (installer: string) => string {
  return text => text.replaceAll(new RegExp(`^( *)phase ${phase}$`, 'gm'), '$&\nkill -9 $$$$');
}

/** A host with all daemons running, not adopted. About 8 s. */
export async function startMailHost(name: string, { release, software }: Kind = USUAL): Promise<MailHost> {
  const directory = mkdtempSync(join(tmpdir(), 'sealpost-install-'));
  const hostName = `${name}.provider.test`;
  const host = await startHost({
    name,
    hostName,
    directory: join(directory, name),
    release,
    software,
    report: () => {},
  });
  // A name server that knows nothing and answers at once. A mail server that looks up each client's
  // name would wait 5 s without it.
  const dns = await startDns({ seed: directory });
  await dns.listenAlso(host.gateway);
  await setUpMailServer(host);
  const ca = scratchCa(directory);
  let last = 0;
  const { text: program } = installer();
  const self: MailHost = {
    host,
    directory,
    ca,
    strangeCa: scratchCa(directory, 'Strange'),
    wildcard: (domain, options) => ca.issue([domain, `*.${domain}`], options),
    write(entries, options = {}) {
      const seq = options.seq ?? last + 1;
      last = Math.max(last, seq);
      const text = deliveryText(hostName, entries, ca.root, { ...options, seq });
      return { text, hash: createHash('sha256').update(text).digest('hex') };
    },
    async run({ hash, text }, { edit, environment } = {}) {
      const edited = edit ? edit(program) : program;
      if (edit && edited === program) throw new Error('the installer has no such text to be edited');
      const directory = `/run/sealpost-test-${Math.random().toString(36).slice(2)}`;
      await host.write(`${directory}/installer`, Buffer.from(edited), 0o700);
      await host.write(`${directory}/delivery`, Buffer.from(text), 0o600);
      const { exitCode, stdout, stderr } = await host.run(
        ['sh', `${directory}/installer`, `${directory}/delivery`, hash],
        { environment },
      );
      await host.run(['rm', '-rf', directory]);
      const [header = '', letters, ...rest] = stdout.split('\n');
      const outcome = header.split(' ').slice(3).join(' ');
      return { exitCode, hash, text: stdout, stderr, outcome, letters, rest: rest.filter(Boolean) };
    },
    deliver: (entries, options) => self.run(self.write(entries, options)),
    served: (port, name) => served(host.address, port, name),
    async sh(script) {
      const { stdout, stderr, exitCode } = await host.run(['sh', '-c', script]);
      if (exitCode !== 0) throw new Error(`${script}: ${exitCode} ${stdout}${stderr}`);
      return stdout.trim();
    },
    async stop() {
      await host.stop();
      await dns.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  return self;
}

/** A host whose daemons are adopted and whose own name has a certificate. */
export async function startAdoptedMailHost(name: string): Promise<MailHost> {
  const mail = await startMailHost(name);
  const inspected = await mail.deliver([], { mode: 'inspect', adopt: true });
  if (!inspected.text.includes('\nfact adopted yes'))
    throw new Error(`not adopted: ${inspected.text}${inspected.stderr}`);
  return mail;
}

const STARTTLS: Record<number, string> = { 25: 'smtp', 587: 'smtp', 143: 'imap', 110: 'pop3' };

function served(address: string, port: number, name: string): Promise<string> {
  const sni = name === '' ? ['-noservername'] : ['-servername', name];
  const starttls = STARTTLS[port] ? ['-starttls', STARTTLS[port]] : [];
  return new Promise(resolve => {
    const child = execFile(
      'openssl',
      ['s_client', '-connect', `${address}:${port}`, ...sni, ...starttls],
      { timeout: 10_000 },
      (_error, stdout) => {
        const [pem] = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/.exec(stdout) ?? [];
        resolve(pem ? createHash('sha256').update(new X509Certificate(pem).raw).digest('hex') : 'nothing');
      },
    );
    child.stdin?.end();
  });
}
