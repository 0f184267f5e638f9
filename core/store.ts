/**
 * The table, as the road needs it: each method is one write (or read) of the protocol, with its condition. Two
 * implementations pass one suite: `aws/table.ts` (DynamoDB) and an in-memory twin for tests.
 *
 * Times are milliseconds since the epoch. `me` is the execution's name. Where a condition can be lost the method
 * answers `false` or `undefined`, or throws `ClaimLost` where going on would be wrong.
 */
import type { DomainRecord, Parked, PublishedValue, StoredCertificate, Wish } from './domain/domain.ts';
import type { DeliveryUnderWay, Installed, ServerRecord, Work } from './server/server.ts';

/** How long a claim lasts without being renewed: longer than any task in between (2,700 s), see protocol.md. */
export const LEASE_MS = 3_600_000;
/** How long a woken server belongs to an execution that has not yet begun. */
export const WAKE_MS = 60_000;

export interface Account {
  accountUrl: string;
}

export interface DomainStore {
  readDomain(domain: string): Promise<DomainRecord | undefined>;
  /**
   * Puts the wish on record unless a later one is there, or the same; due soon, in case nobody lives to claim it.
   * Later is the higher `version` where both have one, else the later `at`.
   * @returns whether it was written
   */
  acceptWish(wish: Wish, order: { at: number; version?: number }, now: number): Promise<boolean>;
  /** Takes the domain for this execution. @returns the record, or undefined when another has it or there is nothing to do */
  claimDomain(domain: string, me: string, now: number): Promise<DomainRecord | undefined>;
  /** Renews the lease. @throws SealpostError ClaimLost */
  renewDomain(domain: string, me: string, now: number): Promise<DomainRecord>;
  /** Puts the order on record, unless one is there. @returns the one on record */
  recordOrder(
    domain: string,
    me: string,
    order: NonNullable<DomainRecord['order']>,
  ): Promise<NonNullable<DomainRecord['order']>>;
  /** Forgets an order that can no longer succeed, so that the next try makes another. */
  forgetOrder(domain: string, me: string, url: string): Promise<void>;
  /** Remembers TXT values before they are published (or forgets them after they were retracted), so that a later claim can retract a killed one's. @throws ClaimLost */
  recordPublished(domain: string, me: string, published: PublishedValue[]): Promise<void>;
  /**
   * One transaction: the certificate becomes the domain's current one, the order is done, and each server has work.
   * `order` is forgotten. @returns false when the wish has changed since it was claimed (nothing is written)
   */
  commitCertificate(commit: {
    domain: string;
    me: string;
    seen: number;
    certificate: StoredCertificate;
    servers: string[];
    host?: boolean;
    now: number;
  }): Promise<boolean>;
  /** Work for servers that do not serve the current certificate yet, without an order. */
  commitWork(work: {
    domain: string;
    certificate: StoredCertificate;
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
  /** Ends the claim. @returns false when the wish changed meanwhile: the claim is ended, due at once */
  releaseDomain(domain: string, me: string, seen: number, dueAt: number, now: number): Promise<boolean>;
  /** Ends the claim with a reason; `waitsFor` are servers whose registration wakes the domain. */
  parkDomain(domain: string, me: string, parked: Parked, waitsFor: string[]): Promise<void>;
  /** Ends the claim on a deleted domain, and all that is known of it. @returns false when the wish changed meanwhile: the claim stays */
  forgetDomain(domain: string, me: string, seen: number): Promise<boolean>;
  /** Something that the wish hangs on has changed: who is at work for the domain has to look again when it ends; else it is due now. */
  lookAgain(domain: string, now: number): Promise<void>;
  /** Domains that wait for this server's registration; each is made due now and forgotten here. */
  wakeWaitingDomains(server: string, now: number): Promise<string[]>;
}

export interface ServerStore {
  readServer(server: string): Promise<ServerRecord | undefined>;
  /**
   * Makes or changes a server's record; it is inspected anew, and its own host name has to be seen served anew.
   * @param at when it was said: an earlier word, or the same one again, changes nothing
   * @returns whether it was written
   */
  registerServer(
    server: Pick<ServerRecord, 'server' | 'node' | 'roleId' | 'adopt'>,
    at: number,
    now: number,
  ): Promise<boolean>;
  /**
   * Ends a server's registration: to everybody it is as if nobody had registered it, but its sequence is not forgotten.
   * @param at when it was said: a registration that was said later, or in the same second, stands
   */
  retireServer(server: string, at: number): Promise<void>;
  /** Takes the server for an execution that is yet to start. @returns its name, or undefined when it is busy, held or has nothing to do */
  wakeServer(server: string, now: number): Promise<string | undefined>;
  /** @throws SealpostError ClaimLost */
  renewServer(server: string, me: string, now: number): Promise<ServerRecord>;
  /** Work in the order of the domains' names, from the base table, at most `limit`. */
  work(server: string, limit: number): Promise<Work[]>;
  /** The work that waits there for this domain. */
  workFor(server: string, domain: string): Promise<Work | undefined>;
  installed(server: string, domain: string): Promise<Installed | undefined>;
  /** Everything that was seen served there. */
  allInstalled(server: string): Promise<Installed[]>;
  /** Puts the delivery on record and takes the next sequence number. @throws ClaimLost */
  startDelivery(server: string, me: string, delivery: DeliveryUnderWay): Promise<void>;
  /** The command that carries this delivery. */
  recordCommand(server: string, me: string, hash: string, commandId: string, now: number): Promise<void>;
  /** The entry was seen served: what is installed is on record, the work goes away at its version. */
  recordInstalled(server: string, work: { domain: string; v: number }, installed: Installed): Promise<void>;
  /** The entry was removed from the server. */
  recordRemoved(server: string, work: { domain: string; v: number }): Promise<void>;
  /** The server refused the entry: its work waits until `notBefore`. */
  recordRefused(server: string, work: { domain: string; v: number }, notBefore: number, reason: string): Promise<void>;
  /** The delivery is over, and its token forgotten; `changes` are what was learnt. */
  endDelivery(
    server: string,
    me: string,
    hash: string,
    changes: Partial<Pick<ServerRecord, 'capability' | 'hostSecuredAt' | 'held' | 'failures' | 'seq'>>,
  ): Promise<void>;
  /** Ends the claim. @returns false when work came meanwhile: the claim stays */
  releaseServer(server: string, me: string, wanted: number, dueAt: number | undefined): Promise<boolean>;
  putToken(hash: string, server: string, token: string): Promise<void>;
  token(hash: string): Promise<{ server: string; token: string } | undefined>;
}

export interface IssuerStore {
  account(directory: string): Promise<Account | undefined>;
  recordAccount(directory: string, account: Account): Promise<void>;
  /**
   * Reserves one order in a budget (GCRA): one order each `intervalMs`, at most `horizonMs` ahead.
   * @returns when the order may be made, or undefined when the budget is spent further ahead than that
   */
  reserveOrder(budget: string, intervalMs: number, horizonMs: number, now: number): Promise<number | undefined>;
}

export interface DueStore {
  /** Domains and servers whose time has come, at most `limit`, the longest due first. */
  due(now: number, limit: number): Promise<{ kind: 'domain' | 'server'; name: string; dueAt: number }[]>;
}

export interface Store extends DomainStore, ServerStore, IssuerStore, DueStore {}
