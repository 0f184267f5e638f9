/** An audit of a server that a person or the outside check asks for. */
import type { Clock } from '../clock.ts';
import type { OutsideStore } from '../ports/outside-store.ts';
import type { ServerStore } from '../ports/server-store.ts';
import { wakeServers } from '../work/wake.ts';
import type { Executions } from '../ports/executions.ts';

/**
 * For a person, asks for the audit and for the outside check, and wakes the server. The outside
 * check has just been made where it asks, so it asks for the audit alone, which the sweep starts.
 * @returns whether the server is registered
 */
export async function askAudit(
  { server, by }: { server: string; by: 'a person' | 'the outside check' },
  ports: { store: OutsideStore & ServerStore; executions: Executions; clock: Clock },
): Promise<{ server: string; asked: boolean }> {
  const { store, clock } = ports;
  const now = clock.now();
  const asked = await store.askAudit(server, now);
  if (!asked || by === 'the outside check') return { server, asked };
  const outside = (await store.outsides()).find(one => one.server === server);
  if (outside) await store.recordOutside({ ...outside, dueAt: now }, outside.dueAt);
  else await store.beginOutside(server, now);
  await wakeServers([server], ports);
  return { server, asked };
}
