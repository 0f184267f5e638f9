/** Starts and ends the provider that runs beside the command line. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stopPebble } from './ca/pebble.ts';
import { ask } from './provider/control.ts';
import { linkIsGone } from './hosts/network.ts';
import { endProcess, recordedProcess } from './machine/process-record.ts';
import { ProviderRecord } from './provider/record.ts';

export interface ProviderState {
  pid: number;
  /** ISO 8601. */
  since: string;
  isReady: boolean;
}

const STATE = join(import.meta.dirname, '..', '.local');
/** The folder of this checkout's provider. */
export const PROVIDER_DIRECTORY = join(STATE, 'provider');
/** Hosts end within 2 s, open requests within 2 s more. A busy machine needs longer for both. */
const STOP_GRACE_MS = 20_000;

/** The state that the provider of this folder reports; undefined if none runs. */
export async function providerState(directory: string): Promise<ProviderState | undefined> {
  return ask<ProviderState>(directory, 'state').catch(() => undefined);
}

/**
 * Starts the provider, or resumes a killed one, and waits until it is ready. `show` receives its
 * reports.
 * @returns true if the provider had to be started
 * @throws Error if the provider does not become ready; its last lines were shown
 */
export async function startDetached(directory: string, show: (text: string) => void): Promise<boolean> {
  const already = await providerState(directory);
  if (already?.isReady) return false;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const logFile = join(directory, 'provider.log');
  let shown = existsSync(logFile) ? statSync(logFile).size : 0;
  const follow = () => {
    shown += copyFrom(logFile, shown, show);
  };
  let pid = already?.pid;
  if (pid === undefined) {
    const log = openSync(logFile, 'a', 0o600);
    const main = join(import.meta.dirname, 'provider-main.ts');
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, directory, STATE], {
      detached: true,
      stdio: ['ignore', log, log],
      cwd: join(STATE, '..'),
    });
    closeSync(log);
    await once(child, 'spawn');
    child.unref();
    pid = child.pid!;
  }
  for (;;) {
    const state = await providerState(directory);
    follow();
    if (state?.isReady) return already === undefined;
    if (!isAlive(pid)) break;
    await sleep(150);
  }
  follow();
  throw new Error(`the local provider did not come up; its log is ${logFile}`);
}

/**
 * Ends the provider and removes every trace of it: processes, hosts with their mounts and links,
 * the CA, the folder.
 */
export async function endDetached(directory: string): Promise<void> {
  const running = recordedProcess(join(directory, 'provider.pid')) ?? (await providerState(directory))?.pid;
  if (running !== undefined) await endProcess(running, 'SIGTERM', STOP_GRACE_MS);
  await stopPebble(join(directory, 'ca'));
  const { hosts } = new ProviderRecord(join(directory, 'provider.json')).now;
  for (const { gateway } of Object.values(hosts)) if (gateway) await linkIsGone(gateway);
  rmSync(directory, { recursive: true, force: true });
}

/** Node has reaped our own child before this is called, so a zombie does not count as alive. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** @returns the number of bytes that were copied */
function copyFrom(file: string, from: number, show: (text: string) => void): number {
  const descriptor = openSync(file, 'r');
  const chunk = Buffer.alloc(65_536);
  const length = readSync(descriptor, chunk, 0, chunk.length, from);
  closeSync(descriptor);
  if (length > 0) show(chunk.toString('utf8', 0, length));
  return length;
}
