/**
 * A delivery: the entries that one command carries to a server, and what the cloud keeps of them.
 */
import type { Consent } from './adoption.ts';
import type { Use } from './domain.ts';
import type { Row } from './audit.ts';
import type { Life } from './life.ts';

/**
 * Entries of one delivery. The answer has a letter for each entry, and with the reasons it has to
 * fit into the 24,000 characters of SSM's output.
 */
export const MAX_ENTRIES = 1_000;

/**
 * Entries of one domain belong together: they are switched, refused and rolled back together. A
 * certificate of the domain that no entry names is removed from the server.
 */
export interface DeliveryEntry {
  domain: string;
  v: number;
  host?: boolean;
  /** Set if the entry repairs drift: the ports on which the audit did not see the certificate. */
  drift?: number[];
  /** The use of the certificate. Absent: all uses that no other entry of the domain has. */
  for?: Use;
  /** Absent: everything of the domain is removed from the server. */
  install?: {
    certificate: string;
    fingerprint: string;
    life: Life;
    /** The names by which daemons choose the certificate. */
    names: string[];
    /**
     * The server names for the check: on the mail daemons (absent if these cannot serve by name),
     * and on port 443.
     */
    probe: { mail?: string; webmail?: string };
    /** Key, then leaf, then chain. */
    pem: string;
  };
}

/** The site of a web server that is the provider's webmail: its file, and one of its names. */
export interface Webmail {
  file: string;
  name: string;
}

export interface Delivery {
  server: string;
  seq: number;
  mode: 'inspect' | 'install' | 'verify';
  adopt?: Consent;
  webmail?: Webmail;
  /** Software that the registration leaves out. */
  leaveOut?: string[];
  /** PEM roots that the server trusts in addition to its own store. */
  roots: string;
  entries: DeliveryEntry[];
  /** The endpoints to check after the entries, on each port. */
  rows?: Row[];
}

/**
 * The manifest: the entries of a delivery in their order, without keys. The cloud reads the
 * manifest to understand the server's answer.
 */
export type Manifest = {
  domain: string;
  v: number;
  host?: boolean;
  for?: Use;
  certificate?: string;
  fingerprint?: string;
  probe?: { mail?: string; webmail?: string };
  /** Set if the entry repairs drift: the ports on which the audit did not see the certificate. */
  drift?: number[];
  life?: Life;
}[];

/** The rows that a delivery checks, in their order. */
export interface Looks {
  rows: Row[];
  /**
   * Set if the rows are the server's daily audit; absent if they check a repair. `isLast` is true
   * if the audit cycle ends with these rows.
   */
  audit?: { isLast: boolean };
}
