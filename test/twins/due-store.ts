/** The index of what is due, in memory, under the same conditions as aws/due-items.ts. */
import type { DueStore } from '../../core/ports/due-store.ts';
import { copy, type Memory } from './memory.ts';

export function dueStore({ domains, servers, tokens }: Memory): DueStore {
  return {
    async due({ now, limit }) {
      const all = [
        ...[...domains.values()].map(({ domain, dueAt, current }) => ({
          ...{ kind: 'domain' as const, name: domain, dueAt },
          ...(current && { certificate: copy(current) }),
        })),
        ...[...servers.values()].map(({ server, dueAt }) => ({ kind: 'server' as const, name: server, dueAt })),
        ...[...tokens].map(([hash, { dueAt }]) => ({ kind: 'delivery' as const, name: hash, dueAt })),
      ];
      const due = all
        .flatMap(({ dueAt, ...item }) => (dueAt !== undefined && dueAt <= now ? [{ ...item, dueAt }] : []))
        .sort((a, b) => a.dueAt - b.dueAt);
      const first = (['domain', 'server', 'delivery'] as const).flatMap(kind =>
        due.filter(item => item.kind === kind).slice(0, limit),
      );
      return first.sort((a, b) => a.dueAt - b.dueAt);
    },
  };
}
