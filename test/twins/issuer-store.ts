/** Issuers, in memory, under the same conditions as aws/issuer-items.ts. */
import { isDeepStrictEqual } from 'node:util';
import type { IssuerStore } from '../../core/ports/issuer-store.ts';
import { copy, type Memory } from './memory.ts';

export function issuerStore({ issuers, budgets }: Memory): IssuerStore {
  return {
    async readIssuer(directory) {
      return copy(issuers.get(directory));
    },
    async recordAccount(directory, account) {
      issuers.set(directory, copy({ ...issuers.get(directory), ...account }));
    },
    async recordTrouble(directory, { trouble, known }) {
      const issuer = issuers.get(directory) ?? {};
      const isKnown = issuer.trouble?.until === known?.until;
      // If the same failure is recorded already, the write succeeds.
      if (!isKnown) return isDeepStrictEqual(issuer.trouble, copy(trouble));
      issuers.set(directory, copy({ ...issuer, trouble }));
      return true;
    },

    async reserveOrder(budget, { intervalMs, horizonMs, now, latest = Infinity }) {
      const tat = Math.max(budgets.get(budget) ?? 0, now) + intervalMs;
      const at = Math.max(now, tat - horizonMs);
      if (at <= latest) budgets.set(budget, tat);
      return at;
    },
  };
}
