/**
 * LookFromOutside: the outside checks that are due, one server after the other, in less time than
 * the function has.
 */
import { checkFromOutside, type OutsidePorts } from './from-outside.ts';
import type { Bus } from '../ports/bus.ts';
import type { OutsideStore } from '../ports/outside-store.ts';
import type { ServerStore } from '../ports/server-store.ts';

/** The schedule comes every five minutes. A server takes some seconds, at worst a minute. */
const TIME_MS = 200_000;
const DAY = 86_400_000;

export interface RoundPorts extends OutsidePorts {
  store: OutsidePorts['store'] & OutsideStore & ServerStore;
  bus: Bus;
  /**
   * Asks for the audit of the server itself. Another function does: this one speaks with strangers,
   * and may not write a server's item.
   */
  askAudit(server: string): Promise<unknown>;
}

/**
 * The next check is put on record first, so that a check that is killed is not repeated before the
 * next day.
 */
export async function checkDueServers(ports: RoundPorts): Promise<{ looked: number; failed: number }> {
  const { store, clock, bus } = ports;
  const begun = clock.now();
  const due = (await store.outsides()).filter(({ dueAt }) => dueAt <= begun).sort((a, b) => a.dueAt - b.dueAt);
  const round = { looked: 0, failed: 0 };
  const errors: unknown[] = [];
  for (const before of due) {
    if (clock.now() - begun > TIME_MS) break;
    const server = await store.readServer(before.server);
    if (!server) {
      await store.forgetOutside(before.server);
      continue;
    }
    const taken = { ...before, dueAt: begun + DAY };
    if (!(await store.recordOutside(taken, before.dueAt))) continue;
    try {
      const { outside, facts } = await checkFromOutside(server, before, ports);
      await bus.put(facts);
      await store.recordOutside(outside, taken.dueAt);
      // The audit asks the server itself before a person searches for what stands between.
      if (outside.unseen?.length) await ports.askAudit(server.server);
      round.looked++;
    } catch (error) {
      round.failed++;
      errors.push(error);
    }
  }
  if (errors.length > 0)
    throw new AggregateError(errors, `${errors.length} of ${due.length} looks failed: ${String(errors[0])}`);
  return round;
}
