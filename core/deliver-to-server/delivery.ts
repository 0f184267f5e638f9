/** The delivery object: one transaction of work for one server, plain text that a mail host's awk can read. */
import { createHash } from 'node:crypto';
import { rowLine, type Row } from '../audit/audit.ts';
import type { Use } from '../record/domain.ts';

/** The host refuses a delivery that is older than this: 600 s to reach it and 1,800 s to run, with room (protocol.md, "times that must agree"). */
export const DELIVERY_LIFETIME_SECONDS = 2_700;
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

/** @param now milliseconds since the epoch @returns the object's text and its sha256 in hex, which names it everywhere */
export function writeDelivery(delivery: Delivery, now: number): { text: string; hash: string } {
  const issuedAt = Math.floor(now / 1000);
  const lines = [
    'sealpost-delivery 1',
    `server ${delivery.server}`,
    `seq ${delivery.seq}`,
    `issued-at ${issuedAt}`,
    `not-after ${issuedAt + DELIVERY_LIFETIME_SECONDS}`,
    `mode ${delivery.mode}`,
    `adopt ${delivery.adopt ? 'yes' : 'no'}`,
    `entries ${delivery.entries.length}`,
    'roots',
    ...certificatesIn(delivery.roots),
    ...delivery.entries.flatMap(writeEntry),
    ...(delivery.rows ?? []).map(rowLine),
    'end',
  ];
  const text = lines.join('\n') + '\n';
  return { text, hash: createHash('sha256').update(text).digest('hex') };
}

function writeEntry(entry: DeliveryEntry, index: number): string[] {
  const { install } = entry;
  const kind = entry.host ? 'host' : (entry.for ?? 'domain');
  if (!install) return [`entry ${index + 1} remove ${entry.domain} ${entry.v} - - ${kind}`];
  return [
    `entry ${index + 1} install ${entry.domain} ${entry.v} ${install.certificate} ${install.fingerprint} ${kind}`,
    `names ${install.names.join(' ')}`,
    `probe ${install.probe.mail ?? '-'} ${install.probe.webmail ?? '-'}`,
    ...pemLines(install.pem),
  ];
}

/** A bundle of roots may carry comments and names between its certificates (RFC 7468 §2); the host's parser knows none. */
function certificatesIn(bundle: string): string[] {
  return (bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).flatMap(pemLines);
}

function pemLines(pem: string): string[] {
  return pem.split(/\r?\n/).filter(line => line !== '');
}
