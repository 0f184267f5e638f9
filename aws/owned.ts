/** Writes that only the owner of a claim may do. */
import type { Owner } from '../core/ports/claim-store.ts';
import type { DomainRecord } from '../core/record/domain.ts';
import type { ServerRecord } from '../core/record/server.ts';
import { SealpostError } from '../core/errors.ts';
import type { Change } from './change.ts';
import { asRecord } from './domain-items.ts';
import { domainKey, serverKey } from './keys.ts';
import type { Table } from './table.ts';
import type { ServerClaim } from '../core/record/claim.ts';

/** What the owner changes, and the condition besides the claim. */
export type OwnedChange = Pick<Change, 'to'> & Partial<Pick<Change, 'when'>>;

/**
 * @returns the change of a domain by its owner: the record, or undefined if the condition is false
 */
export function changeOfDomain(table: Table): (owner: Owner, change: OwnedChange) => Promise<DomainRecord | undefined> {
  return async ({ domain, me }, { to, when }) =>
    asRecord(await table.change(domainKey(domain), { to, when: { owner: me, ...when } }));
}

/**
 * @returns the change of a domain by its owner, which throws ClaimLost if the condition is false
 */
export function ownedDomain(table: Table): (owner: Owner, change: OwnedChange) => Promise<DomainRecord> {
  const change = changeOfDomain(table);
  return async (owner, wanted) => (await change(owner, wanted)) ?? lost(owner.domain);
}

/** @returns the change of a server by its owner, or undefined if the condition is false */
export function changeOfServer(
  table: Table,
): (claim: ServerClaim, change: OwnedChange) => Promise<ServerRecord | undefined> {
  return async ({ server, me }, { to, when }) =>
    (await table.change(serverKey(server), { to, when: { owner: me, ...when } })) as ServerRecord | undefined;
}

/**
 * @returns the change of a server by its owner, which throws ClaimLost if the condition is false
 */
export function ownedServer(table: Table): (claim: ServerClaim, change: OwnedChange) => Promise<ServerRecord> {
  const change = changeOfServer(table);
  return async (claim, wanted) => (await change(claim, wanted)) ?? lost(claim.server);
}

/** @throws SealpostError ClaimLost */
export function lost(name: string): never {
  throw new SealpostError('ClaimLost', { about: name, message: `another execution has taken ${name} over` });
}
