/**
 * A mail or webmail server, known by its host name. Its node id changes when the server is rebuilt.
 */
import { createHash } from 'node:crypto';
import type { DomainRecord, StoredCertificate, Use } from './domain.ts';
import type { Consent } from './adoption.ts';
import type { Webmail } from './delivery.ts';
import type { Audit, Look } from './audit.ts';
import type { Capable } from './capability.ts';
import type { Life } from './life.ts';

/** The delivery that is under way on a server. Times are milliseconds since the epoch. */
export interface DeliveryUnderWay {
  /** SHA-256 of the delivery object, hexadecimal. */
  hash: string;
  seq: number;
  mode: 'inspect' | 'install' | 'verify';
  /** True: the delivery has rows to check. */
  looks?: boolean;
  sentAt?: number;
  commandId?: string;
}

/** The platforms that a node may have, by Systems Manager's names. */
export type Platform = 'Linux' | 'Windows';

/** The item `S#<server>`. */
export interface ServerRecord extends Capable {
  server: string;
  node: string;
  /** The role's name, by which its trust is read anew. Absent: registered before it was kept. */
  role?: string;
  roleId: string;
  adopt: Consent;
  /** Which site is the webmail, if the registration says so. */
  webmail?: Webmail;
  /** Software that the registration leaves out, by the names of install/adapters/. */
  leaveOut?: string[];
  /** When the registration was sent, milliseconds since the epoch. */
  registeredAt: number;
  /** Absent: Linux. */
  platform?: 'Windows';
  /**
   * When the host name's certificate was first seen served and trusted. Customers' certificates
   * wait for that.
   */
  hostSecuredAt?: number;
  /** When the last inspection answered. */
  inspectedAt?: number;
  wanted: number;
  done: number;
  seq: number;
  held?: string;
  owner?: string;
  leaseUntil?: number;
  dueAt?: number;
  delivery?: DeliveryUnderWay;
  /** The summary of the last audit. */
  audit?: Audit;
  /**
   * When the audit is due before its daily time, because a person asked for it, or because the
   * answer of the last one was cut.
   */
  auditAsked?: number;
  /** Rounds in a row that failed. */
  failures?: number;
  /** True: a person was paged in this row of failures. */
  paged?: true;
}

/** The item `S#<server> W#<domain>`: what the server should still install or remove. */
export interface Work {
  domain: string;
  /** Version. An answer deletes the work only at the version that was delivered. */
  v: number;
  /**
   * Absent if only provided certificates are to be served: there is none of ours, and provided ones
   * are for mail and webmail.
   */
  certificate?: StoredCertificate | 'REMOVE';
  provided?: DomainRecord['provided'];
  host?: boolean;
  /** The node for which the work was given again, when the server was registered with that node. */
  node?: string;
  /** The work is not delivered before this moment (a refused entry, calm work). */
  notBefore?: number;
  /** Set if the audit did not see the certificate on these ports: the delivery repairs drift. */
  drift?: number[];
  /**
   * True: a renewal in good time. The work waits for `notBefore`, the server's quiet hour, and is
   * included in a delivery that goes sooner.
   */
  calm?: true;
  /** Why the server refused the entry last time. */
  reason?: string;
  /** How often in a row it was refused since it was given. */
  refusals?: number;
}

/** The item `S#<server> P#<domain>`: what was seen served there. */
export interface Installed {
  domain: string;
  /** Version of the work that asked for it. Work of this version waits for nothing more here. */
  v?: number;
  certificate?: string;
  fingerprint?: string;
  /** SHA-256 of the leaf of each provided certificate, hexadecimal. */
  provided?: Partial<Record<Use, string>>;
  /** The id of each provided certificate: the same leaf with another chain has another id. */
  providedIds?: Partial<Record<Use, string>>;
  seenAt: number;
  /** Of the leaves that were seen, the one that the last guard watches first. */
  life?: Life;
  /** How the audit checks what is installed. */
  looks?: Look[];
  /**
   * The node that served the certificate. If the server has another node now, that node does not
   * have the certificate. Absent: the server was retired since then, and may return with the
   * certificate on its disk.
   */
  node?: string;
}

/**
 * `<role id>:<node id>`: the prefix of the server's deliveries, and the only one that its role may
 * read (`${aws:userid}`).
 */
export function deliveryPrefix(server: Pick<ServerRecord, 'roleId' | 'node'>): string {
  return `${server.roleId}:${server.node}`;
}

/**
 * The name of an execution, from server and sequence number. A name has at most 80 characters and
 * no dots, so it is a hash.
 */
export function deliveryExecutionName(server: string, seq: number): string {
  return `deliver-${createHash('sha256').update(`${server} ${seq}`).digest('hex').slice(0, 40)}`;
}

/**
 * True if the work may be delivered now. Until the host name's certificate was seen served and
 * trusted, only the host name's work and removals are delivered, because a customer's certificate
 * would protect nothing before.
 */
export function isDeliverable(server: ServerRecord, work: Work, now: number): boolean {
  return (work.notBefore ?? 0) <= now && isAllowed(server, work);
}

/** True if the work is included in a delivery, but starts none by itself. */
export function goesAlong(server: ServerRecord, work: Work): boolean {
  return work.calm === true && isAllowed(server, work);
}

function isAllowed(server: ServerRecord, work: Work): boolean {
  return work.host === true || work.certificate === 'REMOVE' || server.hostSecuredAt !== undefined;
}

/** True if an execution has claimed the server and its lease has not ended. */
export function isAwake(server: ServerRecord, now: number): boolean {
  return server.owner !== undefined && (server.leaseUntil ?? 0) >= now;
}
