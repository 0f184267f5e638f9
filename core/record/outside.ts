/**
 * The outside checks of a server: each day, for a share of its domains, what a handshake from
 * outside shows.
 */

/** An endpoint that did not show its certificate. */
export interface Unseen {
  domain: string;
  port: number;
  /** The reason, for a person; it follows the words "from outside". */
  why: string;
}

/**
 * What is stored of a server's outside checks, one item for each server. Times are milliseconds
 * since the epoch.
 */
export interface Outside {
  server: string;
  dueAt: number;
  /** The last check: when, how many endpoints, and how many of these were right. */
  at?: number;
  endpoints?: number;
  verified?: number;
  /** Ports that do not answer from outside, although they answer on the server itself. */
  unreachable?: number[];
  /** Why no check was made. */
  why?: string;
  /** Up to 50 endpoints. Each is checked every day until it is right. */
  unseen?: Unseen[];
  /** The next share begins after this domain. */
  after?: string;
}
