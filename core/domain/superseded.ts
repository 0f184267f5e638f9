/** Keys that nobody needs any more: of certificates that another one followed, once that is seen served on every server of the domain. */
import type { Clock } from '../clock.ts';
import type { CertificateObjects } from '../ports.ts';
import type { Store } from '../store.ts';
import { holdersOf } from './placement.ts';
import { isServing } from './serving.ts';

/**
 * Until then a server may have to be given what it had. After that nothing asks for them: a delivery has the current
 * certificate, a host that puts back what it served does so from its own disk.
 */
export async function removeSuperseded(
  domain: string,
  { store, certificates, clock }: { store: Store; certificates: Pick<CertificateObjects, 'remove'>; clock: Clock },
): Promise<void> {
  const record = await store.readDomain(domain);
  if (!record?.superseded?.length || !record.spec) return;
  const serving = await Promise.all(holdersOf(record).map(server => isServing(server, record, store, clock.now())));
  if (serving.includes(false)) return;
  // The objects first: who is killed in between takes them away again.
  for (const id of record.superseded) if (id !== record.current?.id) await certificates.remove(domain, id);
  await store.forgetSuperseded(domain, record.superseded);
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
  for (const id of [...(record?.superseded ?? []), ...(record?.current ? [record.current.id] : [])])
    await certificates.remove(domain, id);
}
