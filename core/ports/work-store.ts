/** What servers should still install or remove, and what was seen served on them. */
import type { DomainRecord, StoredCertificate } from '../record/domain.ts';
import type { Installed, Work } from '../record/server.ts';

export interface WorkStore {
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
  /**
   * Gives a server what its node does not have, in place of the work that was seen there (`over`, its version; none:
   * no work was seen). Where other work has come meanwhile, that stays.
   * @returns false when the server is registered with another node by now
   */
  giveAgain(
    to: { server: string; node: string },
    works: (Pick<Work, 'domain' | 'certificate' | 'provided' | 'host' | 'drift'> & { over?: number })[],
    now: number,
  ): Promise<boolean>;
  /** Work in the order of the domains' names, from the base table, at most `limit`, of domains that come `after` this one. */
  work(server: string, limit: number, after?: string): Promise<Work[]>;
  /** The work that waits there for this domain. */
  workFor(of: { server: string; domain: string }): Promise<Work | undefined>;
  installed(of: { server: string; domain: string }): Promise<Installed | undefined>;
  /** Everything that was seen served there. */
  allInstalled(server: string): Promise<Installed[]>;
  /** The entry was seen served: first what is installed is on record, then the work goes away at its version. */
  recordInstalled(server: string, work: { domain: string; v: number }, installed: Installed): Promise<void>;
  /** The entry was removed from the server: what this node had installed is forgotten (without `node`, what any had), then the work at its version. */
  recordRemoved(server: string, work: { domain: string; v: number }, node?: string): Promise<void>;
  /** The server refused the entry: its work waits until `notBefore`. */
  recordRefused(server: string, work: { domain: string; v: number }, notBefore: number, reason: string): Promise<void>;
}
