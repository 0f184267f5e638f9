/** The mirrors, settings and keyring of this machine's apt. The project names no mirror. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { mustRun, runProgram } from './program.ts';

export const DEBIAN_KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Downloads and base roots, shared by all checkouts of a user. */
export function cacheDirectory(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'sealpost');
}

export interface DebianMirror {
  archive: string;
  security: string;
}

/** The mirrors in apt's own sources; Debian's own name on a machine of another distribution. */
export async function debianMirror(): Promise<DebianMirror> {
  const listed = await runProgram([
    'apt-get',
    'indextargets',
    '--format',
    '$(ORIGIN)|$(RELEASE)|$(REPO_URI)',
    'Created-By: Packages',
  ]);
  const targets = listed.stdout.split('\n').map(line => line.split('|'));
  const find = (isSecurity: boolean) =>
    targets
      .find(([origin, release]) => origin === 'Debian' && release!.includes('security') === isSecurity)?.[2]
      ?.replace(/\/$/, '');
  return {
    archive: find(false) ?? 'http://deb.debian.org/debian',
    security: find(true) ?? 'http://deb.debian.org/debian-security',
  };
}

/**
 * The settings with which this machine's apt reaches its mirror (proxy, retries, clock checks), as
 * lines of apt configuration.
 */
export async function aptTransportSettings(): Promise<string[]> {
  const dump = await mustRun(['apt-config', 'dump', 'Acquire']);
  return dump
    .split('\n')
    .filter(line => /^Acquire::(https?|Retries|Check-Valid-Until|Check-Date)\b.* ".+";$/.test(line));
}

/** Those of `packages` that this machine lacks, by the file that each package brings. */
export function missingTools(packages: Record<string, string>): string[] {
  return Object.keys(packages).filter(name => !existsSync(packages[name]!));
}

/** Installs tools (never a daemon) on this machine, and announces it first. */
export async function installTools(packages: Record<string, string>, report: (line: string) => void): Promise<void> {
  const missing = missingTools(packages);
  if (missing.length === 0) return;
  report(`Installing on this machine with apt-get, tools only: ${missing.join(', ')}`);
  const environment = { ...(process.env as Record<string, string>), DEBIAN_FRONTEND: 'noninteractive' };
  const install = ['apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...missing];
  if ((await runProgram(install, { environment })).exitCode === 0) return;
  await mustRun(['apt-get', 'update', '-qq'], { environment }); // the package lists are too old for the file, or there are none yet
  await mustRun(install, { environment });
}
