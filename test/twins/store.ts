/** The whole table in memory: what a test of core/ stands on, held to the conditions of the real one by test/aws/store.suite.ts. */
import type { DueStore, IssuerStore, OutsideStore, Store } from '../../core/ports/store.ts';
import { domainStore } from './domain-store.ts';
import { copy, emptyMemory, type Memory } from './memory.ts';
import { renewalStore } from './renewal-store.ts';
import { serverStore } from './server-store.ts';

export function memoryStore(memory = emptyMemory()): Store {
  return {
    ...domainStore(memory),
    ...serverStore(memory),
    ...issuerStore(memory),
    ...dueStore(memory),
    ...renewalStore(memory),
    ...outsideStore(memory),
  };
}

function outsideStore({ outsides }: Memory): OutsideStore {
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

function issuerStore({ issuers, budgets }: Memory): IssuerStore {
  return {
    async readIssuer(directory) {
      return copy(issuers.get(directory));
    },
    async recordAccount(directory, account) {
      issuers.set(directory, copy({ ...issuers.get(directory), ...account }));
    },
    async recordTrouble(directory, trouble, known) {
      const issuer = issuers.get(directory);
      if (issuer?.trouble?.until !== known?.until) return false;
      issuers.set(directory, copy({ ...issuer, trouble }));
      return true;
    },
    async reserveOrder(budget, intervalMs, horizonMs, now, latest = Infinity) {
      const tat = Math.max(budgets.get(budget) ?? 0, now) + intervalMs;
      const at = Math.max(now, tat - horizonMs);
      if (at <= latest) budgets.set(budget, tat);
      return at;
    },
  };
}

function dueStore({ domains, servers }: Memory): DueStore {
  return {
    async due(now, limit) {
      const all = [
        ...[...domains.values()].map(({ domain, dueAt, current }) => ({
          ...{ kind: 'domain' as const, name: domain, dueAt },
          ...(current && { certificate: copy(current) }),
        })),
        ...[...servers.values()].map(({ server, dueAt }) => ({ kind: 'server' as const, name: server, dueAt })),
      ];
      const due = all
        .flatMap(({ dueAt, ...item }) => (dueAt !== undefined && dueAt <= now ? [{ ...item, dueAt }] : []))
        .sort((a, b) => a.dueAt - b.dueAt);
      const first = (['domain', 'server'] as const).flatMap(kind =>
        due.filter(item => item.kind === kind).slice(0, limit),
      );
      return first.sort((a, b) => a.dueAt - b.dueAt);
    },
  };
}
