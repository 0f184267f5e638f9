/**
 * The provider as a process of its own: `npm run local -- up` starts it, in a process group that
 * outlives the command.
 */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { serveControl } from './provider/control.ts';
import { addCustomerRecord, CUSTOMERS } from './provider/customer-records.ts';
import { credentialsOf, factsOf, writeCaFile } from './provider/facts.ts';
import type { Kind } from './hosts/software.ts';
import { prepare, reporter } from './prepare.ts';
import { startProvider, type Provider } from './provider/provider.ts';
import { recordProcess } from './machine/process-record.ts';
import { addMailServer, registerMailServer, storeOf } from './provider/panel.ts';

const [directory, state] = process.argv.slice(2) as [string, string];
const report = reporter();
const since = new Date().toISOString();
let running: Provider | undefined;
let caFile = '';
let isReady = false;

function provider(): Provider {
  if (!isReady) throw new Error('the local provider is still starting');
  return running!;
}

async function stop(): Promise<never> {
  report('Stopping');
  await running?.stop();
  process.exit(0);
}

const control = await serveControl(directory, {
  state: () => ({ pid: process.pid, since, isReady }),
  facts: () => factsOf(provider(), caFile),
  credentials: ({ who }: { who: string }) => credentialsOf(provider(), who),
  addHost: async ({ name, kind }: { name: string; kind?: Kind }) => void (await addMailServer(provider(), name, kind)),
  removeHost: ({ name }: { name: string }) => provider().removeHost(name),
  addRecord: (record: { name: string; type: string; values: string[] }) => addCustomerRecord(provider(), record),
  setCustomerZone: ({ name, records }: any) => provider().setCustomerZone(name, records),
  caRequests: () => provider().ca.requests(),
});
recordProcess(join(directory, 'provider.pid'), process.pid);
process.once('SIGINT', stop).once('SIGTERM', stop);

/**
 * The processes of functions use the synthesised code, and another command may synthesise anew and
 * remove it. The provider therefore keeps a copy.
 */
async function ownStack(): Promise<string> {
  const synthesised = await prepare(state, report);
  const own = join(directory, 'cdk.out');
  rmSync(own, { recursive: true, force: true });
  cpSync(synthesised, own, { recursive: true });
  return own;
}

/** Brings back the recorded hosts. The first time there is none, and mx1 is made. */
async function startHosts(started: Provider): Promise<void> {
  const names = new Set(['mx1', ...Object.keys(started.record.now.hosts)]);
  await Promise.all([...names].map(name => addMailServer(started, name)));
  const { hostName } = started.hosts.get('mx1')!;
  if (await storeOf(started).installed({ server: hostName, domain: hostName })) return;
  report(`Registering and adopting ${hostName}`);
  await registerMailServer(started, 'mx1');
  report(`${hostName} is secured under its own name`);
}

try {
  const cdkOut = await ownStack();
  running = await startProvider({ directory, cdkOut, seed: directory, report, caOutlives: true });
  if (!running.record.now.zones[CUSTOMERS]) await running.setCustomerZone(CUSTOMERS, []);
  caFile = writeCaFile(directory, running);
  await startHosts(running);
  isReady = true;
  report('The local provider is up');
} catch (error) {
  report(`It did not come up: ${(error as Error).stack}`);
  control.close();
  await running?.stop().catch(() => {});
  process.exit(1);
}
