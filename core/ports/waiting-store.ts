/** Domains that wait for a server's registration, or that depend on what a server can do. */

export interface WaitingStore {
  /** Notes under each server that the domain hangs on what it can do. */
  dependOn(domain: string, servers: string[]): Promise<void>;
  dependNoMore(domain: string, servers: string[]): Promise<void>;
  /**
   * All domains that hang on what this server can do are looked at again (`lookAgain`), and go on hanging on it.
   * @param first so many of them are named
   */
  wakeDependents(server: string, at: { now: number; first: number }): Promise<{ woken: number; first: string[] }>;
  /**
   * All domains that wait for this server's registration: each is looked at again (`lookAgain`) and forgotten here.
   * @param first so many of them are named
   */
  wakeWaitingDomains(server: string, at: { now: number; first: number }): Promise<{ woken: number; first: string[] }>;
}
