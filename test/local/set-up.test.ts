/**
 * `local/set-up.mjs` runs before anything else: it installs the packages, then runs the program.
 */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkout } from '../house/sources.ts';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'sealpost-set-up-'))));
afterEach(() => rmSync(folder, { recursive: true }));

test('the packages of another checkout, reached through a link, are used and not emptied', async () => {
  const [other, mine] = [join(folder, 'other'), join(folder, 'mine')];
  mkdirSync(join(other, '.bin'), { recursive: true });
  mkdirSync(join(mine, 'local'), { recursive: true });
  symlinkSync(process.execPath, join(other, '.bin/node'));
  symlinkSync(other, join(mine, 'node_modules'));
  cpSync(join(checkout, 'local/set-up.mjs'), join(mine, 'local/set-up.mjs'));
  const named = { name: 'mine', version: '1.0.0' };
  const lock = { ...named, lockfileVersion: 3, packages: { '': named } };
  writeFileSync(join(mine, 'package.json'), JSON.stringify(named));
  writeFileSync(join(mine, 'package-lock.json'), JSON.stringify(lock));
  writeFileSync(join(mine, 'program.mjs'), "console.log('it ran');");

  const run = promisify(execFile)(process.execPath, [join(mine, 'local/set-up.mjs'), 'program.mjs'], { cwd: mine });
  expect((await run).stdout).toBe('it ran\n');
  expect(existsSync(join(other, '.bin/node'))).toBe(true);
});
