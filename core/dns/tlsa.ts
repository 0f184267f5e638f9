/**
 * DANE for SMTP (RFC 7672). A sending mail server that validates DNSSEC accepts at port 25 only a
 * certificate that a TLSA record of the host names, and keeps its mail otherwise. A host name's new
 * certificate is therefore checked against the records before a daemon gets it.
 */
import { createHash, type X509Certificate } from 'node:crypto';
import { readChain } from '../certificate/certificate.ts';
import { SealpostError } from '../errors.ts';
import type { Dns, TlsaRecord } from './authoritative.ts';

/** RFC 7218 §2.1. */
const [DANE_TA, DANE_EE] = [2, 3];
/** RFC 7218 §2.2, §2.3. */
const [SPKI, FULL] = [1, 0];
const HASHES: Record<number, string> = { 1: 'sha256', 2: 'sha512' };

/**
 * @param served.chainPem leaf first
 * @throws SealpostError TlsaMismatch with the line to publish; DnsNotPropagated if no server
 *   answers
 */
export async function requireTlsa(dns: Dns, { host, chainPem }: { host: string; chainPem: string }): Promise<void> {
  const name = `_25._tcp.${host}`;
  const chain = readChain(chainPem, { about: host });
  const judged = (await dns.tlsa(name)).filter(isJudged);
  if (judged.length === 0 || judged.some(record => fits(record, chain))) return;
  const there = judged.map(({ usage, selector, match, data }) =>
    [usage, selector, match, `${data.slice(0, 16)}…`].join(' '),
  );
  const line = `${name}. IN TLSA 3 1 1 ${digest(chain[0]!, SPKI, 'sha256')}`;
  throw new SealpostError('TlsaMismatch', {
    about: host,
    message: `TLSA at ${name} (${there.join(', ')}) does not fit the new certificate of ${host}: senders that look there would keep their mail. What is served stays. Put this line beside those: ${line}`,
  });
}

/**
 * True if a sending mail server can use the record. PKIX-TA and PKIX-EE are not used (RFC 7672
 * §3.1.3), nor are unknown values. A trust anchor that is given whole need not be in the chain that
 * the server sends, so it cannot be checked here.
 */
function isJudged({ usage, selector, match }: TlsaRecord): boolean {
  if (selector !== FULL && selector !== SPKI) return false;
  if (usage === DANE_EE) return match === FULL || HASHES[match] !== undefined;
  return usage === DANE_TA && HASHES[match] !== undefined;
}

/**
 * True if the record names the leaf (DANE-EE), or a certificate of the chain that signed it
 * (DANE-TA).
 */
function fits({ usage, selector, match, data }: TlsaRecord, chain: X509Certificate[]): boolean {
  const named = usage === DANE_EE ? chain.slice(0, 1) : chain.slice(1);
  return named.some(certificate => digest(certificate, selector, HASHES[match]) === data);
}

/**
 * @param hash absent: the whole value, not its hash
 * @returns hexadecimal, lower case
 */
function digest(certificate: X509Certificate, selector: number, hash?: string): string {
  const der = selector === SPKI ? certificate.publicKey.export({ type: 'spki', format: 'der' }) : certificate.raw;
  return hash === undefined ? der.toString('hex') : createHash(hash).update(der).digest('hex');
}
