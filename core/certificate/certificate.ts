/**
 * A private key and the chain that a CA gave for it: created, read, and checked in the cloud before
 * either is sent to a server.
 */
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { SealpostError } from '../errors.ts';
import { coversName } from './names.ts';
import { ariId } from './ari-id.ts';

export interface CertificateFacts {
  /** Hexadecimal, upper case, as openssl prints it. */
  serial: string;
  /** Milliseconds since the epoch. */
  notBefore: number;
  notAfter: number;
  /** SHA-256 of the leaf's DER: 64 hexadecimal digits, lower case. */
  sha256: string;
  /** Common name of the leaf's issuer, or its organization if there is no common name. */
  issuer: string;
  /** The DNS names of the leaf. */
  names: string[];
  /** The CA's identifier (RFC 9773 §4.1); absent without an authority key identifier. */
  ariId?: string;
  /** Number of certificates in the chain, the leaf included. */
  chainLength: number;
}

/** @returns a new P-256 key, PKCS #8 PEM. A P-256 key takes 10 ms, an RSA-2048 key 150 to 350 ms */
export function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/**
 * @param pem a chain, leaf first
 * @throws SealpostError CertificateUnusable if the text holds no certificate
 */
export function inspectChain(pem: string): CertificateFacts {
  const chain = readChain(pem, { about: 'unknown' });
  const leaf = chain[0]!;
  const id = ariId(leaf);
  return {
    serial: leaf.serialNumber,
    notBefore: leaf.validFromDate.getTime(),
    notAfter: leaf.validToDate.getTime(),
    sha256: leaf.fingerprint256.replaceAll(':', '').toLowerCase(),
    issuer: attribute(leaf.issuer, 'CN') ?? attribute(leaf.issuer, 'O') ?? leaf.issuer,
    names: namesOf(leaf),
    ...(id !== undefined && { ariId: id }),
    chainLength: chain.length,
  };
}

/**
 * Checks everything that can be checked without a server. A server checks only what may differ
 * there.
 * @param wanted.names the certificate must have exactly these names; an error is about the first
 * @param wanted.roots PEM, trusted in addition to Node's own roots (Mozilla's); '' for none
 * @param wanted.now milliseconds since the epoch
 * @throws SealpostError CertificateUnusable with the reason
 */
export function checkCertificate(wanted: {
  chainPem: string;
  keyPem: string;
  names: string[];
  roots: string;
  now: number;
}): void {
  const { names, now } = wanted;
  const chain = readChain(wanted.chainPem, { about: names[0]! });
  const leaf = chain[0]!;
  const reason =
    keyProblem(leaf, wanted.keyPem) ??
    namesProblem({ held: namesOf(leaf), planned: names }) ??
    dateProblem(leaf, now) ??
    usageProblem(leaf) ??
    trustProblem(chain, wanted.roots, now);
  if (reason) throw unusable({ about: names[0]!, reason });
}

/**
 * Checks a provided certificate, which must cover the names that people type and may have others,
 * too.
 * @returns what is wrong with the certificate, and what its owner can do; undefined if it is usable
 */
export function providedProblem(wanted: {
  chainPem: string;
  keyPem: string;
  covers: string[];
  roots: string;
  now: number;
}): { text: string; remedy: string } | undefined {
  const chain = readChain(wanted.chainPem, { about: wanted.covers[0]! });
  const leaf = chain[0]!;
  const held = namesOf(leaf);
  const missing = wanted.covers.filter(name => !coversName(held, name));
  const lack = `it does not cover ${missing.join(' and ')}, which people type (it has ${held})`;
  const found = (text: string | undefined, { remedy }: { remedy: string }) =>
    text === undefined ? undefined : { text, remedy };
  return (
    found(keyProblem(leaf, wanted.keyPem), { remedy: 'give the key that was made for it' }) ??
    found(missing.length > 0 ? lack : undefined, {
      remedy: 'give one that has these names, or say --for mail or --for webmail',
    }) ??
    found(dateProblem(leaf, wanted.now), { remedy: 'give one that is valid now' }) ??
    found(usageProblem(leaf), { remedy: 'ask for a certificate for TLS servers' }) ??
    found(trustProblem(chain, wanted.roots, wanted.now), {
      remedy: chain.slice(1).every(one => isValidAt(one, wanted.now))
        ? 'add the chain that came with it, the leaf first'
        : 'download the chain again from its issuer',
    })
  );
}

/**
 * Key, leaf and chain in one file and in this order, so that one rename switches all three. Text
 * between the PEM blocks is left out, and each block has lines of 64 characters (RFC 7468 §2): a CA
 * may wrap its lines as it likes, and the readers on a server are line by line.
 */
export function combinedPem({ keyPem, chainPem }: { keyPem: string; chainPem: string }): string {
  return [...blocks(keyPem, 'PRIVATE KEY'), ...blocks(chainPem, 'CERTIFICATE')].map(block => `${block}\n`).join('');
}

/** id-kp-serverAuth (RFC 5280 §4.2.1.12). Node's `keyUsage` is the extended key usage. */
const serverAuth = '1.3.6.1.5.5.7.3.1';

function usageProblem(leaf: X509Certificate): string | undefined {
  return leaf.keyUsage?.includes(serverAuth) ? undefined : 'the leaf is not for TLS servers (no serverAuth)';
}

function keyProblem(leaf: X509Certificate, keyPem: string): string | undefined {
  let key: KeyObject;
  try {
    key = createPrivateKey(keyPem);
  } catch {
    return 'its private key cannot be read'; // the cause might quote the key, so it is dropped
  }
  return leaf.checkPrivateKey(key) ? undefined : 'the private key does not match the leaf';
}

function namesProblem({ held, planned }: { held: string[]; planned: string[] }): string | undefined {
  const missing = planned.filter(name => !held.includes(name));
  if (missing.length > 0) return `it lacks ${missing.join(', ')}`;
  const more = held.filter(name => !planned.includes(name));
  return more.length > 0 ? `it has names that were not ordered: ${more.join(', ')}` : undefined;
}

function dateProblem(certificate: X509Certificate, now: number): string | undefined {
  const { validFromDate, validToDate } = certificate;
  if (now < validFromDate.getTime()) return `${title(certificate)} is not valid before ${validFromDate.toISOString()}`;
  if (now > validToDate.getTime()) return `${title(certificate)} expired at ${validToDate.toISOString()}`;
  return undefined;
}

/**
 * Follows the chain as a client does that knows only roots: each certificate must be signed by the
 * next one, until a root has signed one.
 */
function trustProblem(chain: X509Certificate[], extraRoots: string, now: number): string | undefined {
  const roots = trustedRoots(extraRoots);
  for (const [i, certificate] of chain.entries()) {
    const ends = (root: X509Certificate) =>
      certificate.raw.equals(root.raw) || (isIssuedBy(certificate, { issuer: root }) && isValidAt(root, now));
    if (roots.some(ends)) return undefined;
    const next = chain[i + 1];
    if (!next) break;
    if (!isIssuedBy(certificate, { issuer: next }))
      return `${title(certificate)} is not signed by the one after it, ${title(next)}`;
    if (!next.ca) return `${title(next)} is not a CA`;
    const problem = dateProblem(next, now);
    if (problem) return problem;
  }
  const last = chain.at(-1)!;
  const issuer = attribute(last.issuer, 'CN') ?? last.issuer;
  return chain.length === 1
    ? `the leaf came without its intermediate (${issuer}), or its root is not trusted`
    : `the chain ends at ${title(last)}, whose issuer (${issuer}) is not a trusted root`;
}

export function isIssuedBy(certificate: X509Certificate, { issuer }: { issuer: X509Certificate }): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** @param now milliseconds since the epoch */
export function isValidAt(certificate: X509Certificate, now: number): boolean {
  return dateProblem(certificate, now) === undefined;
}

/** @param extra PEM, trusted in addition to Node's own roots (Mozilla's) */
export function trustedRoots(extra: string): X509Certificate[] {
  return [...ownRoots(), ...blocks(extra, 'CERTIFICATE').map(pem => new X509Certificate(pem))];
}

let parsedRoots: X509Certificate[] | undefined;

/** About 140 roots, parsed once for each process. */
function ownRoots(): X509Certificate[] {
  return (parsedRoots ??= rootCertificates.map(pem => new X509Certificate(pem)));
}

/**
 * @param pem a chain, leaf first
 * @throws SealpostError CertificateUnusable if the text holds no certificate
 */
export function readChain(pem: string, { about }: { about: string }): X509Certificate[] {
  try {
    const chain = blocks(pem, 'CERTIFICATE').map(block => new X509Certificate(block));
    if (chain.length > 0) return chain;
  } catch (cause) {
    throw unusable({ about, reason: 'it cannot be read', cause });
  }
  throw unusable({ about, reason: 'there is no certificate in it' });
}

function blocks(pem: string, label: 'PRIVATE KEY' | 'CERTIFICATE'): string[] {
  const found = pem.matchAll(
    new RegExp(`-----BEGIN (?:EC |RSA )?${label}-----[^-]+-----END (?:EC |RSA )?${label}-----`, 'g'),
  );
  return [...found].map(([block]) => {
    const [begin, end] = [block.slice(0, block.indexOf('-----', 5) + 5), block.slice(block.lastIndexOf('-----END'))];
    const base64 = block.slice(begin.length, -end.length).replace(/\s+/g, '');
    return [begin, ...(base64.match(/.{1,64}/g) ?? []), end].join('\n');
  });
}

function namesOf(certificate: X509Certificate): string[] {
  return [...(certificate.subjectAltName ?? '').matchAll(/(?:^|, )DNS:([^,"]+)/g)].map(([, name]) =>
    name!.toLowerCase(),
  );
}

function title(certificate: X509Certificate): string {
  return attribute(certificate.subject, 'CN') ?? (namesOf(certificate)[0] || 'the leaf');
}

/** Node gives a distinguished name as lines such as `CN=…`. */
function attribute(distinguishedName: string, type: 'CN' | 'O'): string | undefined {
  const line = distinguishedName?.split('\n').find(line => line.startsWith(`${type}=`));
  return line?.slice(type.length + 1);
}

function unusable({ about, reason, cause }: { about: string; reason: string; cause?: unknown }): SealpostError {
  const text = `The certificate was not stored: ${reason}. The old one stays in use; the next try orders anew.`;
  return new SealpostError('CertificateUnusable', { about, message: text, cause });
}
