/** What the table knows, as a person asks for it: read only, and apart from the writes of the protocol. */
import type { DomainRecord } from '../record/domain.ts';
import type { Outside } from '../record/outside.ts';
import type { Installed, ServerRecord, Work } from '../record/server.ts';
import type { IssuerRecord } from '../ports/issuer-store.ts';
import type { AcmUse } from '../record/acm.ts';

/** What is kept under a server's name; `record` is absent while nobody has registered it. */
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
  /** All that an account was made at, where all is known. */
  issuers: KnownIssuer[];
  /** Where something was imported into ACM, and all is known. */
  acm?: AcmUse;
}

export interface KnownIssuer extends Pick<IssuerRecord, 'trouble'> {
  directory: string;
}

export interface KnownStore {
  /**
   * Everything, read page by page without a lock: for a person, not for a decision. A million domains are about 1.5 GB
   * and $0.05 of reads.
   */
  all(): Promise<Known>;
  /** The domain, its servers, and its work and what is installed of it on them. */
  ofDomain(domain: string): Promise<Known>;
  /** The server, its own host name as a domain, and all that waits for it or is installed on it. */
  ofServer(server: string): Promise<Known>;
}
