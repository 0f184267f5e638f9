// `npm start` and `npm test` run this file first, with the machine's own Node and nothing installed
// yet. It installs the packages of package-lock.json and runs the rest under the Node version of
// the functions, which is one of these packages. It is therefore plain JavaScript and imports no
// file of ours.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const checkout = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(checkout, 'node_modules');
const stamp = join(modules, '.sealpost-installed');
const node = join(modules, '.bin', 'node');

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(join(checkout, 'package-lock.json')))
    .digest('hex');
}

async function installPackages() {
  const wanted = lockHash();
  if (existsSync(node) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  // In a worktree, node_modules may be a link to another checkout's. `npm ci` would empty the
  // folder behind it.
  if (lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink()) return;
  console.log(
    'Installing the npm packages of package-lock.json into node_modules (600 MB, Node 24 among them; about a minute)',
  );
  const started = Date.now();
  const progress = setInterval(
    () => console.log(`  … still installing, ${Math.round((Date.now() - started) / 1000)} s`),
    10_000,
  );
  const code = await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], 'inherit');
  clearInterval(progress);
  if (code !== 0) {
    console.error(
      `npm ci ended with exit code ${code}: the packages are not there. Is the npm registry reachable (npm ping)?`,
    );
    process.exit(code);
  }
  if (!existsSync(node)) {
    console.error(
      `There is no Node 24 for ${process.platform} ${process.arch} among the packages; linux on x64 or arm64 is needed.`,
    );
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
  console.log(`  installed in ${Math.round((Date.now() - started) / 1000)} s`);
}

/**
 * A signal for this process is passed to the child. The child ends in its own time, and this
 * process ends with it.
 */
function run(command, args, stdio) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: checkout, stdio });
    const forward = signal => child.kill(signal);
    process.on('SIGINT', forward).on('SIGTERM', forward);
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      process.off('SIGINT', forward).off('SIGTERM', forward);
      resolve(code ?? (signal ? 1 : 0));
    });
  });
}

await installPackages();
process.exitCode = await run(node, ['--disable-warning=ExperimentalWarning', ...process.argv.slice(2)], 'inherit');
