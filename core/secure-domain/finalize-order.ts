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
import { isSealpostError, SealpostError } from '../errors.ts';
import type { QuietHours } from '../work/quiet.ts';
import type { Store } from '../ports/store.ts';
import type { Plan } from '../record/plan.ts';
import { calmServers } from './calm.ts';
import type { DomainRecord, StoredCertificate } from '../record/domain.ts';
import { certificatesOf } from '../record/provided.ts';
import { POLL_MS } from './order.ts';
import type { CertificateObjects } from '../ports/objects.ts';

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

/** Before the end of a host's certificate: its domain is tried once a day. */
const TLSA_WAITS_UNTIL_MS = 25 * 3_600_000;

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
  if (plan.host && mayWait(record, clock.now())) await requireRecord(record, chainPem, ports);
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
 * A new one has also whoever asked for it, since the old one may be in wrong hands, and whose key the CA has refused.
 */
async function keyFor(
  { domain, current, revoked, parked }: DomainRecord,
  { host }: Plan,
  { readKey }: CertificateObjects,
): Promise<string> {
  const isKept = host && current && current.id !== revoked && current.askedAt === undefined;
  return isKept && !isKeyRefused(parked) ? readKey(domain, current.id) : newKey();
}

/** By the problem type in the CA's words (RFC 8555 §6.7). */
function isKeyRefused(parked: DomainRecord['parked']): boolean {
  return parked?.reason === 'AcmeRejected' && /\b(badPublicKey|badCSR)\b/.test(parked.message);
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

/**
 * Where nobody has answered at three tries either, nobody will: a sender that looks keeps its mail already, whatever is served (RFC 7672 §2.1.2).
 * @throws SealpostError TlsaMismatch, DnsNotPropagated
 */
async function requireRecord(
  { domain, parked }: DomainRecord,
  chainPem: string,
  { dns }: FinalizePorts,
): Promise<void> {
  try {
    await requireTlsa(dns, domain, chainPem);
  } catch (error) {
    const isUnanswered = isSealpostError(error, 'DnsNotPropagated');
    if (!isUnanswered || parked?.reason !== 'DnsNotPropagated' || parked.tries < 3) throw error;
  }
}

/** A certificate that has ended harms everybody, a record that does not fit only those who look there. */
function mayWait({ current }: DomainRecord, now: number): boolean {
  return current === undefined || now < current.notAfter - TLSA_WAITS_UNTIL_MS;
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
