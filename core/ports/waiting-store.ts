/**
 * Domains that wait for a server's registration, item `S#<server>` `/A#<domain>`, or that depend on
 * what a server can do, item `S#<server>` `/U#<domain>`.
 */

/** How many domains were told, and the names of the first of them. */
export interface Woken {
  woken: number;
  first: string[];
}

export interface WaitingStore {
  /** Puts `/U#<domain>` under each server. */
  dependOn(domain: string, servers: string[]): Promise<void>;
  /** Deletes `/U#<domain>` under each server. */
  dependNoMore(domain: string, servers: string[]): Promise<void>;
  /**
   * Asks for the re-evaluation of each domain with `/U#` under this server. The items stay.
   * @param at.first how many domains the answer names
   */
  wakeDependents(server: string, at: { now: number; first: number }): Promise<Woken>;
  /**
   * Asks for the re-evaluation of each domain with `/A#` under this server, then deletes its item.
   * @param at.first how many domains the answer names
   */
  wakeWaitingDomains(server: string, at: { now: number; first: number }): Promise<Woken>;
}
