#!/usr/bin/env node
// The command `sealpost`. The package has the command line as JavaScript for every Node from 20 on.
// The repository has its source, which needs the Node that the functions are deployed with: one of
// the installed packages. So this file is plain JavaScript, and imports nothing of ours before it
// knows where it is.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, 'sealpost.ts');

if (existsSync(source)) runSource(join(dirname(here), 'node_modules', '.bin', 'node'));
else await import(new URL('../dist/package/bin/sealpost.js', import.meta.url).href);

function runSource(node) {
  if (!existsSync(node)) {
    console.error('The packages of sealpost are not installed yet: npm ci');
    process.exit(3);
  }
  const child = spawn(node, [source, ...process.argv.slice(2)], { stdio: 'inherit' });
  // Ctrl-C reaches both processes. This one waits for the end of the child.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal ? 1 : 0);
  });
}
