/** A write that only the owner of a claim may do. */
import type { Owner } from '../core/ports/claim-store.ts';
import type { DomainRecord } from '../core/record/domain.ts';
import type { ServerRecord } from '../core/record/server.ts';
import { SealpostError } from '../core/errors.ts';
import { asRecord } from './domain-items.ts';
import { domainKey, serverKey, type Key } from './keys.ts';
import type { Table } from './table.ts';

interface OwnedWrite {
  set: string;
  values?: Record<string, unknown>;
  /** What has to be so besides. */
  condition?: string;
}

/** @returns the update of a domain by its owner, which throws ClaimLost */
export function ownedDomain(table: Table): (owner: Owner, write: OwnedWrite) => Promise<DomainRecord> {
  return async ({ domain, me }, write) => asRecord(await owned(table, domain, domainKey(domain), me, write))!;
}

/** @returns the update of a server by its owner, which throws ClaimLost */
export function ownedServer(table: Table): (server: string, me: string, write: OwnedWrite) => Promise<ServerRecord> {
  return async (server, me, write) =>
    (await owned(table, server, serverKey(server), me, write)) as unknown as ServerRecord;
}

async function owned(table: Table, name: string, key: Key, me: string, { set, values, condition }: OwnedWrite) {
  const item = await table.update(key, {
    set,
    condition: `#owner = :me${condition === undefined ? '' : ` AND ${condition}`}`,
    values: { me, ...values },
  });
  if (!item) throw new SealpostError('ClaimLost', { about: name, message: `another execution has taken ${name} over` });
  return item;
}
