/** FinalizeOrder: from an order whose names are proven to a certificate that is stored and current. */
import { createHash } from 'node:crypto';
import { csrFor, type Acme } from '../acme/client.ts';
import type { Issuer } from '../acme/issuer.ts';
import { completeOrder, type OrderState } from '../acme/order.ts';
import { checkCertificate, inspectChain, newKey } from '../certificate/certificate.ts';
import { dueAt } from '../certificate/renewal.ts';
import type { Clock } from '../clock.ts';
import type { Dns } from '../dns/authoritative.ts';
import { requireTlsa } from '../dns/tlsa.ts';
import { SealpostError } from '../errors.ts';
import type { CertificateObjects } from '../ports.ts';
import type { QuietHours } from '../server/quiet.ts';
import type { Store } from '../store.ts';
import type { Plan } from '../../statemachines/secure-domain.ts';
import { calmServers } from './calm.ts';
import type { DomainRecord, StoredCertificate } from './domain.ts';
import { certificatesOf } from './provided.ts';
import { POLL_MS } from './order.ts';

export interface FinalizePorts {
  store: Store;
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

/** Where an order's key and chain lie: the order's URL names it once and for all. */
export function certificateId(orderUrl: string): string {
  return createHash('sha256').update(orderUrl).digest('hex');
}

/** @throws SealpostError CertificateUnusable, TlsaMismatch, DnsNotPropagated, WishChanged, AcmeUnavailable, AuthorizationPending, AcmeRejected, ClaimLost */
export async function finalizeOrder(
  input: Plan & { execution: string; order: OrderState },
  ports: FinalizePorts,
): Promise<Finalized> {
  const { store, certificates, clock } = ports;
  const { execution, order, ...plan } = input;
  const { domain, names } = plan;
  const record = await store.renewDomain(domain, execution, clock.now());
  const id = certificateId(order.url);
  if (record.current?.id === id) return said(plan, record.current, store);
  // The key is stored before the CSR leaves, so that a crash resumes with the same one; and who stored it first may
  // finalize without reading the order again, since nobody can have done so before.
  const { keyPem, isNew } = await certificates.putKeyOnce(domain, id, await keyFor(record, plan, certificates));
  await requireNewKey(record, plan, { keyPem, isNew }, certificates);
  const csr = await csrFor(names, keyPem);
  const chainPem = await completeOrder(ports.acme, order, {
    csr,
    firstAttempt: isNew,
    deadline: clock.now() + POLL_MS,
    now: clock.now,
    sleep: clock.sleep,
  });
  checkCertificate({ chainPem, keyPem, names, roots: ports.roots, now: clock.now() });
  if (plan.host) await requireTlsa(ports.dns, domain, chainPem);
  await certificates.putChain(domain, id, chainPem);
  const certificate = { ...describe(id, plan, chainPem, ports), ...answering(record) };
  const calm = await calmServers(record, plan, ports);
  const committed = await store.commitCertificate({
    domain,
    me: execution,
    seen: plan.seen,
    ...certificatesOf({ ...record, current: certificate }, clock.now()),
    certificate,
    ...(record.current && { supersedes: record.current.id }),
    servers: plan.servers,
    calm,
    host: plan.host,
    now: clock.now(),
  });
  if (!committed)
    throw new SealpostError(
      'WishChanged',
      domain,
      `the wish for ${domain} changed while its certificate was made; it is planned again`,
    );
  const wake = plan.servers.filter(server => calm[server] === undefined);
  return { ...plan, certificate: id, notAfter: certificate.notAfter, wake };
}

/**
 * A host's renewal keeps the key, which TLSA records of its zone may name (3 1 1); a customer's has a new one each time.
 * A new one has also whoever asked for it, since the old one may be in wrong hands, and who was refused by the CA the
 * last time: it may be the key that it refuses.
 */
async function keyFor(
  { domain, current, revoked, parked }: DomainRecord,
  { host }: Plan,
  { readKey }: CertificateObjects,
): Promise<string> {
  const isKept = host && current && current.id !== revoked && current.askedAt === undefined;
  return isKept && parked?.reason !== 'AcmeRejected' ? readKey(domain, current.id) : newKey();
}

/**
 * An order that was under way with the old key when a person asked is given up. One that waits for its TLSA record is
 * gone on with: what they ask for is a look at that.
 * @throws SealpostError CertificateUnusable
 */
async function requireNewKey(
  { domain, current, parked }: DomainRecord,
  { host }: Plan,
  { keyPem, isNew }: { keyPem: string; isNew: boolean },
  { readKey }: CertificateObjects,
): Promise<void> {
  if (!host || isNew || current?.askedAt === undefined || parked?.reason === 'TlsaMismatch') return;
  if (keyPem !== (await readKey(domain, current.id))) return;
  throw new SealpostError(
    'CertificateUnusable',
    domain,
    `the order for ${domain} was made with the key that is to be replaced; the next try orders with a new one`,
  );
}

/** Tried again after all was written: what the try before said. Work that it made calm goes on waiting for its hour. */
async function said(plan: Plan, { id, notAfter }: StoredCertificate, store: Store): Promise<Finalized> {
  const works = await Promise.all(plan.servers.map(server => store.workFor(server, plan.domain)));
  return { ...plan, certificate: id, notAfter, wake: plan.servers.filter((_, i) => !works[i]?.calm) };
}

/** What a person asked for is known by its time. */
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
