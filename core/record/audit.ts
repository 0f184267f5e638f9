/** What is kept of a server's audits, and the rows that an audit checks. */
/** Names by which one certificate is looked for: on the mail daemons, and on 443. */
export interface Look {
  /** sha256 of the leaf, hex. */
  leaf: string;
  /** It serves this alone. */
  for?: 'mail' | 'webmail';
  mail?: string;
  webmail?: string;
  /** A client that sends no name gets it, too: the server's own. */
  default?: true;
}

/** One line of an audit: a certificate and its names, or the server's own without any. */
export interface Row extends Omit<Look, 'default'> {
  domain: string;
  default?: true;
}

/** What is stored of a server's audits: one summary, not an item a domain. */
export interface Audit {
  /** When it was last looked at. Times in milliseconds since the epoch. */
  at: number;
  /** Names times ports that are looked at. */
  endpoints: number;
  /** The oldest look of these. */
  oldest: number;
  /** Ports that answered at the inspection and not at the audit, with how many names are to be served there. */
  dead?: Record<string, number>;
  /** A server with more than one audit takes: it goes on after this domain, and counts here until all were looked at. */
  lap?: { after: string; began: number; endpoints: number };
}
