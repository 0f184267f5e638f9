/** A customer's domain (or a server's own host name, which travels the same road): what is wished, and what is known. */
import type { Limits } from './limits.ts';
import type { AcmImport } from './acm.ts';
import type { Parked, Retired } from './parked.ts';

/** The whole wish for a domain, as the last accepted event put it. Names are A-labels in lower case. */
export interface Wish {
  domain: string;
  /** Host names of the mail servers that shall serve it; none when it is deleted. */
  mailServers: string[];
  /** Where webmail runs, if not on the mail servers. */
  webmailServer?: string;
  policy: 'wildcard' | 'list';
  /** For `list`: labels under the domain, or `@` for the domain itself. */
  names?: string[];
  /** ACME profile to ask for, instead of the stack's. */
  profile?: string;
  /** Name of the issuer that it shall be, and no other. */
  issuer?: string;
  /** It is imported into ACM, too, for load balancers and the like. */
  acm?: true;
  /** This is a server's own host name: its certificate becomes the daemons' default. */
  host?: boolean;
  /** It shall be nowhere: no server serves it, and nothing is ordered for it. */
  deleted?: true;
  /** Deleted, and its certificate is revoked at the CA once it is served nowhere. */
  revoke?: true;
}

/** Facts of a certificate that is stored. Times in milliseconds since the epoch. */
export interface StoredCertificate {
  /** 64 hexadecimal digits, of the order's URL or of the moment when it was provided: its place in the bucket is `certificates/<domain>/<id>/`. */
  id: string;
  names: string[];
  notBefore: number;
  notAfter: number;
  /** sha256 of the leaf's DER, hex: what a server must be seen serving. */
  fingerprint: string;
  /** Who issued it, by the name in the setting `Issuers`; `elsewhere` where it was provided. */
  issuer: string;
  /** Common name of the CA's certificate that signed it. */
  issuedBy: string;
  /** The ACME profile that the wish named; none: the issuer's own. */
  profile?: string;
  /** Its issuer is a staging one: nobody trusts it. */
  staging?: true;
  /** RFC 9773 §4.1 identifier, for `replaces`. */
  ariId?: string;
  /** When it should be renewed. */
  renewAt: number;
  /** The CA's advice when it was last asked (RFC 9773): `renewAt` is a moment in it. Gone with the certificate. */
  window?: { start: number; end: number };
  /** When a person asked for its successor. */
  askedAt?: number;
  /** It is what a person asked for then. */
  answers?: number;
  /** A page of the CA's that says why, where there is one: an incident. */
  explanation?: string;
}

/** What a certificate of a domain may be for alone. */
export type Use = 'mail' | 'webmail';

/** One that somebody else has issued: it cannot be renewed, and at its `renewAt` ours takes over. */
export interface ProvidedCertificate extends StoredCertificate {
  /** Days before its end at which a person was told last. */
  told?: number;
}

/** Somebody else's certificate that was seen served when the domain came to us: until it runs low nothing is ordered, nor delivered. Times in milliseconds since the epoch. */
export interface Foreign {
  fingerprint: string;
  issuedBy: string;
  notAfter: number;
  /** When ours is ordered. */
  renewAt: number;
  seenAt: number;
}

/** A TXT value that we put into a zone and have to take out again. */
export interface PublishedValue {
  zoneId: string;
  recordName: string;
  values: string[];
}

/** By the issuer's name: when an order may be made, by each limit; `set` tells which names the one on exact sets is for. */
export type Reservation = Record<string, { set: string; places: Partial<Record<keyof Limits, number>> }>;

/** The item `D#<domain>`. */
export interface DomainRecord {
  domain: string;
  spec?: Wish;
  /** When the wish was said, ms since the epoch. */
  specAt?: number;
  /** The sender's own count of wishes, where there is one. */
  specVersion?: number;
  wanted: number;
  done: number;
  /** `wanted` when the claim was taken: what its owner has seen. */
  seen?: number;
  owner?: string;
  leaseUntil?: number;
  dueAt?: number;
  order?: { url: string; planned: string[]; issuer: string; profile?: string };
  /** Its places in the issuers' budgets, until they are used. */
  reserved?: Reservation;
  published?: PublishedValue[];
  current?: StoredCertificate;
  /** Ids of certificates that another one followed; their keys go once that is served everywhere. */
  superseded?: string[];
  foreign?: Foreign;
  acm?: AcmImport;
  /** Id of the certificate that was revoked at the CA. */
  revoked?: string;
  provided?: Partial<Record<Use, ProvidedCertificate>>;
  /** Ids of all that were ever provided and whose keys are still in the bucket. */
  elsewhere?: string[];
  parked?: Parked;
  retired?: Retired;
  /** Every server that a wish of it has named: no other can have work or a certificate of it. */
  servers?: string[];
  /** Mail servers of its wish that cannot serve by name: its mail is served under their host names. */
  servedUnder?: ServedUnder[];
  /** When its deletion was accepted; absent again once a later wish brings it back. */
  deletedAt?: number;
}

/** Every server that shall serve this wish, each once. */
export function serversOf(wish: Wish): string[] {
  return [...new Set([...wish.mailServers, ...(wish.webmailServer ? [wish.webmailServer] : [])])];
}

/** The wish to be nowhere: it goes by the same order as every other one. */
export function deletionOf(domain: string, { revoke }: { revoke?: boolean } = {}): Wish {
  return { domain, mailServers: [], policy: 'wildcard', deleted: true, ...(revoke && { revoke }) };
}

/** The current certificate does for this plan: it has exactly these names, its time to be renewed has not come, and nobody wants another. */
export function isFresh(current: StoredCertificate | undefined, planned: string[], now: number): boolean {
  if (current === undefined || current.askedAt !== undefined) return false;
  return now < current.renewAt && sameNames(current.names, planned);
}

export function sameNames(a: string[], b: string[]): boolean {
  return a.length === b.length && a.every(name => b.includes(name));
}

export interface ServedUnder {
  server: string;
  /** Its web server holds the domain's certificate all the same, for webmail alone. */
  webmail?: true;
}
