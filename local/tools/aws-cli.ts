/** Debian's `aws`: the machine's own, or unpacked into the cache. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { unpacked, type Tool } from './unpacked.ts';

/**
 * The first call takes half a minute and downloads some 20 MB.
 * @throws Error if apt knows no awscli
 */
export async function ensureAwsCli(report: (line: string) => void): Promise<Tool> {
  if (existsSync('/usr/bin/aws')) return { command: ['/usr/bin/aws'], environment: {} };
  const folder = await unpacked(['awscli'], report);
  const python = ['/usr/bin/python3', join(folder, 'usr/bin/python3')].find(file => existsSync(file));
  if (!python) throw new Error("there is no python3 for Debian's awscli");
  return {
    command: [python, join(folder, 'usr/bin/aws')],
    environment: { PYTHONPATH: join(folder, 'usr/lib/python3/dist-packages') },
  };
}
