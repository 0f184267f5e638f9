#!/usr/bin/env node
// `npx sealpost` runs this file with the machine's own Node. The command line needs the Node that
// the functions are deployed with, which is one of the installed packages. So this file is plain
// JavaScript, and imports nothing of ours.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const node = join(dirname(here), 'node_modules', '.bin', 'node');

if (!existsSync(node)) {
  console.error('The packages of sealpost are not installed yet: npm ci');
  process.exit(3);
}
const child = spawn(node, [join(here, 'sealpost.ts'), ...process.argv.slice(2)], { stdio: 'inherit' });
// Ctrl-C reaches both processes. This one waits for the end of the child.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal ? 1 : 0);
});
