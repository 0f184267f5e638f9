/** The index of due items. It is eventually consistent, so it decides only what is started. */
import type { DueDomain } from '../record/due.ts';

/** A due item; a domain has its certificate as the index holds it. */
export interface Due extends DueDomain {
  kind: 'domain' | 'server' | 'delivery';
  /** Of a delivery, the hash. */
  name: string;
}

export interface DueStore {
  /**
   * Domains, servers and deliveries with `dueAt <= now`, the longest due first: at most `limit` of
   * each kind.
   * If a shard holds very many of them, only the longest due of that shard are found.
   */
  due(page: { now: number; limit: number }): Promise<Due[]>;
}
