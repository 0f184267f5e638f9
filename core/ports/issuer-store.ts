/** An issuer: its account, its trouble, and the budgets of its orders. */
import type { Trouble } from '../record/trouble.ts';

/** What is on record of an issuer, by the URL of its directory. */
export interface IssuerRecord {
  /** URL of our account there; absent before the account is registered. */
  accountUrl?: string;
  /** JWK thumbprint of the account's key (RFC 7638). */
  thumbprint?: string;
  trouble?: Trouble;
}

export interface IssuerStore {
  readIssuer(directory: string): Promise<IssuerRecord | undefined>;
  recordAccount(directory: string, account: Required<Pick<IssuerRecord, 'accountUrl' | 'thumbprint'>>): Promise<void>;
  /**
   * Records a trouble if the trouble that was read before is still on record.
   * @param change.known the trouble that was read; absent if there was none
   * @returns false if another step wrote meanwhile: its trouble stays
   */
  recordTrouble(directory: string, change: { trouble: Trouble; known?: Trouble }): Promise<boolean>;
  /**
   * Reserves a slot for one order in a budget, by the generic cell rate algorithm (GCRA): one order
   * each `intervalMs`, and a burst worth `horizonMs`.
   * @param asked.latest a slot after this moment is not taken; by default any slot is
   * @returns when the order may be made, milliseconds since the epoch: now, or when the mean rate
   *   has caught up with all slots that were reserved before. After `latest`: nothing was reserved
   */
  reserveOrder(
    budget: string,
    asked: { intervalMs: number; horizonMs: number; now: number; latest?: number },
  ): Promise<number>;
}
