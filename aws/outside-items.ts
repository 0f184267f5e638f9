/**
 * What the outside check saw of each server. All items have one partition key, because all are read
 * together: a stack has a thousand servers at most.
 */
import type { Outside } from '../core/record/outside.ts';
import type { OutsideStore } from '../core/ports/outside-store.ts';
import type { Key } from './keys.ts';
import type { Table } from './table.ts';

const OUTSIDE = 'O#servers';
/** More than a stack has servers. */
const MOST = 100_000;

export const outsideKey = (server: string): Key => ({ pk: OUTSIDE, sk: `/O#${server}` });

export function outsideItems(table: Table): OutsideStore {
  return {
    async outsides() {
      return (await table.query({ pk: OUTSIDE, prefix: '/O#' }, MOST)).map(asOutside);
    },

    async beginOutside(server, dueAt) {
      await table.update(outsideKey(server), {
        set: 'SET #server = :server, #dueAt = :dueAt',
        condition: 'attribute_not_exists(#server)',
        values: { server, dueAt },
      });
    },

    recordOutside: (outside, read) =>
      table.replace(outsideKey(outside.server), { item: { ...outside }, when: { dueAt: read } }),

    async forgetOutside(server) {
      await table.remove(outsideKey(server));
    },
  };
}

export function asOutside({ pk: _, sk: __, ...outside }: Record<string, unknown>): Outside {
  return outside as unknown as Outside;
}
