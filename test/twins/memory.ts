/**
 * The content of the table, as plain maps. Every value that goes in or out is a copy, as with a
 * real table.
 */
import type { DomainRecord } from '../../core/record/domain.ts';
import type { Outside } from '../../core/record/outside.ts';
import type { Installed, ServerRecord, Work } from '../../core/record/server.ts';
import type { Ending } from '../../core/ports/served-store.ts';
import type { IssuerRecord } from '../../core/ports/issuer-store.ts';
import type { AcmQuotas, AcmUse } from '../../core/record/acm.ts';

export interface Memory {
  domains: Map<string, DomainRecord>;
  servers: Map<string, ServerRecord>;
  /** By server, then by domain. */
  work: Map<string, Map<string, Work>>;
  installed: Map<string, Map<string, Installed>>;
  /** Domains that wait for a server's registration. */
  waiting: Map<string, Set<string>>;
  /** Domains by the ARN of their certificate in ACM. */
  arns: Map<string, string>;
  /** Imports into ACM. */
  imports: { byMonth: AcmUse['imports']; quotas?: AcmQuotas };
  /** Domains that depend on a server's capability. */
  dependents: Map<string, Set<string>>;
  outsides: Map<string, Outside>;
  /** Foreign certificates that an import saw, by domain. */
  foreign: Map<string, Omit<Ending, 'server'>>;
  guard: { pagedOn?: number };
  /** The server of each node. */
  nodes: Map<string, string>;
  tokens: Map<string, { server: string; token: string; dueAt: number }>;
  /** By directory URL. */
  issuers: Map<string, IssuerRecord>;
  budgets: Map<string, number>;
}

export function emptyMemory(): Memory {
  return {
    domains: new Map(),
    servers: new Map(),
    work: new Map(),
    installed: new Map(),
    waiting: new Map(),
    arns: new Map(),
    imports: { byMonth: {} },
    dependents: new Map(),
    outsides: new Map(),
    foreign: new Map(),
    guard: {},
    nodes: new Map(),
    tokens: new Map(),
    issuers: new Map(),
    budgets: new Map(),
  };
}

/** A copy as JSON keeps it: an undefined field is absent, as in the table. */
export function copy<T>(value: T): T {
  return value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T);
}

/** The map of this name, which is created at its first use. */
export function inner<V>(maps: Map<string, Map<string, V>>, name: string): Map<string, V> {
  const found = maps.get(name) ?? new Map<string, V>();
  maps.set(name, found);
  return found;
}
