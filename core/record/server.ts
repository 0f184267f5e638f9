/** A mail or webmail server, known by its host name; its managed node id changes when it is rebuilt. */
import { createHash } from 'node:crypto';
import type { DomainRecord, StoredCertificate, Use } from './domain.ts';
import type { Audit, Look } from './audit.ts';
import type { Capable } from './capability.ts';

/** A refused entry is not offered again sooner than this, unless its work changes: the cause is on the server or in the certificate, and does not pass in minutes. */
export const REFUSED_FOR_MS = 3_600_000;

/** The delivery that is under way on a server. Times in milliseconds since the epoch. */
export interface DeliveryUnderWay {
  /** sha256 of the delivery object, hex. */
  hash: string;
  seq: number;
  mode: 'inspect' | 'install' | 'verify';
  /** It has rows to be looked at. */
  looks?: boolean;
  sentAt?: number;
  commandId?: string;
}

/** What a node may run, by Systems Manager's word for it. */
export type Platform = 'Linux' | 'Windows';

/** The item `S#<server>`. */
export interface ServerRecord extends Capable {
  server: string;
  node: string;
  roleId: string;
  adopt: boolean;
  /** When that was said, ms since the epoch. */
  registeredAt: number;
  /** Absent: Linux. */
  platform?: 'Windows';
  /** When a certificate for its own host name was first seen served and trusted; customers' certificates wait for it. */
  hostSecuredAt?: number;
  wanted: number;
  done: number;
  seq: number;
  held?: string;
  owner?: string;
  leaseUntil?: number;
  dueAt?: number;
  delivery?: DeliveryUnderWay;
  /** What its last audit came to. */
  audit?: Audit;
  /** When it is to be audited before its time comes: somebody asked, or the last one was cut. */
  auditAsked?: number;
  /** Rounds in a row that came to nothing. */
  failures?: number;
}

/** The item `S#<server> W#<domain>`: what the server should still install or remove. */
export interface Work {
  domain: string;
  /** Version: a served answer takes the work away only at the version that was delivered. */
  v: number;
  /** None beside what is provided: it is for both, and there is none of ours. */
  certificate?: StoredCertificate | 'REMOVE';
  provided?: DomainRecord['provided'];
  host?: boolean;
  /** The node that it was given to again, when the server was registered with it. */
  node?: string;
  /** Not to be delivered before this moment (a refused entry, a calm renewal). */
  notBefore?: number;
  /** The audit did not see it on these ports: this delivery repairs it. */
  drift?: number[];
  /** A renewal in good time: it waits for `notBefore`, the server's quiet hour, and goes along with whatever goes sooner. */
  calm?: true;
  /** Why the server refused it last time. */
  reason?: string;
}

/** The item `S#<server> P#<domain>`: what was seen served there. */
export interface Installed {
  domain: string;
  certificate?: string;
  fingerprint?: string;
  /** sha256 of the leaf of each that was provided. */
  provided?: Partial<Record<Use, string>>;
  seenAt: number;
  /** How it is to be seen. */
  looks?: Look[];
  /** The node that served it: another one that has the name now does not have the certificate. */
  node: string;
}

/** `<role id>:<node id>`: where this server's deliveries lie, and all that its role may read (`${aws:userid}`). */
export function deliveryPrefix(server: Pick<ServerRecord, 'roleId' | 'node'>): string {
  return `${server.roleId}:${server.node}`;
}

/** Execution name from server and sequence: 80 characters at most and no dots in it, so a hash. */
export function deliveryExecutionName(server: string, seq: number): string {
  return `deliver-${createHash('sha256').update(`${server} ${seq}`).digest('hex').slice(0, 40)}`;
}

/** Only the server's own host name may be delivered until it is seen served and trusted: a domain's certificate protects nothing before. */
export function isDeliverable(server: ServerRecord, work: Work, now: number): boolean {
  return (work.notBefore ?? 0) <= now && isAllowed(server, work);
}

/** It makes no delivery by itself, and goes along with one. */
export function goesAlong(server: ServerRecord, work: Work): boolean {
  return work.calm === true && isAllowed(server, work);
}

function isAllowed(server: ServerRecord, work: Work): boolean {
  return work.host === true || work.certificate === 'REMOVE' || server.hostSecuredAt !== undefined;
}

/** What the sweep or a commit must see before it wakes a server. */
export function isAwake(server: ServerRecord, now: number): boolean {
  return server.owner !== undefined && (server.leaseUntil ?? 0) >= now;
}
