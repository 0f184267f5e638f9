/** A person wants to know now how it is with a server. */
import type { Clock } from '../clock.ts';
import type { OutsideStore } from '../ports/outside-store.ts';
import type { ServerStore } from '../ports/server-store.ts';
import { wakeServers } from '../work/wake.ts';
import type { Executions } from '../ports/executions.ts';

/** It is looked at from outside, too. @returns whether there is such a server */
export async function askAudit(
  server: string,
  ports: { store: OutsideStore & ServerStore; executions: Executions; clock: Clock },
): Promise<{ server: string; asked: boolean }> {
  const { store, clock } = ports;
  const now = clock.now();
  const asked = await store.askAudit(server, now);
  if (!asked) return { server, asked };
  const outside = (await store.outsides()).find(one => one.server === server);
  if (outside) await store.recordOutside({ ...outside, dueAt: now }, outside.dueAt);
  else await store.beginOutside(server, now);
  await wakeServers([server], ports);
  return { server, asked };
}
