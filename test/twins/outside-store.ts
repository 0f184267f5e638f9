/**
 * The results of the outside check, in memory, under the same conditions as aws/outside-items.ts.
 */
import { isDeepStrictEqual } from 'node:util';
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
      const known = outsides.get(outside.server);
      // If the same result is recorded already, the write succeeds.
      if (known?.dueAt !== read) return isDeepStrictEqual(known, copy(outside));
      outsides.set(outside.server, copy(outside));
      return true;
    },
    async forgetOutside(server) {
      outsides.delete(server);
    },
  };
}
