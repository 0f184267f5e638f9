/**
 * What was seen served and when it ends. Items `/P#` of servers and `G#<domain>` stand in the index
 * of due items in shards of their own, by the moment at which the last guard begins to watch them.
 */
import { guardedFrom, type Life } from '../core/record/life.ts';
import type { Ending, ServedStore } from '../core/ports/served-store.ts';
import type { Installed } from '../core/record/server.ts';
import { DUE_SHARDS, foreignKey, guardShard, pageKey, type Key } from './keys.ts';
import type { Table } from './table.ts';

/** The attributes by which the index finds an item that is guarded. */
export function guarded({ pk }: Key, life: Life | undefined) {
  return life && { shard: guardShard(pk), dueAt: guardedFrom(life) };
}

/** An installed item without its keys and the index's attributes. */
export function asInstalled({ pk: _, sk: __, shard: ___, dueAt: ____, ...item }: Record<string, unknown>): Installed {
  return item as unknown as Installed;
}

export function servedItems(table: Table): ServedStore {
  /** @returns undefined if the index is behind: the item is gone, or guarded later by now */
  const read = async ({ pk, sk }: Key, now: number): Promise<Ending | undefined> => {
    const item = await table.get({ pk, sk });
    if (!item || !((item.dueAt as number) <= now)) return undefined;
    const { domain, life, seenAt } = item as unknown as Ending;
    return { domain, ...(pk.startsWith('S#') && { server: pk.slice(2) }), life, seenAt };
  };

  return {
    async endings({ from, now, limit }) {
      const shards = Array.from({ length: DUE_SHARDS }, (_, shard) => `served ${shard}`);
      const found = (await Promise.all(shards.map(shard => table.guardedIn(shard, { from, now, limit }))))
        .flat()
        .sort((a, b) => (a.dueAt as number) - (b.dueAt as number))
        .slice(0, limit);
      const endings: Ending[] = [];
      for (let i = 0; i < found.length; i += READ_AT_ONCE) {
        const some = found.slice(i, i + READ_AT_ONCE).map(item => read(item as unknown as Key, now));
        endings.push(...(await Promise.all(some)).filter(one => one !== undefined));
      }
      return endings;
    },

    async guardForeign({ domain, life, seenAt }) {
      const key = foreignKey(domain);
      await table.put(key, { domain, life, seenAt, ...guarded(key, life) });
    },

    async forgetForeign({ domain, seenAt }) {
      await table.remove(foreignKey(domain), '#seenAt = :seenAt', { seenAt });
    },

    async pagedOn() {
      return (await table.get(pageKey))?.day as number | undefined;
    },

    async recordPage(day) {
      await table.put(pageKey, { day });
    },
  };
}

const READ_AT_ONCE = 20;
