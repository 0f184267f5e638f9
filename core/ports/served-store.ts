/**
 * The last guard's view of the table: what was seen served, and when it ends. Nothing that plans or
 * delivers reads or writes it.
 */
import type { Life } from '../record/life.ts';

/**
 * A leaf that was seen served and whose guard has begun. Times are milliseconds since the epoch.
 */
export interface Ending {
  domain: string;
  /** Absent: the certificate is foreign, and was seen on the domain's servers by an import. */
  server?: string;
  life: Life;
  seenAt: number;
}

export interface ServedStore {
  /**
   * What was seen served and whose guard began from `from` to `now`, the earliest guarded first, at
   * most `limit`. The index finds them, and each item is read again consistently: a newer leaf that
   * was seen moves the item away.
   */
  endings(page: { from: number; now: number; limit: number }): Promise<Ending[]>;
  /** Puts what an import saw: a foreign certificate that nobody renews for sealpost. */
  guardForeign(ending: Omit<Ending, 'server'>): Promise<void>;
  /** Deletes what `guardForeign` put, if it was seen at that moment. */
  forgetForeign(ending: Pick<Ending, 'domain' | 'seenAt'>): Promise<void>;
  /** The UTC day of the last page, days since the epoch; undefined before the first one. */
  pagedOn(): Promise<number | undefined>;
  recordPage(day: number): Promise<void>;
}
