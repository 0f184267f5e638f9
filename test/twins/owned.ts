/** Conditional changes of a record, and those that only the owner of a claim may make. */
import { isDeepStrictEqual } from 'node:util';
import { SealpostError } from '../../core/errors.ts';
import type { Owner } from '../../core/ports/claim-store.ts';
import type { DomainRecord } from '../../core/record/domain.ts';
import type { ServerRecord } from '../../core/record/server.ts';
import { copy, type Memory } from './memory.ts';
import type { ServerClaim } from '../../core/record/claim.ts';

/** The new values, and the values that the condition asks for; undefined: the field is absent. */
export interface Change<R> {
  to: Partial<R>;
  when?: Partial<R>;
}

/**
 * Changes the record if the condition `when` holds. If it does not, the same change may have been
 * made before: the record then has the values of `to`, and the rest of the condition holds.
 * @returns the record, or undefined if the condition fails
 */
export function change<R extends object>(record: R | undefined, { to, when = {} }: Change<R>): R | undefined {
  if (!record) return undefined;
  const is = ([name, value]: [string, unknown]) => isDeepStrictEqual(record[name as keyof R], copy(value));
  const isUntouched = ([name]: [string, unknown]) => !(name in to);
  const isDone = () => Object.entries(to).every(is) && Object.entries(when).filter(isUntouched).every(is);
  if (!Object.entries(when).every(is)) return isDone() ? record : undefined;
  for (const [name, value] of Object.entries(to)) {
    if (value === undefined) delete record[name as keyof R];
    else record[name as keyof R] = copy(value) as R[keyof R];
  }
  return record;
}

type OwnedDomain = Change<DomainRecord>;

export function changeDomain({ domains }: Memory, { domain, me }: Owner, { to, when }: OwnedDomain) {
  return change(domains.get(domain), { to, when: { owner: me, ...when } });
}

/** @throws ClaimLost */
export function ownedDomain(memory: Memory, owner: Owner, wanted: OwnedDomain = { to: {} }): DomainRecord {
  return changeDomain(memory, owner, wanted) ?? lost(owner.domain);
}

export function changeServer({ servers }: Memory, { server, me }: ServerClaim, { to, when }: Change<ServerRecord>) {
  return change(servers.get(server), { to, when: { owner: me, ...when } });
}

/** @throws ClaimLost */
export function ownedServer(memory: Memory, claim: ServerClaim, wanted: Change<ServerRecord>): ServerRecord {
  return changeServer(memory, claim, wanted) ?? lost(claim.server);
}

export function lost(name: string): never {
  throw new SealpostError('ClaimLost', { about: name, message: `another execution has taken ${name} over` });
}
