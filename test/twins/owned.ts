/** What only the owner of a claim may change. */
import { SealpostError } from '../../core/errors.ts';
import type { DomainRecord } from '../../core/record/domain.ts';
import type { ServerRecord } from '../../core/record/server.ts';
import type { Memory } from './memory.ts';

/** @throws ClaimLost */
export function ownedDomain({ domains }: Memory, domain: string, me: string): DomainRecord {
  const record = domains.get(domain);
  if (record?.owner === me) return record;
  throw new SealpostError('ClaimLost', { about: domain, message: `another execution has taken ${domain} over` });
}

/** @throws ClaimLost */
export function ownedServer(
  { servers }: Memory,
  server: string,
  me: string,
  holds: (record: ServerRecord) => boolean = () => true,
): ServerRecord {
  const record = servers.get(server);
  if (record?.owner === me && holds(record)) return record;
  throw new SealpostError('ClaimLost', { about: server, message: `another execution has taken ${server} over` });
}

export function endClaim(record: DomainRecord): void {
  delete record.owner;
  delete record.leaseUntil;
}
