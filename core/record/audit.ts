/** The names by which one certificate is checked: on the mail daemons, and on port 443. */
export interface Look {
  /** SHA-256 of the leaf, hexadecimal. */
  leaf: string;
  /** The certificate is for this use alone. */
  for?: 'mail' | 'webmail';
  mail?: string;
  webmail?: string;
  /**
   * True: a client that sends no server name gets this certificate, too (the server's own host
   * name).
   */
  default?: true;
}

/**
 * One line of an audit: a certificate with its names, or the server's own certificate without a
 * name.
 */
export interface Row extends Omit<Look, 'default'> {
  domain: string;
  default?: true;
}

/**
 * The summary of a server's audits. Each server has one summary, so that no domain needs an item.
 */
export interface Audit {
  /** When the last audit ended. Times are milliseconds since the epoch. */
  at: number;
  /** Names times ports of the last complete audit. */
  endpoints: number;
  /** When the oldest handshake of these endpoints was made. */
  oldest: number;
  /**
   * Ports that answered at the inspection and not at the audit, each with the number of names that
   * it should serve.
   */
  dead?: Record<string, number>;
  /** By port: addresses at which a row was not served, though it was at another address. */
  places?: Record<string, string[]>;
  /**
   * A server with more rows than one audit takes. The audit cycle continues after the domain
   * `after`, began at `began`, and has checked `endpoints` so far.
   */
  lap?: { after: string; began: number; endpoints: number };
}
