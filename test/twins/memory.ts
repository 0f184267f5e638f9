/**
 * What the table holds, as plain maps; every value that goes in or out is a copy, as it is with a
 * real table.
 */
import type { DomainRecord } from '../../core/record/domain.ts';
import type { Outside } from '../../core/record/outside.ts';
import type { Installed, ServerRecord, Work } from '../../core/record/server.ts';
import type { IssuerRecord } from '../../core/ports/issuer-store.ts';
import type { AcmQuotas, AcmUse } from '../../core/record/acm.ts';

export interface Memory {
  domains: Map<string, DomainRecord>;
  servers: Map<string, ServerRecord>;
  /** Of each server, by domain. */
  work: Map<string, Map<string, Work>>;
  installed: Map<string, Map<string, Installed>>;
  /** Domains that wait for a server's registration. */
  waiting: Map<string, Set<string>>;
  /** Domains by the ARN of their certificate in ACM. */
  arns: Map<string, string>;
  /** Into ACM. */
  imports: { byMonth: AcmUse['imports']; quotas?: AcmQuotas };
  /** Domains that hang on what a server can do. */
  dependents: Map<string, Set<string>>;
  outsides: Map<string, Outside>;
  tokens: Map<string, { server: string; token: string }>;
  /** By directory. */
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
    tokens: new Map(),
    issuers: new Map(),
    budgets: new Map(),
  };
}

/** As JSON carries it: an undefined member is gone, as in the table. */
export function copy<T>(value: T): T {
  return value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T);
}

/** The map of that name, made when it is first needed. */
export function inner<V>(maps: Map<string, Map<string, V>>, name: string): Map<string, V> {
  const found = maps.get(name) ?? new Map<string, V>();
  maps.set(name, found);
  return found;
}
