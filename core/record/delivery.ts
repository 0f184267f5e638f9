/** A delivery: the entries that one command carries to a server, and what the cloud keeps of them. */
import type { Use } from './domain.ts';
import type { Row } from './audit.ts';

/** Entries of one delivery: its answer, a letter each, has to fit into SSM's 24,000 characters beside the reasons. */
export const MAX_ENTRIES = 1_000;

/** All entries of a domain are one: switched, refused and put back together, and what none of them names is removed. */
export interface DeliveryEntry {
  domain: string;
  v: number;
  host?: boolean;
  /** It repairs what an audit did not see on these ports. */
  drift?: number[];
  /** A certificate that serves this alone; absent: whatever none of the domain's other entries is for. */
  for?: Use;
  /** Absent: the domain is removed from the server, whatever it has of it. */
  install?: {
    certificate: string;
    fingerprint: string;
    /** The names by which the daemons choose it. */
    names: string[];
    /** Names to look with: on the mail daemons (none where they cannot serve by name), and on 443. */
    probe: { mail?: string; webmail?: string };
    /** Key first, then leaf, then chain. */
    pem: string;
  };
}

export interface Delivery {
  server: string;
  seq: number;
  mode: 'inspect' | 'install' | 'verify';
  adopt?: boolean;
  /** Roots that the host shall trust beside its own store. */
  roots: string;
  entries: DeliveryEntry[];
  /** What is looked at when the entries are done, on each port. */
  rows?: Row[];
}

/** What the cloud keeps of a delivery to understand its answer: the entries in their order, and no key. */
export type Manifest = {
  domain: string;
  v: number;
  host?: boolean;
  for?: Use;
  certificate?: string;
  fingerprint?: string;
  probe?: { mail?: string; webmail?: string };
  /** It repairs what an audit did not see on these ports. */
  drift?: number[];
  notAfter?: number;
}[];

/** The rows that a delivery has to look at, in its order. */
export interface Looks {
  rows: Row[];
  /** They are the day's audit of the server, and not what a repair is proved by; `isLast`: none comes after them. */
  audit?: { isLast: boolean };
}
