/**
 * A host name's renewal keeps its key, because TLSA records of the zone may name that key (3 1 1,
 * docs/decisions/0026-a-host-keeps-its-key.md).
 */
import { newKey } from '../certificate/certificate.ts';
import { unlessGone } from '../certificate/unless-gone.ts';
import type { Dns } from '../dns/authoritative.ts';
import { requireTlsa } from '../dns/tlsa.ts';
import { isSealpostError, SealpostError } from '../errors.ts';
import type { CertificateObjects } from '../ports/objects.ts';
import type { DomainRecord } from '../record/domain.ts';
import type { Parked } from '../record/parked.ts';
import type { Plan } from '../record/plan.ts';

/**
 * Before the end of a host name's certificate. A parked domain is tried daily, so one try comes
 * before the end.
 */
const TLSA_WAITS_UNTIL_MS = 25 * 3_600_000;
/** Name servers that do not answer for so long are taken as never answering. */
const UNANSWERED_MS = 12 * 60_000;

/**
 * @returns the current key for a host name's renewal; else a new one. A host name gets a new key,
 *   too, if a person asked for a renewal (the old key may be in wrong hands), if the CA refused the
 *   old key, or if that is gone
 */
export async function keyFor(
  { domain, current, revoked, parked }: DomainRecord,
  { host }: Plan,
  { readKey }: CertificateObjects,
): Promise<string> {
  const isKept = host && current && current.id !== revoked && current.askedAt === undefined;
  const kept = isKept && !parked?.keyRefused ? await unlessGone(readKey({ domain, id: current.id })) : undefined;
  return kept ?? newKey();
}

/** The CA's problem type stands in the message (RFC 8555 §6.7). */
export function isKeyRefused({ reason, message }: Pick<Parked, 'reason' | 'message'>): boolean {
  return reason === 'AcmeRejected' && /\b(badPublicKey|badCSR)\b/.test(message);
}

/**
 * Gives up an order that was under way with the old key when a person asked for a renewal. An order
 * that waits for its TLSA record goes on: the person asks to check that record now.
 * @throws SealpostError CertificateUnusable
 */
export async function requireNewKey(
  { domain, current, parked }: DomainRecord,
  { host }: Plan,
  { keyPem, isNew }: { keyPem: string; isNew: boolean },
  { readKey }: CertificateObjects,
): Promise<void> {
  if (!host || isNew || current?.askedAt === undefined || parked?.reason === 'TlsaMismatch') return;
  if (keyPem !== (await unlessGone(readKey({ domain, id: current.id })))) return;
  throw new SealpostError('CertificateUnusable', {
    about: domain,
    message: `the order for ${domain} was made with the key that is to be replaced; the next try orders with a new one`,
  });
}

/**
 * Requires that a host name's TLSA records, if there are any, fit the new certificate. Shortly
 * before the old certificate ends the new one is taken anyway: an expired certificate harms every
 * client, a record that does not fit only those that check it. Name servers that do not answer for
 * minutes are taken as never answering: a sender that checks TLSA delays its mail then, whatever is
 * served (RFC 7672 §2.1.2).
 * @throws SealpostError TlsaMismatch, DnsNotPropagated
 */
export async function requireTlsaRecord(
  { domain, parked, current }: DomainRecord,
  { host }: Plan,
  { chainPem, now }: { chainPem: string; now: number },
  dns: Dns,
): Promise<void> {
  const mayWait = current === undefined || now < current.notAfter - TLSA_WAITS_UNTIL_MS;
  if (!host || !mayWait) return;
  try {
    await requireTlsa(dns, { host: domain, chainPem });
  } catch (error) {
    const isUnanswered = isSealpostError(error, 'DnsNotPropagated');
    if (!isUnanswered || parked?.reason !== 'DnsNotPropagated' || now < parked.since + UNANSWERED_MS) throw error;
  }
}
