/** Whether a server serves what it should, by what is on record of it. */
import type { Store } from '../ports/store.ts';
import type { DomainRecord } from '../record/domain.ts';
import { certificatesOf, isSeen } from '../record/provided.ts';

/** The server, on the node that it has now, was seen serving what is to be served of the domain, and nothing waits there that would change that. */
export async function isServing(
  server: string,
  domain: Pick<DomainRecord, 'domain' | 'current' | 'provided'>,
  store: Pick<Store, 'installed' | 'workFor' | 'readServer'>,
  now: number,
): Promise<boolean> {
  // In this order: what is installed is on record before its work is taken away.
  const work = await store.workFor(server, domain.domain);
  const [installed, record] = await Promise.all([store.installed(server, domain.domain), store.readServer(server)]);
  if (!record || !installed || installed.node !== record.node || work !== undefined) return false;
  return isSeen(certificatesOf(domain, now), record, installed);
}
