/**
 * Packages of Debian that a test or a visitor uses: unpacked into the cache with their
 * dependencies. Nothing is installed.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory } from '../machine/debian.ts';
import { mustRun } from '../machine/program.ts';

/** A program to run, and the variables that its environment needs. */
export interface Tool {
  command: string[];
  environment: Record<string, string>;
}

/**
 * Unpacks what apt would install for these packages beside what the machine has. A download is
 * announced.
 * @returns the folder that stands for `/`
 * @throws Error if apt does not know a package
 */
export async function unpacked(packages: string[], report: (line: string) => void): Promise<string> {
  const folder = join(cacheDirectory(), packages[0]!);
  if (existsSync(folder)) return folder;
  report(`Fetching Debian's ${packages.join(' and ')} into ${folder} …`);
  await mkdir(cacheDirectory(), { recursive: true });
  const scratch = await mkdtemp(`${folder}-`);
  try {
    const plan = await mustRun(['apt-get', 'install', '--simulate', '--no-install-recommends', ...packages]);
    const missing = [...plan.matchAll(/^Inst (\S+)/gm)].map(([, name]) => name!);
    const inScratch = ['env', '-C', scratch];
    await mustRun([...inScratch, 'apt-get', '-q', '-o', 'APT::Sandbox::User=root', 'download', ...missing]);
    for (const file of await readdir(scratch))
      if (file.endsWith('.deb')) await mustRun([...inScratch, 'dpkg-deb', '-x', file, 'unpacked']);
    await rename(join(scratch, 'unpacked'), folder).catch(error => {
      if (!existsSync(folder)) throw error; // else another process was first, with the same files
    });
    return folder;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
