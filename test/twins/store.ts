/** The whole table in memory: what a test of core/ stands on, held to the conditions of the real one by test/aws/store.suite.ts. */
import type { DueStore, IssuerStore, Store } from '../../core/store.ts';
import { domainStore } from './domain-store.ts';
import { copy, emptyMemory, type Memory } from './memory.ts';
import { serverStore } from './server-store.ts';

export function memoryStore(): Store {
  const memory = emptyMemory();
  return { ...domainStore(memory), ...serverStore(memory), ...issuerStore(memory), ...dueStore(memory) };
}

function issuerStore({ accounts, budgets }: Memory): IssuerStore {
  return {
    async account(directory) {
      return copy(accounts.get(directory));
    },
    async recordAccount(directory, account) {
      accounts.set(directory, copy(account));
    },
    async reserveOrder(budget, intervalMs, horizonMs, now) {
      const next = Math.max(budgets.get(budget) ?? 0, now);
      if (next >= now + horizonMs) return undefined;
      budgets.set(budget, next + intervalMs);
      return now;
    },
  };
}

function dueStore({ domains, servers }: Memory): DueStore {
  return {
    async due(now, limit) {
      const all = [
        ...[...domains.values()].map(({ domain, dueAt }) => ({ kind: 'domain' as const, name: domain, dueAt })),
        ...[...servers.values()].map(({ server, dueAt }) => ({ kind: 'server' as const, name: server, dueAt })),
      ];
      return all
        .flatMap(({ dueAt, ...item }) => (dueAt !== undefined && dueAt <= now ? [{ ...item, dueAt }] : []))
        .sort((a, b) => a.dueAt - b.dueAt)
        .slice(0, limit);
    },
  };
}
