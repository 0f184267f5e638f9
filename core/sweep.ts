/** The sweep: one index finds everything whose time has come. Events save time; this is the guarantee. */
import { createHash } from 'node:crypto';
import type { Clock } from './clock.ts';
import { look } from './domain/look.ts';
import type { Commands, Executions } from './ports.ts';
import { resume } from './server/send.ts';
import { isAwake } from './server/server.ts';
import { wakeServers } from './server/wake.ts';
import type { Store } from './store.ts';

export interface SweepPorts {
  store: Store;
  commands: Commands;
  executions: Executions;
  clock: Clock;
}

/** How many are handed out in one minute: well under the 150 StartExecution a second of the smaller regions. */
const LIMIT = 500;
/** A look that came to nothing may be repeated after this. */
const WINDOW_MS = 600_000;

export async function sweep(ports: SweepPorts): Promise<{ domains: number; servers: number; resumed: number }> {
  const now = ports.clock.now();
  const due = await ports.store.due(now, LIMIT);
  const domains = due.filter(item => item.kind === 'domain');
  const servers = due.filter(item => item.kind === 'server').map(item => item.name);
  for (const { name, dueAt } of domains)
    await look(name, ports, `due-${digest(`${name} ${dueAt} ${Math.floor(now / WINDOW_MS)}`)}`);
  let resumed = 0;
  for (const server of servers) if (await resumeCommand(server, ports)) resumed++;
  const woken = await wakeServers(servers, ports);
  return { domains: domains.length, servers: woken.length, resumed };
}

/** SSM's events are best effort: a command that has ended without one is found here. */
async function resumeCommand(name: string, ports: SweepPorts): Promise<boolean> {
  const server = await ports.store.readServer(name);
  if (!server?.delivery?.commandId || !isAwake(server, ports.clock.now())) return false;
  return resume(server.delivery.hash, server.delivery.commandId, server.node, ports);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 40);
}
