/**
 * Domains that wait for a server's registration, or that depend on what a server can do: items
 * `S#<server>` `/A#<domain>` and `/U#<domain>`.
 */
import type { WaitingStore } from '../core/ports/waiting-store.ts';
import { askReEvaluation } from './domain-items.ts';
import { dependentKey, serverKey, waitingKey } from './keys.ts';
import type { Table } from './table.ts';

/** Domains at once: each is three writes. */
const BATCH = 25;

export function waitingItems(table: Table): WaitingStore {
  return {
    async dependOn(domain, servers) {
      await Promise.all(servers.map(server => table.put(dependentKey({ server, domain }), { domain })));
    },

    async dependNoMore(domain, servers) {
      await Promise.all(servers.map(server => table.remove(dependentKey({ server, domain }))));
    },

    async wakeDependents(server, { now, first: most }) {
      const { pk } = serverKey(server);
      const items = await table.query({ pk, prefix: '/U#' }, Number.POSITIVE_INFINITY);
      const domains = items.map(item => item.domain as string);
      for (let i = 0; i < domains.length; i += BATCH)
        await Promise.all(domains.slice(i, i + BATCH).map(domain => askReEvaluation(table, domain, now)));
      return { woken: domains.length, first: domains.slice(0, most) };
    },

    async wakeWaitingDomains(server, { now, first: most }) {
      const { pk } = serverKey(server);
      const first: string[] = [];
      for (let woken = 0; ;) {
        const domains = (await table.query({ pk, prefix: '/A#' }, BATCH)).map(item => item.domain as string);
        if (domains.length === 0) return { woken, first };
        const wake = async (domain: string) => {
          await askReEvaluation(table, domain, now);
          await table.remove(waitingKey({ server, domain }));
        };
        await Promise.all(domains.map(wake));
        first.push(...domains.slice(0, most - first.length));
        woken += domains.length;
      }
    },
  };
}
