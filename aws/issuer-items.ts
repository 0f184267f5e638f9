/** Issuers: items `I#<directory>` `/I` (account, trouble) and `I#<budget>` `/B` (order budget). */
import type { IssuerRecord, IssuerStore } from '../core/ports/issuer-store.ts';
import type { Key } from './keys.ts';
import type { Table } from './table.ts';

const issuerKey = (directory: string): Key => ({ pk: `I#${directory}`, sk: '/I' });
/** A partition each: a limit on exact sets of names needs as many budgets as there are domains. */
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

    async recordTrouble(directory, { trouble, known }) {
      const recorded = await table.change(issuerKey(directory), {
        to: { trouble },
        when: known ? { 'trouble.until': known.until } : { trouble: undefined },
      });
      return recorded !== undefined;
    },

    // The theoretical arrival time `tat` moves by one interval, or begins anew at now. If both
    // conditions are false, another function began anew in between: `tat` moves on from there, or
    // the slot is too late.
    async reserveOrder(budget, { intervalMs, horizonMs, now, latest = Infinity }) {
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
