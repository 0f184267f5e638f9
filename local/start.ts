/**
 * `npm start`: the main job on one machine, from nothing to certificates seen over TLS. `--stay`
 * does it on the provider of `npm run local -- up` and leaves that provider up. `--drill` runs the
 * revocation drill instead, on a provider of its own.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SFNClient } from '@aws-sdk/client-sfn';
import { renewBy } from '../aws/renewals.ts';
import { openScreen } from '../bin/screen.ts';
import { accessTo } from './provider/access.ts';
import { PROVIDER_DIRECTORY, startDetached } from './detached.ts';
import { drill } from './drill.ts';
import { handshake } from './clients/handshake.ts';
import { USUAL, type Kind } from './hosts/software.ts';
import { prepare, reporter } from './prepare.ts';
import { follow } from './progress.ts';
import { STACK, startProvider, type Provider, type ProviderAccess } from './provider/provider.ts';
import {
  addMailServer,
  delegateDomain,
  hostZone,
  putEvent,
  registerMailServer,
  storeOf,
  until,
  untilInstalled,
} from './provider/panel.ts';
import { checkConnections, connections, connectionsUnder, table, verdict, type Row } from './table.ts';

const checkout = join(import.meta.dirname, '..');
const state = join(checkout, '.local');
const screen = openScreen(process.stdout, process.env);
const report = reporter(screen.print);

/**
 * Debian 12 with Dovecot 2.3, Debian 13 with Dovecot 2.4, and Courier, whose domains are served
 * under its host name.
 */
const KINDS = {
  mx1: USUAL,
  mx2: { ...USUAL, release: 'trixie' },
  mx3: { ...USUAL, software: ['courier', 'nginx'] },
} satisfies Record<string, Kind>;

/** A provider that stays already has this server. */
async function ensureMailServer(
  provider: ProviderAccess,
  name: keyof typeof KINDS,
): Promise<{ hostName: string; address: string }> {
  const known = provider.hosts.get(name);
  if (known && (await storeOf(provider).installed({ server: known.hostName, domain: known.hostName }))) return known;
  const { release, software } = KINDS[name];
  report(
    `A mail server as a provider has it: Debian's ${release} with ${software.join(', ')}, with a self-signed certificate`,
  );
  const server = await addMailServer(provider, name, KINDS[name]);
  report(`Event: Mail Server Registered (${server.hostName})`);
  await registerMailServer(provider, name);
  report(`${server.hostName} is secured under its own name`);
  return server;
}

async function mainJob(provider: ProviderAccess): Promise<Row[]> {
  const store = storeOf(provider);
  const [mx1, mx2, mx3] = await Promise.all([
    ensureMailServer(provider, 'mx1'),
    ensureMailServer(provider, 'mx2'),
    ensureMailServer(provider, 'mx3'),
  ]);

  await delegateDomain(provider, { domain: 'bakery.test', address: mx1.address });
  await hostZone(provider, { domain: 'florist.test', address: mx2.address });
  await delegateDomain(provider, { domain: 'potter.test', address: mx3.address, mx: mx3.hostName });
  report(
    'Event: Domain Created, three times (bakery.test: wildcard, its zone elsewhere; florist.test: a list of names, its zone in Route 53; potter.test: on Courier)',
  );
  await Promise.all([
    putEvent(provider, 'Domain Created', { domain: 'bakery.test', mailServers: [mx1.hostName] }),
    putEvent(provider, 'Domain Created', {
      domain: 'florist.test',
      mailServers: [mx2.hostName],
      policy: 'list',
      names: ['mail', 'webmail'],
    }),
    putEvent(provider, 'Domain Created', { domain: 'potter.test', mailServers: [mx3.hostName] }),
  ]);
  await Promise.all([
    untilInstalled(store, { domain: 'bakery.test', server: mx1.hostName }),
    untilInstalled(store, { domain: 'florist.test', server: mx2.hostName }),
    untilInstalled(store, { domain: 'potter.test', server: mx3.hostName }),
  ]);
  await renewal(provider, 'bakery.test', mx1);
  report(
    `potter.test: mail is served under ${mx3.hostName}, its webmail by its own name; sealpost settings potter.test says what to type`,
  );
  report('Looking at every connection, as a customer’s program would: by name, trusting the CA’s root alone');
  return checkConnections(provider, [
    ...connections(mx1.hostName, ['bakery.test']),
    ...connections(mx2.hostName, ['florist.test']),
    ...connections(mx3.hostName, []),
    ...connectionsUnder((await store.readDomain('potter.test'))!),
  ]);
}

/** One domain is renewed because a person asks. The other domains renew when their time comes. */
async function renewal(
  provider: ProviderAccess,
  domain: string,
  { hostName, address }: { hostName: string; address: string },
): Promise<void> {
  const served = async () => {
    const { fingerprint } = await handshake({ address, port: 993, name: `mail.${domain}`, roots: provider.roots });
    return fingerprint;
  };
  const before = await served();
  report(`Command: sealpost renew ${domain}`);
  await renewBy(new LambdaClient(provider.client()), STACK, { domain });
  await until(`another certificate of ${domain} installed`, 120, async () => {
    const installed = await storeOf(provider).installed({ server: hostName, domain });
    return installed?.fingerprint !== before;
  });
  const after = await served();
  if (after === before) throw new Error(`${domain} is served with the certificate that it had`);
  report(`${domain} is served with a new certificate: ${before!.slice(0, 16)}… → ${after!.slice(0, 16)}…`);
}

/**
 * Shows the road while it is walked, then the table.
 * @returns the exit code
 */
async function walk(provider: ProviderAccess): Promise<number> {
  const unfollow = follow(new SFNClient(provider.client()), report, screen);
  try {
    const rows = await mainJob(provider);
    await unfollow();
    console.log(`\n${table(rows)}\n`);
    const { lines, exitCode } = verdict(rows);
    lines.forEach(line => report(line));
    return exitCode;
  } finally {
    await unfollow();
  }
}

/**
 * A run begins without the data of the last run. Two runs at once would remove each other's folder.
 */
function takeDirectory(directory: string): void {
  const pidFile = join(directory, 'pid');
  const other = contentOf(pidFile);
  if (other && contentOf(`/proc/${other}/cmdline`).includes('local/start.ts'))
    throw new Error(`another npm start runs in this checkout (process ${other}); wait for it, or use another clone`);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(pidFile, String(process.pid));
}

/** Empty if there is no such file. */
function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

async function onItsOwn(walk: (provider: Provider) => Promise<number>, kinds: Kind[]): Promise<number> {
  const cdkOut = await prepare(state, report, kinds);
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

/** @returns the exit code */
async function walkDrill(provider: Provider): Promise<number> {
  // Twenty roads at once are shown on a screen, or not at all.
  const unfollow = screen.live ? follow(new SFNClient(provider.client()), report, screen) : async () => {};
  try {
    const { text, troubles } = await drill(provider, { domains: 20, servers: ['mx1', 'mx2'], report });
    await unfollow();
    console.log(`\n${text}\n`);
    for (const trouble of troubles) console.log(trouble);
    report(troubles.length > 0 ? 'The drill has failed' : 'The drill has gone well: all re-keyed, nobody disturbed');
    return troubles.length > 0 ? 1 : 0;
  } finally {
    await unfollow();
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
  if (more.length > 0 || (option !== undefined && !['--stay', '--drill'].includes(option))) {
    console.error('npm start [-- --stay | --drill]');
    return 2;
  }
  report(
    'sealpost, without an AWS account: what is installed goes into node_modules and the cache, the run lies in .local',
  );
  if (option === '--stay') return staying();
  return option === '--drill' ? onItsOwn(walkDrill, [USUAL]) : onItsOwn(walk, Object.values(KINDS));
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  report(`It did not work: ${(error as Error).message}`);
  report('What each part logged is in .local/run (with --stay .local/provider) until the next start');
  process.exitCode = 1;
}
