/**
 * Downloads Pebble from Debian's archive. apt verifies its signatures, the package is unpacked into
 * the cache, and nothing is installed.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory, DEBIAN_KEYRING, debianMirror, installTools } from '../machine/debian.ts';
import { mustRun, runProgram } from '../machine/program.ts';

export interface Pebble {
  /** The path of the binary. */
  path: string;
  /** Debian's version, `2.10.0+ds1-2`. Pebble itself only says "dev". */
  version: string;
  supports: {
    /** True from 2.8: RFC 9773 in its published form. */
    ari: boolean;
    /** True from 2.8: profiles with their own validity. */
    profiles: boolean;
  };
}

/**
 * The suites with a Pebble that is new enough, the newest first. After them comes this machine's
 * own release.
 */
const SUITES = ['sid', 'forky'];

/**
 * Returns the newest Pebble of at least 2.8 from the cache or from Debian's sid or forky. If
 * neither has one, returns an older Pebble of this machine's own release.
 * @throws Error when Debian's mirror has none and the cache is empty
 */
export async function ensurePebble({ report }: { report: (line: string) => void }): Promise<Pebble> {
  const folder = join(cacheDirectory(), 'pebble');
  await mkdir(folder, { recursive: true });
  const cached = await newestCached(folder);
  if (cached?.supports.profiles) return cached;

  await installTools({ 'debian-archive-keyring': DEBIAN_KEYRING }, report);
  const failures: string[] = [];
  for (const suite of [...SUITES, undefined]) {
    report(`Fetching Pebble from Debian ${suite ?? '(this release)'} into ${folder} …`);
    try {
      return await download(folder, suite);
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  if (cached) return cached;
  throw new Error(`Pebble could not be fetched from Debian:\n${failures.join('\n')}`);
}

async function newestCached(folder: string): Promise<Pebble | undefined> {
  const found = (await readdir(folder))
    .map(version => describe({ folder, version }))
    .filter(pebble => existsSync(pebble.path));
  return found.sort((a, b) => release(b.version) - release(a.version))[0];
}

function describe({ folder, version }: { folder: string; version: string }): Pebble {
  const isCurrent = release(version) >= 2008;
  return { path: join(folder, version, 'usr/bin/pebble'), version, supports: { ari: isCurrent, profiles: isCurrent } };
}

/** 2.10.0+ds1-2 → 2010; 0 for anything else. */
function release(version: string): number {
  const [, major, minor] = /^(\d+)\.(\d+)\./.exec(version) ?? [];
  return Number(major ?? 0) * 1000 + Number(minor ?? 0);
}

/**
 * Downloads in a separate apt state whose only source is that suite. Without a suite, the machine's
 * own sources are used.
 */
async function download(folder: string, suite: string | undefined): Promise<Pebble> {
  const scratch = await mkdtemp(join(folder, '.download-'));
  try {
    const apt = ['-q', '-o', 'APT::Sandbox::User=root'];
    if (suite) {
      for (const part of [
        'etc/apt/sources.list.d',
        'etc/apt/preferences.d',
        'var/lib/apt/lists/partial',
        'var/cache/apt/archives/partial',
        'var/lib/dpkg',
      ])
        await mkdir(join(scratch, part), { recursive: true });
      await writeFile(join(scratch, 'var/lib/dpkg/status'), '');
      const { archive } = await debianMirror();
      await writeFile(
        join(scratch, 'etc/apt/sources.list'),
        `deb [signed-by=${DEBIAN_KEYRING}] ${archive} ${suite} main\n`,
      );
      apt.push('-o', `Dir=${scratch}`, '-o', `Dir::State::status=${scratch}/var/lib/dpkg/status`);
      await mustRun(['apt-get', ...apt, 'update'], { timeoutMs: 300_000 });
    }
    const inScratch = ['env', '-C', scratch];
    await mustRun([...inScratch, 'apt-get', ...apt, 'download', suite ? `pebble/${suite}` : 'pebble'], {
      timeoutMs: 300_000,
    });
    const file = (await readdir(scratch)).find(name => name.endsWith('.deb'))!;
    const version = (await mustRun(['dpkg-deb', '-f', join(scratch, file), 'Version'])).trim();
    await mustRun([...inScratch, 'dpkg-deb', '-x', file, 'unpacked']);
    const usable = await runProgram([join(scratch, 'unpacked/usr/bin/pebble'), '-h']);
    if (!/-dnsserver/.test(usable.stderr + usable.stdout))
      throw new Error(`pebble ${version} does not run here: ${usable.stderr.trim().slice(0, 300)}`);
    await rename(join(scratch, 'unpacked'), join(folder, version)).catch(error => {
      if (!existsSync(join(folder, version))) throw error; // else another process was first, with the same files
    });
    return describe({ folder, version });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
