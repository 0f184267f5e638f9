/** What the table has about domains, servers and issuers, read for a person. */
import type { DomainRecord } from '../record/domain.ts';
import type { Outside } from '../record/outside.ts';
import type { Installed, ServerRecord, Work } from '../record/server.ts';
import type { IssuerRecord } from '../ports/issuer-store.ts';
import type { AcmUse } from '../record/acm.ts';

/** The items of a server. A server that is not registered has no `record`. */
export interface OnServer {
  record?: ServerRecord;
  /** By domain. */
  work: Map<string, Work>;
  installed: Map<string, Installed>;
  outside?: Outside;
}

export interface Known {
  domains: DomainRecord[];
  /** By host name. */
  servers: Map<string, OnServer>;
  /** The issuers at which the stack has an account; empty unless everything was read. */
  issuers: KnownIssuer[];
  /** Present if everything was read and something was imported into ACM. */
  acm?: AcmUse;
}

export interface KnownIssuer extends Pick<IssuerRecord, 'trouble'> {
  directory: string;
}

export interface KnownStore {
  /**
   * Everything, read page by page without a lock: for a person, not for a decision. A million
   * domains are about 1.5 GB and $0.05 of reads.
   */
  all(): Promise<Known>;
  /** The domain, its servers, and what each of them has of the domain: work and installed. */
  ofDomain(domain: string): Promise<Known>;
  /**
   * The server, its host name as a domain, and everything that waits for the server or is installed
   * there.
   */
  ofServer(server: string): Promise<Known>;
}
