/** The index of what is due. */
import type { DueDomain } from '../record/due.ts';

export interface Due extends DueDomain {
  kind: 'domain' | 'server';
  name: string;
}

export interface DueStore {
  /**
   * Domains and servers whose time has come, at most `limit` of each kind, the longest due first (of a great many: of
   * those that their shards have been keeping longest). A domain's certificate is as the index has it.
   */
  due(page: { now: number; limit: number }): Promise<Due[]>;
}
