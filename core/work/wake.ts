/** Waking a server: by whoever committed work, not by an event. */
import type { Clock } from '../clock.ts';
import { WAKE_MS } from '../ports/lease.ts';
import type { Store } from '../ports/store.ts';
import { deliveryExecutionName, type ServerRecord } from '../record/server.ts';
import type { Executions } from '../ports/executions.ts';

/**
 * Starts a delivery for each server that is free and has something to do. Killed between claim and start, the step's
 * next try starts what was woken, and else the sweep wakes anew, up to two minutes later.
 * @returns the servers that were woken here
 */
export async function wakeServers(
  servers: string[],
  { store, executions, clock }: { store: Store; executions: Executions; clock: Clock },
): Promise<string[]> {
  const woken: string[] = [];
  for (const server of servers) {
    const name = await store.wakeServer(server, clock.now());
    if (name) woken.push(server);
    const record = name ? undefined : await store.readServer(server);
    const toStart = name ?? (record && isYetToBegin(record, clock.now()) ? record.owner : undefined);
    // Of one name there is one execution, however often it is started.
    if (toStart) await executions.start('deliver-to-server', toStart, { server });
  }
  return woken;
}

/** It was woken, and the execution has neither renewed the claim nor begun a delivery. */
function isYetToBegin({ server, seq, owner, leaseUntil = 0 }: ServerRecord, now: number): boolean {
  return owner === deliveryExecutionName(server, seq) && now <= leaseUntil && leaseUntil <= now + WAKE_MS;
}
