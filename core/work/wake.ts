/**
 * Starts deliver-to-server for servers that have work. The step that committed the work wakes its
 * servers.
 */
import type { Clock } from '../clock.ts';
import type { Executions } from '../ports/executions.ts';
import { WAKE_MS } from '../ports/lease.ts';
import type { ServerStore } from '../ports/server-store.ts';
import { deliveryExecutionName, type ServerRecord } from '../record/server.ts';

/**
 * Starts a delivery for each server that is free and has something to do. A step that is killed
 * after a claim and before its start is retried and starts what it claimed; else the sweep wakes
 * the server, up to two minutes later.
 * @returns the servers that were woken here
 */
export async function wakeServers(
  servers: string[],
  {
    store,
    executions,
    clock,
  }: { store: Pick<ServerStore, 'wakeServer' | 'readServer'>; executions: Executions; clock: Clock },
): Promise<string[]> {
  const woken: string[] = [];
  for (const server of servers) {
    const name = await store.wakeServer(server, clock.now());
    if (name) woken.push(server);
    const record = name ? undefined : await store.readServer(server);
    const toStart = name ?? (record && isYetToBegin(record, clock.now()) ? record.owner : undefined);
    // Step Functions keeps one execution for one name, so a second start does no harm.
    if (toStart) await executions.start('deliver-to-server', toStart, { server });
  }
  return woken;
}

/** The server was woken, and its execution has neither renewed the claim nor begun a delivery. */
function isYetToBegin({ server, seq, owner, leaseUntil = 0 }: ServerRecord, now: number): boolean {
  return owner === deliveryExecutionName(server, seq) && now <= leaseUntil && leaseUntil <= now + WAKE_MS;
}
