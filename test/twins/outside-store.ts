/** What was seen from outside, in memory, under the same conditions as aws/outside-items.ts. */
import type { OutsideStore } from '../../core/ports/outside-store.ts';
import { copy, type Memory } from './memory.ts';

export function outsideStore({ outsides }: Memory): OutsideStore {
  return {
    async outsides() {
      return copy([...outsides.values()].sort((a, b) => (a.server < b.server ? -1 : 1)));
    },
    async beginOutside(server, dueAt) {
      if (!outsides.has(server)) outsides.set(server, { server, dueAt });
    },
    async recordOutside(outside, read) {
      if (outsides.get(outside.server)?.dueAt !== read) return false;
      outsides.set(outside.server, copy(outside));
      return true;
    },
    async forgetOutside(server) {
      outsides.delete(server);
    },
  };
}
