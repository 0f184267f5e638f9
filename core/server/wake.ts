/** Waking a server: by whoever committed work, not by an event. */
import type { Clock } from '../clock.ts';
import type { Executions } from '../ports.ts';
import type { Store } from '../store.ts';

/** Starts a delivery for each server that is free and has something to do; killed in between, the sweep does it. */
export async function wakeServers(
  servers: string[],
  { store, executions, clock }: { store: Store; executions: Executions; clock: Clock },
): Promise<string[]> {
  const woken: string[] = [];
  for (const server of servers) {
    const name = await store.wakeServer(server, clock.now());
    if (!name) continue;
    await executions.start('deliver-to-server', name, { server });
    woken.push(server);
  }
  return woken;
}
