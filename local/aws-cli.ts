/** Debian's `aws`: the machine's own, or unpacked into the cache with what it needs; nothing is installed. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory } from './debian.ts';
import { mustRun } from './program.ts';

export interface AwsCli {
  command: string[];
  environment: Record<string, string>;
}

/** Half a minute the first time, some 20 MB of downloads. Throws where apt knows no awscli. */
export async function ensureAwsCli({ report }: { report: (line: string) => void }): Promise<AwsCli> {
  if (existsSync('/usr/bin/aws')) return { command: ['/usr/bin/aws'], environment: {} };
  const folder = join(cacheDirectory(), 'awscli');
  if (!existsSync(folder)) {
    report(`Fetching Debian's awscli into ${folder} …`);
    await unpack(folder);
  }
  const python = ['/usr/bin/python3', join(folder, 'usr/bin/python3')].find(file => existsSync(file));
  if (!python) throw new Error("there is no python3 for Debian's awscli");
  return {
    command: [python, join(folder, 'usr/bin/aws')],
    environment: { PYTHONPATH: join(folder, 'usr/lib/python3/dist-packages') },
  };
}

/** What apt would install here, and no more: it is unpacked beside what the machine has. */
async function unpack(folder: string): Promise<void> {
  await mkdir(cacheDirectory(), { recursive: true });
  const scratch = await mkdtemp(`${folder}-`);
  try {
    const plan = await mustRun(['apt-get', 'install', '--simulate', '--no-install-recommends', 'awscli']);
    const packages = [...plan.matchAll(/^Inst (\S+)/gm)].map(([, name]) => name!);
    const inScratch = ['env', '-C', scratch];
    await mustRun([...inScratch, 'apt-get', '-q', '-o', 'APT::Sandbox::User=root', 'download', ...packages]);
    for (const file of await readdir(scratch))
      if (file.endsWith('.deb')) await mustRun([...inScratch, 'dpkg-deb', '-x', file, 'unpacked']);
    await rename(join(scratch, 'unpacked'), folder).catch(error => {
      if (!existsSync(folder)) throw error; // else another process was first, with the very same
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
