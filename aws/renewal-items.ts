/** The walk over all certificates: the index of what is due read from end to end, the CA's advice, and how far the walk has come. */
import type { KnownCertificate, RenewalStore, WalkPosition } from '../core/store.ts';
import { domainKey } from './domain-items.ts';
import { DUE_SHARDS, type Key, type Table } from './table.ts';

const walkKey: Key = { pk: 'R#renewal-info', sk: '/R' };

interface Place {
  shard: number;
  /** The last key of the page before. */
  after?: Record<string, unknown>;
}

export function renewalItems(table: Table): RenewalStore {
  return {
    // By rising times: who is worked on meanwhile gets a later one, and is met again rather than missed.
    async certificates(limit, after) {
      let place: Place = after === undefined ? { shard: 0 } : (JSON.parse(after) as Place);
      const certificates: KnownCertificate[] = [];
      while (place.shard < DUE_SHARDS && certificates.length < limit) {
        const page = await table.pageOf(`${place.shard}`, limit - certificates.length, place.after);
        certificates.push(...page.items.flatMap(asCertificate));
        place = page.after ? { shard: place.shard, after: page.after } : { shard: place.shard + 1 };
      }
      return { certificates, ...(place.shard < DUE_SHARDS && { after: JSON.stringify(place) }) };
    },

    async recordAdvice({ domain, dueAt, current }, advice) {
      const { explanation, ...rest } = advice;
      const why =
        explanation === undefined ? ' REMOVE #current.#explanation' : ', #current.#explanation = :explanation';
      const recorded = await table.update(domainKey(domain), {
        set: `SET #current.#window = :window, #current.#renewAt = :renewAt, #dueAt = :dueAt${why}`,
        condition:
          '#current.#id = :id AND #dueAt = :read AND attribute_not_exists(#owner) AND attribute_not_exists(#deletedAt)',
        values: { ...rest, ...(explanation !== undefined && { explanation }), id: current.id, read: dueAt },
      });
      return recorded !== undefined;
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

function asCertificate({ pk, dueAt, current, deletedAt }: Record<string, unknown>): KnownCertificate[] {
  if (!(pk as string).startsWith('D#') || current === undefined || deletedAt !== undefined) return [];
  return [{ domain: (pk as string).slice(2), dueAt: dueAt as number, current: current as KnownCertificate['current'] }];
}
