/** Whether a server serves what it should, as far as the record knows. */
import type { ServerStore } from '../ports/server-store.ts';
import type { WorkStore } from '../ports/work-store.ts';
import type { DomainRecord, Use } from '../record/domain.ts';
import type { Capable } from '../record/capability.ts';
import { certificatesOf, hasAny, uses, type Certificates } from '../record/provided.ts';
import type { Installed } from '../record/server.ts';
import { entriesFor } from './entries.ts';

/** What `isServing` reads. */
export type ServingStore = Pick<WorkStore, 'installed' | 'workFor'> & Pick<ServerStore, 'readServer'>;

/**
 * @returns true if the server's node of today was seen serving every certificate that it shall
 *   serve for the domain, and no work waits there that would change that
 */
export async function isServing(
  server: string,
  domain: Pick<DomainRecord, 'domain' | 'spec' | 'current' | 'provided'>,
  store: ServingStore,
  now: number,
): Promise<boolean> {
  // Work is read first: a delivery records what is installed before it removes the work. In between
  // it does what follows from it, so work that is recorded as installed waits for nothing here.
  const work = await store.workFor({ server, domain: domain.domain });
  const [installed, record] = await Promise.all([
    store.installed({ server, domain: domain.domain }),
    store.readServer(server),
  ]);
  if (!record) return false;
  // Nothing of the domain is to be on a server that can serve nothing of the domain.
  const here: Partial<Installed> = installed?.node === record.node ? installed : {};
  if (work !== undefined && work.v !== here.v) return false;
  const certificates = certificatesOf(domain, now);
  if (!hasAny(certificates)) return false;
  // Which of the provided ones the server can serve is unknown before its inspection. Work waits
  // for that, and no later evaluation would give it.
  if (certificates.provided && !record.capability) return false;
  return isSeen({ ...certificates, domain: domain.domain, host: domain.spec?.host }, record, here);
}

/**
 * @param wanted.host true for a server's own host name
 * @returns true if the server was seen serving what a delivery for these certificates would install
 *   there
 */
export function isSeen(
  { domain, certificate, provided, host }: Certificates & { domain: string; host?: boolean },
  server: Capable,
  installed: Pick<Installed, 'fingerprint' | 'provided' | 'providedIds'>,
): boolean {
  const entries = entriesFor({ domain, v: 0, ...(certificate && { certificate }), provided, host }, server);
  const install = (use?: Use) => entries.find(entry => entry.for === use)?.install;
  const { fingerprint, provided: leaves, providedIds: ids } = installed;
  // An item of before has no ids. With them, the same leaf with a corrected chain is not seen yet.
  const isOne = (use: Use) =>
    leaves?.[use] === install(use)?.fingerprint &&
    (ids ? ids[use] : install(use)?.certificate) === install(use)?.certificate;
  return fingerprint === install()?.fingerprint && uses.every(isOne);
}
