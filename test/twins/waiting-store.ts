/**
 * The notes about domains that wait for a server or depend on it, in memory, under the same
 * conditions as aws/waiting-items.ts.
 */
import type { WaitingStore } from '../../core/ports/waiting-store.ts';
import { askReEvaluation } from './domain-store.ts';
import type { Memory } from './memory.ts';

export function waitingStore(memory: Memory): WaitingStore {
  const { waiting, dependents } = memory;

  return {
    async dependOn(domain, names) {
      for (const name of names) dependents.set(name, new Set(dependents.get(name)).add(domain));
    },

    async dependNoMore(domain, names) {
      for (const name of names) dependents.get(name)?.delete(domain);
    },

    async wakeDependents(server, { now, first: most }) {
      const names = [...(dependents.get(server) ?? [])].sort();
      for (const name of names) askReEvaluation(memory, name, now);
      return { woken: names.length, first: names.slice(0, most) };
    },

    async wakeWaitingDomains(server, { now, first: most }) {
      const names = [...(waiting.get(server) ?? [])].sort();
      waiting.delete(server);
      for (const name of names) askReEvaluation(memory, name, now);
      return { woken: names.length, first: names.slice(0, most) };
    },
  };
}
