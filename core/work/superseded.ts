/**
 * Removes keys that are needed no more: of superseded certificates, and of provided ones that are
 * over.
 */
import type { Clock } from '../clock.ts';
import type { ClaimStore } from '../ports/claim-store.ts';
import type { DomainStore } from '../ports/domain-store.ts';
import type { CertificateObjects } from '../ports/objects.ts';
import type { Claim } from '../record/claim.ts';
import { overOf } from '../record/provided.ts';
import { holdersOf } from '../record/served-under.ts';
import { isServing, type ServingStore } from './serving.ts';

/**
 * Removes these keys once every server of the domain was seen serving what it shall. Until then a
 * server may have to be given its old certificate again. After that nothing reads the old keys: a
 * delivery carries the current certificate, and a host rolls back from its own disk.
 */
export async function removeSuperseded(
  domain: string,
  {
    store,
    certificates,
    clock,
  }: {
    store: ServingStore & Pick<DomainStore, 'readDomain' | 'forgetSuperseded' | 'forgetElsewhere'>;
    certificates: Pick<CertificateObjects, 'remove'>;
    clock: Clock;
  },
): Promise<void> {
  const record = await store.readDomain(domain);
  if (!record?.spec) return;
  const over = overOf(record, clock.now());
  const { superseded = [] } = record;
  if (superseded.length + over.length === 0) return;
  const serving = await Promise.all(holdersOf(record).map(server => isServing(server, record, store, clock.now())));
  if (serving.includes(false)) return;
  // Objects first, then the record: a step that is killed in between removes the objects again.
  for (const id of [...superseded, ...over]) if (id !== record.current?.id) await certificates.remove({ domain, id });
  if (superseded.length > 0) await store.forgetSuperseded(domain, superseded);
  if (over.length > 0) await store.forgetElsewhere(domain, over);
}

/**
 * Removes every key of a deleted domain whose tombstone's time is over. The record names no current
 * certificate before its key goes, so that a domain which comes back at this moment orders another.
 * @throws SealpostError ClaimLost
 */
export async function removeAll(
  claim: Pick<Claim, 'domain' | 'me'>,
  {
    store,
    certificates,
  }: {
    store: Pick<DomainStore, 'readDomain'> & Pick<ClaimStore, 'dropCurrent'>;
    certificates: Pick<CertificateObjects, 'remove'>;
  },
): Promise<void> {
  const record = await store.readDomain(claim.domain);
  if (record?.current) await store.dropCurrent(claim, record.current.id);
  const { superseded = [], elsewhere = [], current } = record ?? {};
  for (const id of [...superseded, ...elsewhere, ...(current ? [current.id] : [])])
    await certificates.remove({ domain: claim.domain, id });
}
