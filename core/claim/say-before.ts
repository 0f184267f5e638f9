/** The order of a fact and of the write that it reports. */
import type { EventOut } from '../events/events-out.ts';
import type { Bus } from '../ports/bus.ts';

/**
 * Puts facts on the bus, then writes. The write ends the reason to say them: a step that is killed
 * after it finds nothing left to do when it is retried. So the facts go first, and a step that is
 * killed between the two puts them on the bus twice, rather than never.
 * @returns what the write returns
 */
export async function sayBefore<T>(facts: EventOut[], bus: Bus, write: () => Promise<T>): Promise<T> {
  if (facts.length > 0) await bus.put(facts);
  return write();
}
