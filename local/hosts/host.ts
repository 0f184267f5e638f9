/** A machine of the hosting provider: its own Debian in namespaces of this machine. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Node } from '../../packages/aws-stand-in/src/stand-in.ts';
import { runProgram } from '../machine/program.ts';
import { ensureBase, type BaseRequest } from './base.ts';
import { makeLink } from './network.ts';
import type { Kind } from './software.ts';
import { trustRoots } from './trust.ts';

export interface HostRequest extends BaseRequest {
  /** Short name, `mx1`. */
  name: string;
  /** The host's full name, `mx1.provider.test`. */
  hostName: string;
  /** The folder that keeps the host's own files while it is stopped. */
  directory: string;
  /**
   * PEM certificates that the host trusts in addition to Debian's. A provider with its own CA sets
   * up the same.
   */
  roots?: string;
  /** The address of its name server; by default this machine's end of the link. */
  resolver?: string;
}

export interface Host extends Node, Kind {
  name: string;
  hostName: string;
  /** IPv4, reachable from this machine. */
  address: string;
  /** The IPv4 address of this machine's end of the link: the host reaches the provider there. */
  gateway: string;
  /** The process id of its init on this machine. */
  pid: number;
  isRunning(): boolean;
  /** Replaces the certificates that the host trusts in addition to Debian's (PEM, any number). */
  trust(roots: string): Promise<void>;
  /** Asks every process to end, waits up to 2 s, then ends the host. Its files stay. */
  stop(): Promise<void>;
}

const INIT = join(import.meta.dirname, 'init.sh');
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Starts a host, new or with the files of its last run, in about a second. The host lives no longer
 * than this process: `kill -9` of this process ends the host's processes, mounts and network link
 * too.
 */
export async function startHost(request: HostRequest): Promise<Host> {
  const { name, hostName, directory, release, software, report } = request;
  await mkdir(directory, { recursive: true });
  const base = await baseOf(request);
  const console = openSync(join(directory, 'console.log'), 'a');
  const isolate =
    'setpriv --pdeathsig KILL unshare --mount --net --pid --uts --ipc --fork --kill-child --propagation private'.split(
      ' ',
    );
  const child = spawn(isolate[0]!, [...isolate.slice(1), 'sh', INIT, base, directory, hostName], {
    stdio: ['ignore', 'pipe', console],
    env: { PATH },
    detached: true, // a Ctrl-C at the provider is the provider's to handle, not the host's
  });
  closeSync(console);
  try {
    await untilMounted(child, { name, directory });
    const pid = await initPid(child.pid!);
    const link = await makeLink(directory, pid);
    const facts = { name, hostName, release, software, address: link.hostAddress, gateway: link.machineAddress, pid };
    const host = enter(facts, child);
    await host.write('/etc/resolv.conf', Buffer.from(`nameserver ${request.resolver ?? link.machineAddress}\n`), 0o644);
    if (request.roots !== undefined) await host.trust(request.roots);
    report(`Host ${name} (${hostName}) runs at ${host.address}`);
    return host;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

/** Removes the files of a stopped host. */
export async function removeHost(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
}

/** A host keeps the base that it was made on, because its own layer does not fit another base. */
async function baseOf({ directory, release, software, packages, report }: HostRequest): Promise<string> {
  const record = join(directory, 'base');
  const recorded = existsSync(record) ? (await readFile(record, 'utf8')).trim() : undefined;
  if (recorded && existsSync(recorded)) return recorded;
  if (recorded)
    throw new Error(`${directory} was made on ${recorded}, which is gone: remove the host and add it again`);
  const base = await ensureBase({ release, software, packages, report });
  await writeFile(record, `${base}\n`);
  return base;
}

async function untilMounted(
  child: ChildProcess,
  { name, directory }: Pick<HostRequest, 'name' | 'directory'>,
): Promise<void> {
  const lines = createInterface({ input: child.stdout! });
  const mounted = once(lines, 'line').then(([line]) => line === 'mounted');
  const ended = once(child, 'exit').then(() => false);
  if (await Promise.race([mounted, ended])) return;
  const console = await readFile(join(directory, 'console.log'), 'utf8');
  throw new Error(`host ${name} did not start: ${console.trim().slice(-500)}`);
}

/** `unshare --fork` has one child, the host's init. */
async function initPid(unsharePid: number): Promise<number> {
  const children = await readFile(`/proc/${unsharePid}/task/${unsharePid}/children`, 'utf8');
  return Number(children.trim());
}

/**
 * The command that runs a program inside a host, from the process id of its init on this machine.
 */
export function insideHost(pid: number): string[] {
  return ['nsenter', '-t', String(pid), '-m', '-u', '-i', '-n', '-p', 'env', '-C', '/root'];
}

/** The whole environment of a command in a host. */
export const HOST_ENVIRONMENT = { PATH, HOME: '/root', USER: 'root', LANG: 'C.UTF-8' };

type HostFacts = Pick<Host, 'name' | 'hostName' | 'release' | 'software' | 'address' | 'gateway' | 'pid'>;

function enter(facts: HostFacts, child: ChildProcess): Host {
  const host: Host = {
    ...facts,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    async run(command, options = {}) {
      if (!host.isRunning()) throw new Error(`host ${facts.name} is not running`);
      const environment = { ...HOST_ENVIRONMENT, ...options.environment };
      return runProgram([...insideHost(facts.pid), ...command], { ...options, environment });
    },
    async write(path, data, mode) {
      // The file is written beside and renamed, so that a reader never sees half of it.
      const script =
        'set -eu; umask 077; mkdir -p -m 755 "$1"; cat >"$2.new"; chmod "$3" "$2.new"; mv -fT "$2.new" "$2"';
      const written = await host.run(['sh', '-c', script, 'sh', dirname(path), path, mode.toString(8)], {
        input: data,
      });
      if (written.exitCode !== 0) throw new Error(`${facts.name}: ${path} was not written: ${written.stderr.trim()}`);
    },
    trust: roots => trustRoots(host, roots),
    async stop() {
      if (!host.isRunning()) return;
      const ended = once(child, 'exit');
      process.kill(facts.pid, 'SIGTERM');
      await ended;
    },
  };
  return host;
}
