/** The index of due items. */
import type { Due, DueStore } from '../core/ports/due-store.ts';
import { DUE_SHARDS } from './keys.ts';
import type { Table } from './table.ts';

/** Items are 1 kB: 16 shards are 8 MB, which a small function reads in a few seconds. */
const MOST_OF_A_SHARD = 500;

const PREFIXES = { domain: 'D#', server: 'S#', delivery: 'T#' } as const;

export function dueItems(table: Table): DueStore {
  return {
    async due({ now, limit }) {
      const dueOf = async (kind: Due['kind']) => {
        const prefix = PREFIXES[kind];
        const shards = await Promise.all(
          Array.from({ length: DUE_SHARDS }, (_, shard) =>
            table.dueIn(`${shard}`, prefix, { now, limit: Math.min(limit, MOST_OF_A_SHARD) }),
          ),
        );
        return shards
          .flat()
          .map(({ pk, dueAt, current }) => ({
            ...{ kind, name: (pk as string).slice(prefix.length), dueAt: dueAt as number },
            ...(current !== undefined && { certificate: current as Due['certificate'] }),
          }))
          .sort((a, b) => a.dueAt - b.dueAt)
          .slice(0, limit);
      };
      const all = await Promise.all([dueOf('domain'), dueOf('server'), dueOf('delivery')]);
      return all.flat().sort((a, b) => a.dueAt - b.dueAt);
    },
  };
}
