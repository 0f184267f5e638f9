/** Whether a server serves what it should, as far as the record knows. */
import type { ServerStore } from '../ports/server-store.ts';
import type { WorkStore } from '../ports/work-store.ts';
import type { DomainRecord } from '../record/domain.ts';
import { certificatesOf, isSeen } from '../record/provided.ts';

/** What `isServing` reads. */
export type ServingStore = Pick<WorkStore, 'installed' | 'workFor'> & Pick<ServerStore, 'readServer'>;

/**
 * @returns true if the server's node of today was seen serving every certificate that it shall
 *   serve for the domain, and no work waits there that would change that
 */
export async function isServing(
  server: string,
  domain: Pick<DomainRecord, 'domain' | 'current' | 'provided'>,
  store: ServingStore,
  now: number,
): Promise<boolean> {
  // Work is read first: a delivery records what is installed before it removes the work.
  const work = await store.workFor({ server, domain: domain.domain });
  const [installed, record] = await Promise.all([
    store.installed({ server, domain: domain.domain }),
    store.readServer(server),
  ]);
  if (!record || !installed || installed.node !== record.node || work !== undefined) return false;
  return isSeen(certificatesOf(domain, now), record, installed);
}
