/** A clone of this checkout that has its packages and its synthesised stack already. */
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { checkout, files } from '../house/sources.ts';
import { stack } from './provider.ts';

export async function cloneInto(clone: string): Promise<void> {
  for (const file of files) cpSync(join(checkout, file), join(clone, file));
  mkdirSync(join(clone, 'node_modules'));
  for (const entry of readdirSync(join(checkout, 'node_modules')))
    symlinkSync(join(checkout, 'node_modules', entry), join(clone, 'node_modules', entry));
  const cdkOut = await stack();
  cpSync(cdkOut, join(clone, '.local', basename(cdkOut)), { recursive: true });
}
