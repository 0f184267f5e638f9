/**
 * Pebble, Let's Encrypt's small test CA: a child of this process, or a process of its own beside
 * it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../machine/free-port.ts';
import { endProcess, recordedProcess, recordProcess } from '../machine/process-record.ts';
import { ensurePebble, type Pebble } from './debian.ts';
import { ensureTlsRoot } from './tls.ts';

export { ensurePebble } from './debian.ts';

export interface CaRequest {
  /**
   * The folder of its configuration, TLS key and log. After a restart the TLS root is the same, and
   * so are the ports if they are free.
   */
  directory: string;
  /** The resolver for its TXT queries, `ip:port`. Pebble from 2.8 queries over TCP only. */
  resolver: string;
  report: (line: string) => void;
  /**
   * If true, Pebble outlives this process, because it keeps all its data in memory. The next start
   * finds it running, and `stopPebble` ends it.
   */
  outlivesUs?: boolean;
  /**
   * If true, Pebble validates at once. Otherwise it waits 0 to 4 s before each validation, as a
   * busy CA would.
   */
  noSleep?: boolean;
  /**
   * The percentage of names that are still proven from an earlier order. Pebble's default is 50.
   */
  reusesAuthorizations?: number;
  /** Profiles by name; validity in seconds. The default is PROFILES. */
  profiles?: Record<string, { description: string; validityPeriod: number }>;
  /** Key id → base64url MAC key. If set, each account needs one of these (RFC 8555 §7.3.4). */
  externalAccountBinding?: Record<string, string>;
}

/**
 * A running CA. It keeps its data in memory, so a restart brings new roots and no accounts. Then a
 * client gets `accountDoesNotExist` and registers its key anew; an earlier certificate verifies
 * against the old root only, and ARI and `replaces` for it answer with an error. Read
 * `issuerRoots()` again after each start.
 */
export interface Ca {
  pebble: Pebble;
  directoryUrl: string;
  managementUrl: string;
  /** PEM root that signs the HTTPS of both URLs. It does not sign certificates. */
  tlsRoot: string;
  /** PEM roots of the issued certificates, new at each start. */
  issuerRoots(): Promise<string>;
  /** The number of ACME requests since this start, from its log. */
  requests(): Promise<number>;
  stop(): Promise<void>;
}

/**
 * Let's Encrypt's profiles with their lifetimes (documentation of July 2026), and one short enough
 * to watch a renewal.
 */
export const PROFILES = {
  classic: { description: '90 days', validityPeriod: 7_776_000 },
  tlsserver: { description: '45 days', validityPeriod: 3_888_000 },
  shortlived: { description: '160 hours', validityPeriod: 576_000 },
  fiveminutes: { description: '5 minutes, to watch a renewal', validityPeriod: 300 },
};

/**
 * Pebble answers /dir within 0.1 s when it makes ECDSA keys. An older Pebble makes RSA keys, which
 * takes up to some seconds.
 */
const START_DEADLINE_MS = 30_000;

/**
 * Starts Pebble on 127.0.0.1 alone, because the management port gives out CA keys. Unless
 * `outlivesUs` is true, Pebble ends with this process, also if the process is killed.
 */
export async function startPebble(settings: CaRequest): Promise<Ca> {
  const { directory, report } = settings;
  await mkdir(directory, { recursive: true });
  const pebble = await ensurePebble({ report });
  const tls = await ensureTlsRoot(directory);
  const logFile = join(directory, 'pebble.log');
  const logStart = existsSync(logFile) ? (await stat(logFile)).size : 0;
  const readLog = async () => (await readFile(logFile)).subarray(logStart).toString();

  const found = settings.outlivesUs ? await runningPebble(settings, tls.root) : undefined;
  const ports = found ?? (await spawnPebble(settings, pebble, tls.root, readLog));
  const { directoryUrl, managementUrl } = urls(ports);
  // Our own requests to /dir during the start do not count as a client's.
  const before = countRequests(await readLog());
  report(`Pebble ${pebble.version} ${found ? 'was not ended and still answers' : 'answers'} at ${directoryUrl}`);
  return {
    pebble,
    directoryUrl,
    managementUrl,
    tlsRoot: tls.root,
    issuerRoots: () => get(`${managementUrl}/roots/0`, { ca: tls.root }),
    requests: async () => countRequests(await readLog()) - before,
    stop: () => stopPebble(directory),
  };
}

/** Ends the CA of this folder, no matter which process started it. Its data is lost. */
export async function stopPebble(directory: string): Promise<void> {
  const pid = recordedProcess(pidFile(directory));
  // On SIGTERM, Pebble waits for connections that clients keep open. It has nothing to save.
  if (pid !== undefined) await endProcess(pid, 'SIGKILL', 0);
}

/**
 * The ports of a CA that a killed process left running. A CA with another resolver is of no use and
 * is ended.
 */
async function runningPebble({ directory, resolver }: CaRequest, tlsRoot: string): Promise<Ports | undefined> {
  const pid = recordedProcess(pidFile(directory));
  if (pid === undefined) return undefined;
  const ports = JSON.parse(await readFile(join(directory, 'ports.json'), 'utf8')) as Ports;
  const asks = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').includes(resolver);
  if (asks && (await get(urls(ports).directoryUrl, { ca: tlsRoot }).catch(() => undefined)) !== undefined) return ports;
  await stopPebble(directory);
  return undefined;
}

async function spawnPebble(
  settings: CaRequest,
  pebble: Pebble,
  tlsRoot: string,
  readLog: () => Promise<string>,
): Promise<Ports> {
  const { directory, resolver, outlivesUs = false, noSleep, reusesAuthorizations: reuse } = settings;
  const ports = await choosePorts(join(directory, 'ports.json'));
  await writeFile(join(directory, 'pebble.json'), JSON.stringify(configuration(settings, ports), undefined, 2));
  const log = openSync(join(directory, 'pebble.log'), 'a');
  const command = [pebble.path, '-config', 'pebble.json', '-dnsserver', resolver];
  const [program, ...rest] = outlivesUs ? command : ['setpriv', '--pdeathsig', 'KILL', ...command];
  const child = spawn(program!, rest, {
    cwd: directory,
    stdio: ['ignore', log, log],
    env: { ...(noSleep && { PEBBLE_VA_NOSLEEP: '1' }), ...(reuse !== undefined && { PEBBLE_AUTHZREUSE: `${reuse}` }) },
    detached: true,
  });
  closeSync(log);
  await once(child, 'spawn');
  recordProcess(pidFile(directory), child.pid!);
  if (outlivesUs) child.unref();
  const { directoryUrl } = urls(ports);
  for (
    const deadline = Date.now() + START_DEADLINE_MS;
    (await get(directoryUrl, { ca: tlsRoot }).catch(() => undefined)) === undefined;
  ) {
    if (child.exitCode === null && child.signalCode === null && Date.now() < deadline) await sleep(25);
    else {
      child.kill('SIGKILL');
      throw new Error(`Pebble ${pebble.version} did not start: ${(await readLog()).slice(-500)}`);
    }
  }
  return ports;
}

const pidFile = (directory: string) => join(directory, 'pebble.pid');

const urls = ({ acme, management }: Ports) => ({
  directoryUrl: `https://127.0.0.1:${acme}/dir`,
  managementUrl: `https://127.0.0.1:${management}`,
});

interface Ports {
  acme: number;
  management: number;
}

function configuration(settings: CaRequest, ports: Ports): object {
  return {
    pebble: {
      listenAddress: `127.0.0.1:${ports.acme}`,
      managementListenAddress: `127.0.0.1:${ports.management}`,
      certificate: 'tls.pem',
      privateKey: 'tls.key',
      httpPort: 5002,
      tlsPort: 5001,
      externalAccountBindingRequired: settings.externalAccountBinding !== undefined,
      externalAccountMACKeys: settings.externalAccountBinding ?? {},
      retryAfter: { authz: 3, order: 1 },
      keyAlgorithm: 'ecdsa',
      profiles: settings.profiles ?? PROFILES,
    },
  };
}

/**
 * The ACME server logs one such line for each request. The lines of the management interface differ
 * in their paths.
 */
function countRequests(log: string): number {
  const paths = log.matchAll(/ (?:GET|HEAD|POST) (\/\S*) -> calling handler/g);
  return [...paths].filter(
    ([, path]) =>
      !/^\/(roots|intermediates|root-keys|intermediate-keys|cert-status-by-serial|set-renewal-info)\b/.test(path!),
  ).length;
}

/**
 * The ports of the last start if they are free: the directory's URL is a setting of the stack and
 * stays the same.
 */
async function choosePorts(file: string): Promise<Ports> {
  const last = existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as Ports) : { acme: 0, management: 0 };
  const ports = { acme: await freePort(last.acme), management: await freePort(last.management) };
  await writeFile(file, JSON.stringify(ports));
  return ports;
}

function get(url: string, { ca }: { ca: string }): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'User-Agent': 'sealpost-local' }; // Pebble refuses a request without one, as RFC 8555 §6.1 asks
    const sent = request(url, { ca, headers, agent: false, timeout: 5000 }, response => {
      let body = '';
      response.setEncoding('utf8').on('data', text => (body += text));
      response.on('end', () =>
        response.statusCode === 200 ? resolve(body) : reject(new Error(`${url}: HTTP ${response.statusCode}`)),
      );
    });
    sent.on('timeout', () => sent.destroy(new Error(`${url}: no answer within 5 s`)));
    sent.on('error', reject).end();
  });
}
