/** An issuer: its account, its trouble, and the budgets of its orders. */
import type { Trouble } from '../record/trouble.ts';

/** What is kept of an issuer, by its directory's URL. */
export interface IssuerRecord {
  /** Of our account there, once there is one. */
  accountUrl?: string;
  /** Of the account's key (RFC 7638). */
  thumbprint?: string;
  trouble?: Trouble;
}

export interface IssuerStore {
  readIssuer(directory: string): Promise<IssuerRecord | undefined>;
  recordAccount(directory: string, account: Required<Pick<IssuerRecord, 'accountUrl' | 'thumbprint'>>): Promise<void>;
  /** @param known what was read before, if anything was @returns false when another one wrote meanwhile: that stands */
  recordTrouble(directory: string, trouble: Trouble, known?: Trouble): Promise<boolean>;
  /**
   * Reserves one order in a budget (GCRA): one order each `intervalMs`, and a burst of `horizonMs` worth of them.
   * @param latest a place after this is not taken
   * @returns when the order may be made: now, or once the mean rate has caught up with all that were reserved before; after
   *   `latest`: nothing was reserved
   */
  reserveOrder(budget: string, intervalMs: number, horizonMs: number, now: number, latest?: number): Promise<number>;
}
