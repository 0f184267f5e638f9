/** Keys that nobody needs any more: of certificates that another one followed, or that were withdrawn, once what is to be served is seen on every server of the domain. */
import type { Clock } from '../clock.ts';
import type { Store } from '../ports/store.ts';
import { overOf } from '../record/provided.ts';
import { isServing } from './serving.ts';
import { holdersOf } from '../record/served-under.ts';
import type { CertificateObjects } from '../ports/objects.ts';

/**
 * Until then a server may have to be given what it had. After that nothing asks for them: a delivery has the current
 * certificate, a host that puts back what it served does so from its own disk.
 */
export async function removeSuperseded(
  domain: string,
  { store, certificates, clock }: { store: Store; certificates: Pick<CertificateObjects, 'remove'>; clock: Clock },
): Promise<void> {
  const record = await store.readDomain(domain);
  if (!record?.spec) return;
  const over = overOf(record, clock.now());
  const { superseded = [] } = record;
  if (superseded.length + over.length === 0) return;
  const serving = await Promise.all(holdersOf(record).map(server => isServing(server, record, store, clock.now())));
  if (serving.includes(false)) return;
  // The objects first: who is killed in between takes them away again.
  for (const id of [...superseded, ...over]) if (id !== record.current?.id) await certificates.remove(domain, id);
  if (superseded.length > 0) await store.forgetSuperseded(domain, superseded);
  if (over.length > 0) await store.forgetElsewhere(domain, over);
}

/** Of a deleted domain whose tombstone's time is over, its last one, too. @throws SealpostError ClaimLost */
export async function removeAll(
  domain: string,
  me: string,
  { store, certificates }: { store: Store; certificates: Pick<CertificateObjects, 'remove'> },
): Promise<void> {
  const record = await store.readDomain(domain);
  // It is not current any more before its key goes: should the domain come back in this moment, another is ordered.
  if (record?.current) await store.dropCurrent(domain, me, record.current.id);
  const { superseded = [], elsewhere = [], current } = record ?? {};
  for (const id of [...superseded, ...elsewhere, ...(current ? [current.id] : [])])
    await certificates.remove(domain, id);
}
