/** `npm start`: the main job on one machine, from nothing to certificates seen over TLS. `--stay` does it on the provider of `npm run local -- up`, and leaves that up. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SFNClient } from '@aws-sdk/client-sfn';
import { openScreen } from '../bin/screen.ts';
import { accessTo } from './access.ts';
import { PROVIDER_DIRECTORY, startDetached } from './detached.ts';
import { prepare, reporter } from './prepare.ts';
import { follow } from './progress.ts';
import { startProvider, type ProviderAccess } from './provider.ts';
import {
  addMailServer,
  delegateDomain,
  hostZone,
  putEvent,
  registerMailServer,
  storeOf,
  untilInstalled,
} from './road.ts';
import { connections, lookAtAll, table, type Row } from './table.ts';

const checkout = join(import.meta.dirname, '..');
const state = join(checkout, '.local');
const screen = openScreen(process.stdout, process.env);
const report = reporter(screen.print);

/** A provider that stays has one already. */
async function ensureMailServer(provider: ProviderAccess): Promise<{ hostName: string; address: string }> {
  const known = provider.hosts.get('mx1');
  if (known) return known;
  report(
    'A mail server as a provider has it: Postfix, Dovecot and webmail behind nginx, with a self-signed certificate',
  );
  const mx1 = await addMailServer(provider, 'mx1');
  report(`Event: Mail Server Registered (${mx1.hostName})`);
  await registerMailServer(provider, 'mx1');
  report(`${mx1.hostName} is secured under its own name`);
  return mx1;
}

async function mainJob(provider: ProviderAccess): Promise<Row[]> {
  const store = storeOf(provider);
  const mx1 = await ensureMailServer(provider);

  await delegateDomain(provider, 'bakery.test', mx1.address);
  await hostZone(provider, 'florist.test', mx1.address);
  report(
    'Event: Domain Created, twice (bakery.test: wildcard, its zone elsewhere; florist.test: a list of names, its zone in Route 53)',
  );
  await Promise.all([
    putEvent(provider, 'Domain Created', { domain: 'bakery.test', mailServers: [mx1.hostName] }),
    putEvent(provider, 'Domain Created', {
      domain: 'florist.test',
      mailServers: [mx1.hostName],
      policy: 'list',
      names: ['mail', 'webmail'],
    }),
  ]);
  await Promise.all(['bakery.test', 'florist.test'].map(domain => untilInstalled(store, domain, mx1.hostName)));
  report('Looking at every connection, as a customer’s program would: by name, trusting the CA’s root alone');
  return lookAtAll(provider, connections(mx1.hostName, ['bakery.test', 'florist.test']));
}

/** Shows the road while it is walked, then the table. @returns the exit code */
async function walk(provider: ProviderAccess): Promise<number> {
  const unfollow = follow(new SFNClient(provider.client()), report, screen);
  try {
    const rows = await mainJob(provider);
    await unfollow();
    console.log(`\n${table(rows)}\n`);
    const bad = rows.filter(row => !row.seen.trusted);
    for (const { name, connection, seen } of bad) console.log(`NOT TRUSTED: ${name}, ${connection}: ${seen.reason}`);
    report(
      bad.length > 0
        ? `${bad.length} of ${rows.length} connections are not trusted`
        : `All ${rows.length} connections are trusted for the name that was typed`,
    );
    return bad.length > 0 ? 1 : 0;
  } finally {
    await unfollow();
  }
}

/** A run begins with nothing of the last one; two at once would take each other's directory away. */
function takeDirectory(directory: string): void {
  const pidFile = join(directory, 'pid');
  const other = readOr('', pidFile);
  if (other && readOr('', `/proc/${other}/cmdline`).includes('local/start.ts'))
    throw new Error(`another npm start runs in this checkout (process ${other}); wait for it, or use another clone`);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(pidFile, String(process.pid));
}

function readOr(otherwise: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}

async function onItsOwn(): Promise<number> {
  const cdkOut = await prepare(state, report);
  const directory = join(state, 'run');
  takeDirectory(directory);
  const provider = await startProvider({ directory, cdkOut, seed: checkout, report });
  const interrupted = () => void provider.stop().finally(() => process.exit(130));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    return await walk(provider);
  } finally {
    await provider.stop();
  }
}

async function staying(): Promise<number> {
  await startDetached(PROVIDER_DIRECTORY, text => process.stdout.write(text));
  const code = await walk(await accessTo(PROVIDER_DIRECTORY));
  console.log(`It stays up, for tools of your own:
  eval "$(npm run -s local -- env)"   for aws, dig, openssl, swaks …
  npm run local -- status             what runs where
  npm run local -- down               ends it and takes every trace away`);
  return code;
}

async function main([option, ...more]: string[]): Promise<number> {
  if (more.length > 0 || (option !== undefined && option !== '--stay')) {
    console.error('npm start [-- --stay]');
    return 2;
  }
  report(
    'sealpost, without an AWS account: what is installed goes into node_modules and the cache, the run lies in .local',
  );
  return option === '--stay' ? staying() : onItsOwn();
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  report(`It did not work: ${(error as Error).message}`);
  report('What each part logged is in .local/run (with --stay .local/provider) until the next start');
  process.exitCode = 1;
}
