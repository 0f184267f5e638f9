/** `npm start`: the main job on one machine, from nothing to certificates seen over TLS. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { SFNClient } from '@aws-sdk/client-sfn';
import { ensurePebble } from './ca/pebble.ts';
import { ensureBase } from './hosts/base.ts';
import { preflight } from './hosts/preflight.ts';
import { follow } from './progress.ts';
import { startProvider, type Provider } from './provider.ts';
import { addMailServer, delegateDomain, hostZone, putEvent, storeOf, untilInstalled } from './road.ts';
import { synthesise } from './synth.ts';
import { connections, lookAtAll, table, type Row } from './table.ts';

const checkout = join(import.meta.dirname, '..');
const state = join(checkout, '.local');
const started = Date.now();
const report = (line: string): void =>
  console.log(`${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s  ${line}`);

/** Brings what a first run lacks; a later one finds it in the cache. */
async function prepare(): Promise<string> {
  const lacks = await preflight();
  if (lacks.length > 0) throw new Error(`this machine cannot play a hosting provider:\n  ${lacks.join('\n  ')}`);
  const [cdkOut] = await Promise.all([
    synthesise(state, report),
    ensurePebble({ report }),
    ensureBase({ release: 'bookworm', report }),
  ]);
  return cdkOut;
}

async function mainJob(provider: Provider): Promise<Row[]> {
  const store = storeOf(provider);
  report(
    'A mail server as a provider has it: Postfix, Dovecot and webmail behind nginx, with a self-signed certificate',
  );
  const mx1 = await addMailServer(provider, 'mx1');
  report(`Event: Mail Server Registered (${mx1.hostName})`);
  await putEvent(provider, 'Mail Server Registered', {
    server: mx1.hostName,
    node: provider.hosts.get('mx1')!.nodeId,
    adopt: true,
  });
  await untilInstalled(store, mx1.hostName, mx1.hostName);
  report(`${mx1.hostName} is secured under its own name`);

  delegateDomain(provider, 'bakery.test', mx1.address);
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

async function main(): Promise<number> {
  report(
    'sealpost, without an AWS account: what is installed goes into node_modules and the cache, the run lies in .local',
  );
  const cdkOut = await prepare();
  rmSync(join(state, 'run'), { recursive: true, force: true });
  const provider = await startProvider({ directory: join(state, 'run'), cdkOut, seed: checkout, report });
  const stop = () => provider.stop();
  const interrupted = () => void stop().finally(() => process.exit(130));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  const unfollow = follow(new SFNClient(provider.client()), report);
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
    await stop();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  report(`It did not work: ${(error as Error).message}`);
  report('What each part logged is in .local/run until the next start');
  process.exitCode = 1;
}
