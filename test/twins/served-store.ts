/** What the last guard reads, in memory, under the same conditions as aws/served-items.ts. */
import type { Ending, ServedStore } from '../../core/ports/served-store.ts';
import { guardedFrom } from '../../core/record/life.ts';
import { copy, type Memory } from './memory.ts';

export function servedStore({ installed, foreign, guard }: Memory): ServedStore {
  return {
    async endings({ from, now, limit }) {
      const seen = [...installed].flatMap(([server, items]) =>
        [...items.values()].flatMap(({ domain, life, seenAt }): Ending[] =>
          life ? [{ domain, server, life, seenAt }] : [],
        ),
      );
      return copy(
        [...seen, ...foreign.values()]
          .filter(({ life }) => from <= guardedFrom(life) && guardedFrom(life) <= now)
          .sort((a, b) => guardedFrom(a.life) - guardedFrom(b.life))
          .slice(0, limit),
      );
    },
    async guardForeign(ending) {
      foreign.set(ending.domain, copy(ending));
    },
    async forgetForeign({ domain, seenAt }) {
      if (foreign.get(domain)?.seenAt === seenAt) foreign.delete(domain);
    },
    async pagedOn() {
      return guard.pagedOn;
    },
    async recordPage(day) {
      guard.pagedOn = day;
    },
  };
}
