/** A domain: its wish and what is known of it. A server's own host name is a domain, too. */
import type { Limits } from './limits.ts';
import type { AcmImport } from './acm.ts';
import type { Brake } from './brake.ts';
import type { Parked, Retired } from './parked.ts';

/**
 * The whole wish for a domain, as the last accepted event gave it. Names are A-labels in lower
 * case.
 */
export interface Wish {
  domain: string;
  /** Host names of the mail servers that shall serve the domain; empty if the domain is deleted. */
  mailServers: string[];
  /** The server of the webmail, if webmail does not run on the mail servers. */
  webmailServer?: string;
  policy: 'wildcard' | 'list';
  /** For policy `list`: labels under the domain, or `@` for the domain itself. */
  names?: string[];
  /** ACME profile, in place of the issuer's own. */
  profile?: string;
  /** Name of the only issuer that may issue. Absent: any issuer of the setting. */
  issuer?: string;
  /** True: the certificate is imported into ACM as well, for load balancers and the like. */
  acm?: true;
  /** True: the domain is a server's own host name, and its certificate is the daemons' default. */
  host?: boolean;
  /** True: no server shall serve the domain, and nothing is ordered for it. */
  deleted?: true;
  /** With `deleted`: the certificate is revoked at the CA once no server serves it. */
  revoke?: true;
}

/** Facts of a stored certificate. Times are milliseconds since the epoch. */
export interface StoredCertificate {
  /**
   * 64 hexadecimal digits: a hash of the order's URL and of the moment at which the order was
   * recorded, or of the moment at which the certificate was provided. Key and chain are in the
   * bucket at `certificates/<domain>/<id>/`.
   */
  id: string;
  names: string[];
  notBefore: number;
  notAfter: number;
  /**
   * SHA-256 of the leaf's DER, hexadecimal. The certificate is installed if a handshake shows this
   * leaf.
   */
  fingerprint: string;
  /** The issuer's name in the setting `Issuers`; `elsewhere` for a provided certificate. */
  issuer: string;
  /** Common name of the CA certificate that signed the leaf. */
  issuedBy: string;
  /** The ACME profile of the wish; absent if the issuer's own was used. */
  profile?: string;
  /** True: the issuer is a staging issuer, so that clients do not trust the certificate. */
  staging?: true;
  /** Identifier for `replaces` (RFC 9773 §4.1). */
  ariId?: string;
  /** When the renewal is due. */
  renewAt: number;
  /** The CA's window when the CA was last asked (RFC 9773). `renewAt` is a moment in the window. */
  window?: { start: number; end: number };
  /** When a person asked for a renewal of this certificate. */
  askedAt?: number;
  /** The `askedAt` of the request that this certificate answered. */
  answers?: number;
  /** The URL of a page with the CA's reason for its window, such as an incident. */
  explanation?: string;
}

/** A use for which a domain may have a certificate of its own. */
export type Use = 'mail' | 'webmail';

/**
 * A provided certificate, which cannot be renewed. At `renewAt` a certificate of ours takes its
 * place.
 */
export interface ProvidedCertificate extends StoredCertificate {
  /** Days before the end at which a person was last notified. */
  told?: number;
}

/**
 * A foreign certificate, seen served when the domain was imported. Until `renewAt` nothing is
 * ordered or delivered for the domain. Times are milliseconds since the epoch.
 */
export interface Foreign {
  fingerprint: string;
  issuedBy: string;
  notAfter: number;
  /** When a certificate of ours is ordered. */
  renewAt: number;
  seenAt: number;
}

/** TXT values that we have published and have to remove. */
export interface PublishedValue {
  zoneId: string;
  recordName: string;
  values: string[];
}

/**
 * By issuer name: the slot in each budget, milliseconds since the epoch. `set` identifies the exact
 * set of names that the limit `exactSet` counts.
 */
export type Reservation = Record<string, { set: string; places: Partial<Record<keyof Limits, number>> }>;

/** The order under way. */
export interface OrderOnRecord {
  url: string;
  planned: string[];
  issuer: string;
  profile?: string;
  /**
   * Id of the certificate that the order makes: its key is stored there. Absent in an order that an
   * earlier version recorded.
   */
  certificate?: string;
  /**
   * True: a key was stored for the order, so that the CA may have issued. If the order is
   * forgotten, `certificate` joins `superseded`.
   */
  keyed?: true;
}

/** The item `D#<domain>`. */
export interface DomainRecord {
  domain: string;
  spec?: Wish;
  /** When the wish was sent, milliseconds since the epoch. */
  specAt?: number;
  /** The sender's own version of the wish, if the sender gave one. */
  specVersion?: number;
  wanted: number;
  done: number;
  /**
   * `wanted` when the claim was taken: the wishes up to here are known to the owner of the claim.
   */
  seen?: number;
  owner?: string;
  leaseUntil?: number;
  dueAt?: number;
  order?: OrderOnRecord;
  /** The domain's slots in the issuers' budgets, until they are used. */
  reserved?: Reservation;
  published?: PublishedValue[];
  current?: StoredCertificate;
  /**
   * Ids of superseded certificates, and of those whose order was forgotten. Their keys are deleted
   * once the current certificate is served on every server.
   */
  superseded?: string[];
  foreign?: Foreign;
  acm?: AcmImport;
  /** Id of the certificate that was revoked at the CA. */
  revoked?: string;
  provided?: Partial<Record<Use, ProvidedCertificate>>;
  /** Ids of all provided certificates, past ones included, whose keys are still in the bucket. */
  elsewhere?: string[];
  parked?: Parked;
  /** Absent again once a certificate is stored. */
  brake?: Brake;
  retired?: Retired;
  /**
   * Every server that any wish of the domain has named. Only these can have work or a certificate
   * of the domain.
   */
  servers?: string[];
  /** Mail servers of the wish that cannot serve by name. Mail is served under their host names. */
  servedUnder?: ServedUnder[];
  /** When the deletion was accepted; absent again once a later wish brings the domain back. */
  deletedAt?: number;
}

/** Every server that shall serve the wish, each once. */
export function serversOf(wish: Wish): string[] {
  return [...new Set([...wish.mailServers, ...(wish.webmailServer ? [wish.webmailServer] : [])])];
}

/** The wish for a server's own host name, which its registration asks for. */
export function hostWish(server: string): Wish {
  return { domain: server, mailServers: [server], policy: 'list', names: ['@'], host: true };
}

/** The wish of a deletion. The rules that accept it are those of every other wish. */
export function deletionOf(domain: string, { revoke }: { revoke?: boolean } = {}): Wish {
  return { domain, mailServers: [], policy: 'wildcard', deleted: true, ...(revoke && { revoke }) };
}

/**
 * True if the current certificate has exactly the planned names, its renewal is not due, and no
 * person asked for another.
 */
export function isFresh(current: StoredCertificate | undefined, planned: string[], now: number): boolean {
  if (current === undefined || current.askedAt !== undefined) return false;
  return now < current.renewAt && sameNames(current.names, planned);
}

export function sameNames(a: string[], b: string[]): boolean {
  return a.length === b.length && a.every(name => b.includes(name));
}

export interface ServedUnder {
  server: string;
  /** True: the server's web server has the domain's certificate all the same, for webmail alone. */
  webmail?: true;
}
