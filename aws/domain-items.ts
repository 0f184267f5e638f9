/** A domain's item `D#<domain>`, as far as no claim is needed to write it. */
import type { DomainStore } from '../core/ports/domain-store.ts';
import { serversOf, type DomainRecord, type Wish } from '../core/record/domain.ts';
import { idsOf } from '../core/record/provided.ts';
import { FOUND_AFTER_MS } from '../core/ports/lease.ts';
import { present } from './change.ts';
import { domainKey, shardOf } from './keys.ts';
import type { Table } from './table.ts';

/** The id in the list `:old` joins the superseded certificates; `:none` is an empty list. */
export const SUPERSEDE = '#superseded = list_append(if_not_exists(#superseded, :none), :old)';

export function domainItems(table: Table): DomainStore {
  return {
    async readDomain(domain) {
      return asRecord(await table.get(domainKey(domain)));
    },

    async acceptWish(spec: Wish, { at, version }, now, foreign) {
      const later = '#specAt < :at OR (#specAt = :at AND #spec <> :spec)';
      const isLater =
        version === undefined
          ? `attribute_not_exists(#specAt) OR ${later}`
          : `attribute_not_exists(#specAt) OR #specVersion < :version OR (attribute_not_exists(#specVersion) AND (${later}))`;
      const isAtWork = '#spec = :spec AND attribute_exists(#owner) AND #leaseUntil >= :now';
      const said = { spec, at, now, ...(version !== undefined && { version }) };
      const servers = serversOf(spec);
      const set = [
        '#spec = :spec, #specAt = :at, #domain = :domain, #shard = :shard, #dueAt = :due, #done = if_not_exists(#done, :zero)',
        ...(version === undefined ? [] : ['#specVersion = :version']),
        ...(spec.deleted ? ['#deletedAt = :now'] : []),
        ...(foreign ? ['#foreign = :foreign'] : []),
      ];
      // A deletion removes `provided`: the next holder of the domain never serves the key of the
      // last.
      const gone = [
        ...(version === undefined ? ['#specVersion'] : []),
        ...(foreign ? [] : ['#foreign']),
        spec.deleted ? '#provided' : '#deletedAt',
      ];
      const more = ['#wanted :one', ...(servers.length > 0 ? ['#servers :servers'] : [])];
      const accept = () =>
        table.update(domainKey(spec.domain), {
          set: `SET ${set.join(', ')} REMOVE ${gone.join(', ')} ADD ${more.join(', ')}`,
          condition: `(${isLater}) AND NOT (${isAtWork})`,
          values: {
            ...said,
            ...(servers.length > 0 && { servers: new Set(servers) }),
            ...(foreign && { foreign }),
            domain: spec.domain,
            shard: shardOf(domainKey(spec.domain).pk),
            due: now + FOUND_AFTER_MS,
            zero: 0,
            one: 1,
          },
        });
      const moveOn = () =>
        table.update(domainKey(spec.domain), {
          set: `SET #specAt = :at${version === undefined ? ' REMOVE #specVersion' : ', #specVersion = :version'}`,
          condition: `(${isLater}) AND ${isAtWork}`,
          values: said,
        });
      // The execution that was at work may have ended between the two writes.
      return ((await accept()) ?? (await moveOn()) ?? (await accept())) !== undefined;
    },

    askReEvaluation: (domain, now) => askReEvaluation(table, domain, now),

    async provide(domain, { provided, before, now }) {
      const isProvided = await table.change(domainKey(domain), {
        to: { provided },
        when: { spec: present, deletedAt: undefined, provided: before },
        add: { wanted: 1, ...(provided && { elsewhere: new Set(idsOf(provided)) }) },
      });
      if (isProvided) await dueNow(table, domain, now);
      return isProvided !== undefined;
    },

    async forgetSuperseded(domain, superseded) {
      const all = { condition: '#superseded = :superseded', values: { superseded } };
      await table.update(domainKey(domain), { set: 'REMOVE #superseded', ...all });
    },

    async forgetElsewhere(domain, ids) {
      const gone = { condition: 'attribute_exists(#elsewhere)', values: { ids: new Set(ids) } };
      await table.update(domainKey(domain), { set: 'DELETE #elsewhere :ids', ...gone });
    },
  };
}

/**
 * A claimed domain stays due at the end of its lease: the owner of the claim finds by itself that
 * `wanted` has grown.
 */
export const dueNow = (table: Table, domain: string, now: number) =>
  table.update(domainKey(domain), {
    set: 'SET #dueAt = :now',
    condition: 'attribute_not_exists(#owner) AND attribute_exists(#spec)',
    values: { now },
  });

/** The counter first: an owner that ends its claim between the two writes finds it changed. */
export async function askReEvaluation(table: Table, domain: string, now: number): Promise<void> {
  await table.update(domainKey(domain), {
    set: 'ADD #wanted :one',
    condition: 'attribute_exists(#spec)',
    values: { one: 1 },
  });
  await dueNow(table, domain, now);
}

/** A set of the table is a sorted list in a record. */
export function asRecord(item: Record<string, unknown> | undefined): DomainRecord | undefined {
  const lists = Object.entries(item ?? {}).flatMap(([name, value]) =>
    value instanceof Set ? [[name, [...(value as Set<string>)].sort()]] : [],
  );
  return item && ({ ...item, ...Object.fromEntries(lists) } as unknown as DomainRecord);
}
