/** What is kept of an issuer (account URL, order budget), and the index of what is due. */
import type { Due, DueStore, IssuerRecord, IssuerStore, Store } from '../core/ports/store.ts';
import { domainItems } from './domain-items.ts';
import { outsideItems } from './outside-items.ts';
import { renewalItems } from './renewal-items.ts';
import { serverItems } from './server-items.ts';
import { DUE_SHARDS, type Key, type Table } from './table.ts';

const issuerKey = (directory: string): Key => ({ pk: `I#${directory}`, sk: '/I' });
/** One partition each: a limit on an exact set of names is as many budgets as there are domains. */
const budgetKey = (budget: string): Key => ({ pk: `I#${budget}`, sk: '/B' });

export function issuerItems(table: Table): IssuerStore {
  return {
    async readIssuer(directory) {
      return (await table.get(issuerKey(directory))) as IssuerRecord | undefined;
    },

    async recordAccount(directory, { accountUrl, thumbprint }) {
      const set = 'SET #accountUrl = :accountUrl, #thumbprint = :thumbprint';
      await table.update(issuerKey(directory), { set, values: { accountUrl, thumbprint } });
    },

    async recordTrouble(directory, trouble, known) {
      const recorded = await table.update(issuerKey(directory), {
        set: 'SET #trouble = :trouble',
        condition: known ? '#trouble.#until = :until' : 'attribute_not_exists(#trouble)',
        values: { trouble, ...(known && { until: known.until }) },
      });
      return recorded !== undefined;
    },

    // Conditional writes: the theoretical arrival time moves on by one interval, or begins anew at now. Whoever loses both
    // has met another one who began anew in between, and moves on from there; or finds that its place would be too late.
    async reserveOrder(budget, intervalMs, horizonMs, now, latest = Infinity) {
      const placeAt = (tat: number) => Math.max(now, tat - horizonMs);
      const most = latest + horizonMs - intervalMs;
      const moveOn = () =>
        table.update(budgetKey(budget), {
          set: 'SET #tat = #tat + :interval',
          condition: `#tat >= :now${latest < Infinity ? ' AND #tat <= :most' : ''}`,
          values: { interval: intervalMs, now, ...(latest < Infinity && { most }) },
        });
      const beginAnew = () =>
        table.update(budgetKey(budget), {
          set: 'SET #tat = :first',
          condition: 'attribute_not_exists(#tat) OR #tat < :now',
          values: { first: now + intervalMs, now },
        });
      const reserved = (await moveOn()) ?? (await beginAnew()) ?? (await moveOn());
      if (reserved) return placeAt(reserved.tat as number);
      const { tat } = (await table.get(budgetKey(budget)))!;
      return Math.max(placeAt((tat as number) + intervalMs), latest + 1);
    },
  };
}

/** Of an item of 1 kB: 16 shards are 8 MB, what a small function takes in a few seconds. */
const MOST_OF_A_SHARD = 500;

export function dueItems(table: Table): DueStore {
  return {
    async due(now, limit) {
      const dueOf = async (kind: 'domain' | 'server') => {
        const prefix = kind === 'domain' ? 'D#' : 'S#';
        const shards = await Promise.all(
          Array.from({ length: DUE_SHARDS }, (_, shard) =>
            table.dueIn(`${shard}`, prefix, now, Math.min(limit, MOST_OF_A_SHARD)),
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
      const all = await Promise.all([dueOf('domain'), dueOf('server')]);
      return all.flat().sort((a, b) => a.dueAt - b.dueAt);
    },
  };
}

/** Everything that the table knows, behind core's interface. */
export function store(table: Table): Store {
  return {
    ...domainItems(table),
    ...serverItems(table),
    ...issuerItems(table),
    ...dueItems(table),
    ...renewalItems(table),
    ...outsideItems(table),
  };
}
