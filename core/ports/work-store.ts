/**
 * What servers should still install or remove, item `S#<server>` `/W#<domain>`, and what was seen
 * served on them, item `S#<server>` `/P#<domain>`.
 *
 * Work that is committed has the version `v = now`; its server's item is changed in the same
 * transaction: `wanted + 1`, and due in a minute, in case the committing step is killed before it
 * wakes the server.
 */
import type { DomainRecord, StoredCertificate } from '../record/domain.ts';
import type { Installed, Work } from '../record/server.ts';

/** The work for one domain on one server. */
interface At {
  server: string;
  domain: string;
}

/** Work by its domain and the version that was delivered. */
export type Delivered = Pick<Work, 'domain' | 'v'>;

export interface WorkStore {
  /**
   * One transaction: `current` becomes the certificate, the id before it joins `superseded`,
   * `order` and `reserved` are removed; each server has work. A domain with more servers than a
   * transaction takes has its servers written first, and its own item last.
   *
   * Condition: the claim; `wanted = seen`; each server is registered; a staging issuer's
   * certificate follows none or another staging one.
   * @returns false if a newer wish came, the claim is lost, or staging would replace a trusted
   *   certificate: nothing is written
   * @throws SealpostError ServerNotRegistered
   */
  commitCertificate(commit: {
    domain: string;
    me: string;
    seen: number;
    certificate: StoredCertificate;
    /** What is served in the place of the certificate, on servers that have a use for it. */
    provided?: DomainRecord['provided'];
    /** Id of the current certificate until now. */
    supersedes?: string;
    servers: string[];
    /** Servers whose work is calm, each with its quiet moment. */
    calm?: Record<string, number>;
    host?: boolean;
    now: number;
  }): Promise<boolean>;
  /**
   * Gives work without an order, to servers that do not serve yet what they should.
   *
   * Condition: each server is registered.
   * @throws SealpostError ServerNotRegistered
   */
  commitWork(work: {
    domain: string;
    certificate?: StoredCertificate;
    provided?: DomainRecord['provided'];
    servers: string[];
    host?: boolean;
    now: number;
  }): Promise<void>;
  /**
   * Gives work to remove the domain.
   *
   * Condition: the domain's `wanted` is as it was read; each server is registered.
   * @returns false if the condition is false: the caller decides again
   */
  commitRemoval(removal: { domain: string; wanted: number; servers: string[]; now: number }): Promise<boolean>;
  /**
   * Gives a server again what its node lacks. The work names the node.
   *
   * Condition: the server is registered with this node; and for each work, what waits for the
   * domain has the version `over`, or nothing waits and `over` is absent. Work that came meanwhile
   * stays.
   * @returns false if the server has another node by now
   */
  giveAgain(
    to: { server: string; node: string },
    works: (Pick<Work, 'domain' | 'certificate' | 'provided' | 'host' | 'drift'> & { over?: number })[],
    now: number,
  ): Promise<boolean>;
  /**
   * A consistent read of work by the domains' names: at most `limit`, of domains that follow
   * `after`.
   */
  work(server: string, limit: number, after?: string): Promise<Work[]>;
  workFor(at: At): Promise<Work | undefined>;
  installed(at: At): Promise<Installed | undefined>;
  /** All that was seen served on the server, by the domains' names. */
  allInstalled(server: string): Promise<Installed[]>;
  /** Puts what was seen served, with the version of the work that asked for it. The work stays. */
  recordInstalled(server: string, work: Delivered, installed: Omit<Installed, 'v'>): Promise<void>;
  /** Deletes work that is done, with all that follows from it, if it still has version `v`. */
  endWork(server: string, work: Delivered): Promise<void>;
  /**
   * Deletes what was installed, if it was installed on this node, or seen before `begun`: another
   * node's answer that came since then stays. Then deletes the work, if it still has version `v`.
   * @param by.begun when the step began that records the answer, milliseconds since the epoch
   */
  recordRemoved(server: string, work: Delivered, by: { node: string; begun: number }): Promise<void>;
  /**
   * Removes `node` from what was installed, if it was seen before `begun`, because the server has
   * left with it; then deletes the work, if it still has version `v`.
   * @param at.begun when the retirement began, milliseconds since the epoch
   */
  recordRetired(server: string, work: Delivered, at: { begun: number }): Promise<void>;
  /**
   * Writes `notBefore` and `reason` to work that was refused, adds one to `refusals`, and removes
   * `calm`, if the work still has version `v`.
   */
  recordRefused(server: string, work: Delivered, notBefore: number, reason: string): Promise<void>;
}
