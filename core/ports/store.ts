/**
 * The table, as the road needs it: each method is one write (or read) of the protocol, with its condition. Two
 * implementations pass one suite: `aws/table.ts` (DynamoDB) and an in-memory twin for tests.
 *
 * Times are milliseconds since the epoch. `me` is the execution's name. Where a condition can be lost the method
 * answers `false` or `undefined`, or throws `ClaimLost` where going on would be wrong.
 */
import type { Trouble } from '../record/trouble.ts';
import type { DomainRecord, Foreign, PublishedValue, Reservation, ServedUnder, StoredCertificate, Use, Wish } from '../record/domain.ts';
import type { Outside } from '../record/outside.ts';
import type { DeliveryUnderWay, Installed, ServerRecord, Work } from '../record/server.ts';
import type { AcmImport, AcmQuotas, AcmUse } from '../record/acm.ts';
import type { Parked, Retired } from '../record/parked.ts';
import type { DueDomain } from '../record/due.ts';

/** How long a claim lasts without being renewed: longer than any task in between (2,700 s), see protocol.md. */
export const LEASE_MS = 3_600_000;
/** How long a woken server belongs to an execution that has not yet begun. */
export const WAKE_MS = 60_000;

/** What is kept of an issuer, by its directory's URL. */
export interface IssuerRecord {
  /** Of our account there, once there is one. */
  accountUrl?: string;
  /** Of the account's key (RFC 7638). */
  thumbprint?: string;
  trouble?: Trouble;
}

export interface DomainStore {
  readDomain(domain: string): Promise<DomainRecord | undefined>;
  /**
   * Puts the wish on record unless a later one is there, or the same; due soon, in case nobody lives to claim it.
   * Later is the higher `version` where both have one, else the later `at`. Said again while an execution is at work
   * for the very same, it counts as no other wish: only the time of the last word moves.
   * @param foreign what was seen served for this wish; every other wish forgets it
   * @returns whether it was written
   */
  acceptWish(wish: Wish, order: { at: number; version?: number }, now: number, foreign?: Foreign): Promise<boolean>;
  /** Takes the domain for this execution. @returns the record, or undefined when another has it or there is nothing to do */
  claimDomain(domain: string, me: string, now: number): Promise<DomainRecord | undefined>;
  /** Renews the lease. @throws SealpostError ClaimLost */
  renewDomain(domain: string, me: string, now: number): Promise<DomainRecord>;
  /** Remembers the places in budgets that were reserved for the domain. @throws ClaimLost */
  recordReservation(domain: string, me: string, reserved: Reservation): Promise<void>;
  /** Puts the order on record, unless one is there; `reserved` are the places that it has not used. @returns the one on record */
  recordOrder(
    domain: string,
    me: string,
    order: NonNullable<DomainRecord['order']>,
    reserved?: Reservation,
  ): Promise<NonNullable<DomainRecord['order']>>;
  /** Forgets an order that can no longer succeed, so that the next try makes another. */
  forgetOrder(domain: string, me: string, url: string): Promise<void>;
  /** Remembers TXT values before they are published (or forgets them after they were retracted), so that a later claim can retract a killed one's. @throws ClaimLost */
  recordPublished(domain: string, me: string, published: PublishedValue[]): Promise<void>;
  /**
   * One transaction: the certificate becomes the domain's current one, the order is done, and each server has work.
   * `order` is forgotten, and what was `reserved` is used. @returns false when the wish has changed since it was claimed, or a staging issuer's would
   * follow a trusted one (nothing is written)
   */
  commitCertificate(commit: {
    domain: string;
    me: string;
    seen: number;
    certificate: StoredCertificate;
    /** What stands before it on the servers. */
    provided?: DomainRecord['provided'];
    /** Id of the one that it follows. */
    supersedes?: string;
    servers: string[];
    /** Of these, the ones whose work is calm, each with the moment that it waits for. */
    calm?: Record<string, number>;
    host?: boolean;
    now: number;
  }): Promise<boolean>;
  /** Work for servers that do not serve what is to be served yet, without an order. */
  commitWork(work: {
    domain: string;
    certificate?: StoredCertificate;
    provided?: DomainRecord['provided'];
    servers: string[];
    host?: boolean;
    now: number;
  }): Promise<void>;
  /**
   * Work to remove the domain from servers.
   * @param removal.wanted the domain's counter when it was decided that its wish does not name them
   * @returns false when the wish has changed since, or one of the servers is not registered any more: decide again
   */
  commitRemoval(removal: { domain: string; wanted: number; servers: string[]; now: number }): Promise<boolean>;
  /** Remembers what is in ACM for it, and finds the domain by its ARN from then on. @throws ClaimLost */
  recordAcm(domain: string, me: string, acm: AcmImport): Promise<void>;
  /** Forgets that, and the ARN. @throws ClaimLost */
  forgetAcm(domain: string, me: string, arn: string | undefined): Promise<void>;
  /** One more import that ACM took. @param month as `202611`, of UTC @param quotas as they are now */
  countImport(month: string, quotas: AcmQuotas): Promise<void>;
  /** @param withCertificates those are a read of each one's ARN; else 0 */
  acmUse(withCertificates: boolean): Promise<AcmUse>;
  /** The domain whose certificate that ARN is. */
  domainOfArn(arn: string): Promise<string | undefined>;
  /** The domain has no current certificate any more. @throws ClaimLost */
  dropCurrent(domain: string, me: string, current: string): Promise<void>;
  /** The objects of these certificates are gone. @param superseded all that were on record: where there are others by now, nothing is written */
  forgetSuperseded(domain: string, superseded: string[]): Promise<void>;
  /** Its current certificate was revoked at the CA. @throws ClaimLost */
  recordRevoked(domain: string, me: string, certificate: string): Promise<void>;
  /** Ends the claim. @returns false when the wish changed meanwhile: the claim is ended, due at once */
  releaseDomain(domain: string, me: string, seen: number, dueAt: number, now: number): Promise<boolean>;
  /** Ends the claim with a reason; `waitsFor` are servers whose registration wakes the domain: due at once where one is registered by now. */
  parkDomain(domain: string, me: string, parked: Parked, waitsFor: string[]): Promise<void>;
  /** Under which servers the domain is served; none: it is forgotten. @throws ClaimLost */
  recordServedUnder(domain: string, me: string, servedUnder: ServedUnder[]): Promise<void>;
  /** Notes under each server that the domain hangs on what it can do. */
  dependOn(domain: string, servers: string[]): Promise<void>;
  dependNoMore(domain: string, servers: string[]): Promise<void>;
  /**
   * All domains that hang on what this server can do are looked at again (`lookAgain`), and go on hanging on it.
   * @param first so many of them are named
   */
  wakeDependents(server: string, now: number, first: number): Promise<{ woken: number; first: string[] }>;
  /** Ends the claim: it has left, and is due at `dueAt` once more, or never. @returns false when the wish changed meanwhile: the claim stays */
  retireDomain(domain: string, me: string, retired: Retired, dueAt: number | undefined): Promise<boolean>;
  /** Ends the claim on a deleted domain, and all that is known of it. @returns false when the wish changed meanwhile: the claim stays */
  forgetDomain(domain: string, me: string, seen: number): Promise<boolean>;
  /**
   * Puts on record what is provided for the domain from now on, and has it looked at again. Their ids are kept in
   * `elsewhere`, also when they are withdrawn, until their objects are gone.
   * @param before as it was read
   * @returns false when it is not so any more, or nobody wishes the domain
   */
  provide(
    domain: string,
    provided: DomainRecord['provided'],
    before: DomainRecord['provided'],
    now: number,
  ): Promise<boolean>;
  /** The objects of these are gone. */
  forgetElsewhere(domain: string, ids: string[]): Promise<void>;
  /** A person was told that many days before its end, unless another is provided by now. @throws ClaimLost */
  recordTold(domain: string, me: string, use: Use, id: string, days: number): Promise<void>;
  /** Something that the wish hangs on has changed: who is at work for the domain has to look again when it ends; else it is due now. */
  lookAgain(domain: string, now: number): Promise<void>;
  /**
   * All domains that wait for this server's registration: each is looked at again (`lookAgain`) and forgotten here.
   * @param first so many of them are named
   */
  wakeWaitingDomains(server: string, now: number, first: number): Promise<{ woken: number; first: string[] }>;
}

export interface ServerStore {
  readServer(server: string): Promise<ServerRecord | undefined>;
  /**
   * Makes or changes a server's record; it is inspected anew, and its own host name has to be seen served anew.
   * @param at when it was said: an earlier word, or the same one again, changes nothing
   * @returns whether it was written
   */
  registerServer(
    server: Pick<ServerRecord, 'server' | 'node' | 'roleId' | 'adopt' | 'platform' | 'servesByName'>,
    at: number,
    now: number,
  ): Promise<boolean>;
  /**
   * Ends a server's registration: to everybody it is as if nobody had registered it, but its sequence is not forgotten.
   * @param at when it was said: a registration that was said later, or in the same second, stands
   */
  retireServer(server: string, at: number): Promise<void>;
  /** Takes the server for an execution that is yet to start; a held one is due no more. @returns its name, or undefined when it is busy, held or has nothing to do */
  wakeServer(server: string, now: number): Promise<string | undefined>;
  /** @throws SealpostError ClaimLost */
  renewServer(server: string, me: string, now: number): Promise<ServerRecord>;
  /** Work in the order of the domains' names, from the base table, at most `limit`, of domains that come `after` this one. */
  work(server: string, limit: number, after?: string): Promise<Work[]>;
  /**
   * Gives a server what its node does not have, in place of the work that was seen there (`over`, its version; none:
   * no work was seen). Where other work has come meanwhile, that stays.
   * @returns false when the server is registered with another node by now
   */
  giveAgain(
    server: string,
    node: string,
    works: (Pick<Work, 'domain' | 'certificate' | 'provided' | 'host' | 'drift'> & { over?: number })[],
    now: number,
  ): Promise<boolean>;
  /** The work that waits there for this domain. */
  workFor(server: string, domain: string): Promise<Work | undefined>;
  installed(server: string, domain: string): Promise<Installed | undefined>;
  /** Everything that was seen served there. */
  allInstalled(server: string): Promise<Installed[]>;
  /** Puts the delivery on record and takes the next sequence number. @throws ClaimLost */
  startDelivery(server: string, me: string, delivery: DeliveryUnderWay): Promise<void>;
  /** The command that carries this delivery. */
  recordCommand(server: string, me: string, hash: string, commandId: string, now: number): Promise<void>;
  /** The entry was seen served: first what is installed is on record, then the work goes away at its version. */
  recordInstalled(server: string, work: { domain: string; v: number }, installed: Installed): Promise<void>;
  /** The entry was removed from the server: what this node had installed is forgotten (without `node`, what any had), then the work at its version. */
  recordRemoved(server: string, work: { domain: string; v: number }, node?: string): Promise<void>;
  /** The server refused the entry: its work waits until `notBefore`. */
  recordRefused(server: string, work: { domain: string; v: number }, notBefore: number, reason: string): Promise<void>;
  /** It shall be audited at that time, whenever its day's audit is. @returns false when there is no such server */
  askAudit(server: string, at: number, now: number): Promise<boolean>;
  /** The delivery is over, and its token forgotten; `changes` are what was learnt, and `forget` what is so no more. */
  endDelivery(
    server: string,
    me: string,
    hash: string,
    changes: Partial<
      Pick<ServerRecord, 'capability' | 'hostSecuredAt' | 'held' | 'failures' | 'seq' | 'audit' | 'auditAsked'>
    >,
    forget?: ('capability' | 'auditAsked')[],
  ): Promise<void>;
  /** Ends the claim; `failures` in a row, where there was one more. @returns false when work came meanwhile: the claim stays */
  releaseServer(
    server: string,
    me: string,
    wanted: number,
    dueAt: number | undefined,
    failures?: number,
  ): Promise<boolean>;
  putToken(hash: string, server: string, token: string): Promise<void>;
  token(hash: string): Promise<{ server: string; token: string } | undefined>;
}

export interface IssuerStore {
  readIssuer(directory: string): Promise<IssuerRecord | undefined>;
  recordAccount(directory: string, account: Required<Pick<IssuerRecord, 'accountUrl' | 'thumbprint'>>): Promise<void>;
  /** @param known what was read before, if anything was @returns false when another one wrote meanwhile: that stands */
  recordTrouble(directory: string, trouble: Trouble, known?: Trouble): Promise<boolean>;
  /**
   * Reserves one order in a budget (GCRA): one order each `intervalMs`, and a burst of `horizonMs` worth of them.
   * @param latest a place after this is not taken
   * @returns when the order may be made: now, or once the mean rate has caught up with all that were reserved before; after
   *   `latest`: nothing was reserved
   */
  reserveOrder(budget: string, intervalMs: number, horizonMs: number, now: number, latest?: number): Promise<number>;
}

/** How far the walk over all certificates has come (core/renewal/walk.ts). */
export interface WalkPosition {
  /** Grows with each write: of two walks at once one is told so. */
  step: number;
  /** When this pass began. */
  begunAt: number;
  /** How long it shall take, ms. */
  paceMs: number;
  /** Where it goes on; nothing: at the beginning. */
  after?: string;
  /** Certificates that it has come past. */
  passed: number;
  /** As many as the pass before came past: by them this one is spread over its time. */
  expected?: number;
  /** The shortest time between two looks that a CA asked for in this pass. */
  intervalMs?: number;
  ended?: true;
  /** By the CA's name: it gave no answer since, and is not asked before. */
  failing?: Record<string, { since: number; until: number }>;
}

/** A domain as the index of what is due has it: eventually consistent, so whoever writes says what was read. */
export interface KnownDomain {
  domain: string;
  dueAt: number;
  current?: StoredCertificate;
}
export type KnownCertificate = Required<KnownDomain>;

/** What a CA advises for a certificate, and what follows from it. */
export interface Advice {
  window: { start: number; end: number };
  explanation?: string;
  renewAt: number;
  dueAt: number;
}

export interface RenewalStore {
  /** Domains that are not deleted, at most `limit`, beginning after the place that the page before gave. */
  domains(limit: number, after?: string): Promise<{ domains: KnownDomain[]; after?: string }>;
  /** A person wants another certificate in place of the current one, or the next try now: due at once, if nobody is at work. */
  askRenewal(domain: string, now: number): Promise<void>;
  /** @returns false when the domain has another certificate or another time by now, or somebody is at work for it */
  recordAdvice(known: KnownCertificate, advice: Advice): Promise<boolean>;
  walkPosition(): Promise<WalkPosition | undefined>;
  /** @returns false when another walk has written since */
  recordWalk(position: WalkPosition): Promise<boolean>;
}

export interface OutsideStore {
  /** What was seen of each server from outside, and when it is looked at again. */
  outsides(): Promise<Outside[]>;
  /** It shall be looked at from outside; nothing changes where it is already. */
  beginOutside(server: string, dueAt: number): Promise<void>;
  /** @param read its `dueAt` as it was read @returns false when another has written since */
  recordOutside(outside: Outside, read: number): Promise<boolean>;
  forgetOutside(server: string): Promise<void>;
}

export interface Due extends DueDomain {
  kind: 'domain' | 'server';
  name: string;
}

export interface DueStore {
  /**
   * Domains and servers whose time has come, at most `limit` of each kind, the longest due first (of a great many: of
   * those that their shards have been keeping longest). A domain's certificate is as the index has it.
   */
  due(now: number, limit: number): Promise<Due[]>;
}

export interface Store extends DomainStore, ServerStore, IssuerStore, DueStore, RenewalStore, OutsideStore {}
