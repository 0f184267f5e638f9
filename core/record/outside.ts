/** How a server looks from outside: for a share of its domains each day, what a stranger's handshake finds there. */

/** A name that did not show its certificate. */
export interface Unseen {
  domain: string;
  port: number;
  /** For a person, after "from outside". */
  why: string;
}

/** What is kept of it: one item a server. Times in milliseconds since the epoch. */
export interface Outside {
  server: string;
  dueAt: number;
  /** The last look, how many names times ports it was, and how many of these were as they should be. */
  at?: number;
  endpoints?: number;
  verified?: number;
  /** Ports that nobody answers at from outside, though they answer on the server itself. */
  unreachable?: number[];
  /** Why there was no look at all. */
  why?: string;
  /** Fifty at the most; each is looked at every day until it is right. */
  unseen?: Unseen[];
  /** The next share begins after this domain. */
  after?: string;
}
