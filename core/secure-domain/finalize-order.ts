/**
 * FinalizeOrder: from an order whose names are validated to a certificate that is stored and
 * current.
 */
import { csrFor, type Acme } from '../acme/client.ts';
import type { Issuer } from '../acme/issuer.ts';
import { completeOrder } from '../acme/order.ts';
import { checkCertificate, inspectChain } from '../certificate/certificate.ts';
import { dueAt } from '../certificate/renewal.ts';
import { openClaim } from '../claim/open-claim.ts';
import type { Clock } from '../clock.ts';
import type { Dns } from '../dns/authoritative.ts';
import { ended, type Ended } from '../ended.ts';
import type { ClaimStore } from '../ports/claim-store.ts';
import type { CertificateObjects } from '../ports/objects.ts';
import type { ServerStore } from '../ports/server-store.ts';
import type { WorkStore } from '../ports/work-store.ts';
import type { DomainRecord, StoredCertificate } from '../record/domain.ts';
import type { Plan } from '../record/plan.ts';
import { certificatesOf } from '../record/provided.ts';
import type { QuietHours } from '../work/quiet.ts';
import { calmServers } from './calm.ts';
import { certificateId, type Ordered } from './ordered.ts';
import { keyFor, requireNewKey, requireTlsaRecord } from './host-key.ts';
import { POLL_MS } from './validate.ts';

export interface FinalizePorts {
  store: Pick<ClaimStore, 'renewDomain' | 'recordKeyed'> &
    Pick<WorkStore, 'commitCertificate' | 'workFor' | 'installed'> &
    Pick<ServerStore, 'readServer'>;
  certificates: CertificateObjects;
  acme: Acme;
  dns: Dns;
  issuer: Issuer;
  clock: Clock;
  random: () => number;
  quietHours: QuietHours;
  /** PEM of roots that are trusted beside the runtime's own. */
  roots: string;
}

/** `wake`: the servers whose work is not calm. */
type Finalized = Plan & { certificate: string; notAfter: number; wake: string[] };

/**
 * @returns the plan with its certificate; or the end WishChanged, where a newer wish came while the
 *   certificate was made
 * @throws SealpostError CertificateUnusable, TlsaMismatch, DnsNotPropagated, AcmeUnavailable,
 *   AuthorizationPending, AcmeRejected, Throttled, ClaimLost
 */
export async function finalizeOrder(
  input: Ordered & { execution: string },
  ports: FinalizePorts,
): Promise<Finalized | Ended<'WishChanged'>> {
  const { store, certificates, clock } = ports;
  const { execution: _, order, certificateId: id = certificateId(order.url), ...plan } = input;
  const { domain, names } = plan;
  const { claim, record } = await openClaim(input, ports);
  if (record.current?.id === id) return committedBefore(plan, record.current, store);
  // The key is stored before the CSR leaves, so that a crash resumes with the same key. The step
  // that stored the key first finalizes without reading the order again, because no other step can
  // have done so before.
  if (record.order && !record.order.keyed) await store.recordKeyed(claim, record.order);
  const { keyPem, isNew } = await certificates.putKeyOnce({ domain, id }, await keyFor(record, plan, certificates));
  await requireNewKey(record, plan, { keyPem, isNew }, certificates);
  const chainPem = await completeOrder(ports.acme, order, {
    csr: await csrFor(names, keyPem),
    firstAttempt: isNew,
    deadline: clock.now() + POLL_MS,
    now: clock.now,
    sleep: clock.sleep,
  });
  checkCertificate({ chainPem, keyPem, names, roots: ports.roots, now: clock.now() });
  await requireTlsaRecord(record, plan, { chainPem, now: clock.now() }, ports.dns);
  await certificates.putChain({ domain, id }, chainPem);
  const certificate = { ...describe(id, plan, chainPem, ports), ...answering(record) };
  const calm = await calmServers(record, plan, { ...ports, now: claim.now });
  const committed = await store.commitCertificate({
    ...claim,
    ...certificatesOf({ ...record, current: certificate }, claim.now),
    certificate,
    ...(record.current && { supersedes: record.current.id }),
    servers: plan.servers,
    calm,
    host: plan.host,
  });
  if (!committed)
    return ended('WishChanged', {
      about: domain,
      message: `the wish for ${domain} changed while its certificate was made; it is planned again`,
    });
  const wake = plan.servers.filter(server => calm[server] === undefined);
  return { ...plan, certificate: id, notAfter: certificate.notAfter, wake };
}

/** A retry of a step that was killed after its commit answers as that step would have. */
async function committedBefore(
  plan: Plan,
  { id, notAfter }: StoredCertificate,
  store: Pick<WorkStore, 'workFor'>,
): Promise<Finalized> {
  const works = await Promise.all(plan.servers.map(server => store.workFor({ server, domain: plan.domain })));
  return { ...plan, certificate: id, notAfter, wake: plan.servers.filter((_, i) => !works[i]?.calm) };
}

/** A certificate answers a person's wish for a renewal by the moment of that wish. */
function answering({ current }: DomainRecord): Pick<StoredCertificate, 'answers'> {
  return current?.askedAt === undefined ? {} : { answers: current.askedAt };
}

function describe(
  id: string,
  { names, profile }: Plan,
  chainPem: string,
  { issuer, random }: Pick<FinalizePorts, 'issuer' | 'random'>,
): StoredCertificate {
  const { notBefore, notAfter, sha256, issuer: issuedBy, ariId } = inspectChain(chainPem);
  return {
    id,
    names,
    notBefore,
    notAfter,
    fingerprint: sha256,
    issuer: issuer.name,
    issuedBy,
    ...(profile && { profile }),
    ...(issuer.staging && { staging: true }),
    ariId,
    renewAt: Math.round(dueAt({ notBefore, notAfter, random })),
  };
}
