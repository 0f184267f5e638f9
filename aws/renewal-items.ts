/**
 * The renewal walk: reads the index of due items from end to end, writes the CA's advice to a
 * domain's item, and how far the walk has come to item `R#renewal-info`.
 */
import type { KnownDomain, RenewalStore, WalkPosition } from '../core/ports/renewal-store.ts';
import { askReEvaluation, dueNow } from './domain-items.ts';
import { domainKey, DUE_SHARDS, type Key } from './keys.ts';
import type { Table } from './table.ts';

const walkKey: Key = { pk: 'R#renewal-info', sk: '/R' };

interface Place {
  shard: number;
  /** The last key of the page before. */
  after?: Record<string, unknown>;
}

export function renewalItems(table: Table): RenewalStore {
  return {
    // By rising times: work on a domain moves its time ahead, so the domain is met again, not
    // missed.
    async domains(limit, after) {
      let place: Place = after === undefined ? { shard: 0 } : (JSON.parse(after) as Place);
      const domains: KnownDomain[] = [];
      while (place.shard < DUE_SHARDS && domains.length < limit) {
        const page = await table.pageOf(`${place.shard}`, limit - domains.length, place.after);
        domains.push(...page.items.flatMap(asDomain));
        place = page.after ? { shard: place.shard, after: page.after } : { shard: place.shard + 1 };
      }
      return { domains, ...(place.shard < DUE_SHARDS && { after: JSON.stringify(place) }) };
    },

    async recordAdvice({ domain, dueAt, current }, { window, explanation, renewAt, dueAt: due }) {
      const advised = { window, explanation, renewAt };
      const recorded = await table.change(domainKey(domain), {
        to: {
          ...Object.fromEntries(Object.entries(advised).map(([name, value]) => [`current.${name}`, value])),
          dueAt: due,
        },
        when: { 'current.id': current.id, dueAt, owner: undefined, deletedAt: undefined },
      });
      return recorded !== undefined;
    },

    async askRenewal(domain, now) {
      const exists = 'attribute_exists(#spec)';
      const mark = 'SET #current.#askedAt = if_not_exists(#current.#askedAt, :now) ADD #wanted :one';
      const marked = await table.update(domainKey(domain), {
        set: mark,
        condition: `${exists} AND attribute_exists(#current)`,
        values: { now, one: 1 },
      });
      if (marked) await dueNow(table, domain, now);
      else await askReEvaluation(table, domain, now);
    },

    async walkPosition() {
      const item = await table.get(walkKey);
      return item?.position as WalkPosition | undefined;
    },

    async recordWalk(position) {
      const recorded = await table.update(walkKey, {
        set: 'SET #position = :position',
        condition: 'attribute_not_exists(#position) OR #position.#step < :step',
        values: { position, step: position.step },
      });
      return recorded !== undefined;
    },
  };
}

function asDomain({ pk, dueAt, current, deletedAt }: Record<string, unknown>): KnownDomain[] {
  if (!(pk as string).startsWith('D#') || deletedAt !== undefined) return [];
  const known = { domain: (pk as string).slice(2), dueAt: dueAt as number };
  return [current === undefined ? known : { ...known, current: current as KnownDomain['current'] }];
}
