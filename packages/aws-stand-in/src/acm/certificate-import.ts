/** What ACM checks of a certificate that is imported, and what it reads from it. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type * as model from '@aws-sdk/client-acm';
import { AwsError } from '../service/service.ts';

const maxKeyBytes = 5_120;
const maxOcspCharacters = 1_000;
const curves: Record<string, model.KeyAlgorithm> = {
  prime256v1: 'EC_prime256v1',
  secp384r1: 'EC_secp384r1',
  secp521r1: 'EC_secp521r1',
};
const keySizes = [1_024, 2_048, 3_072, 4_096];

/** Object identifiers of signature algorithms (RFC 4055, RFC 5758) as ACM writes them. */
const signatureAlgorithms: Record<string, string> = {
  '1.2.840.113549.1.1.11': 'SHA256WITHRSA',
  '1.2.840.113549.1.1.12': 'SHA384WITHRSA',
  '1.2.840.113549.1.1.13': 'SHA512WITHRSA',
  '1.2.840.10045.4.3.2': 'SHA256WITHECDSA',
  '1.2.840.10045.4.3.3': 'SHA384WITHECDSA',
  '1.2.840.10045.4.3.4': 'SHA512WITHECDSA',
};

/** Object identifiers of extended key usages (RFC 5280 4.2.1.12). */
const extendedKeyUsages: Record<string, model.ExtendedKeyUsageName> = {
  '1.3.6.1.5.5.7.3.1': 'TLS_WEB_SERVER_AUTHENTICATION',
  '1.3.6.1.5.5.7.3.2': 'TLS_WEB_CLIENT_AUTHENTICATION',
};

/**
 * @param now milliseconds since the epoch
 * @returns the leaf
 * @throws AwsError ValidationException with what is wrong
 */
export function checkImport(
  certificate: string,
  privateKey: string,
  chain: string | undefined,
  now: number,
): X509Certificate {
  const certificates = parsePem(certificate, 'certificate');
  if (certificates.length !== 1)
    throw invalid('The certificate field contains more than one certificate. Put the others into the chain.');
  const leaf = certificates[0]!;
  if (leaf.validFromDate.getTime() > now) throw invalid('The certificate is not yet valid.');
  if (leaf.validToDate.getTime() < now) throw invalid('The certificate has expired.');
  if (!leaf.issuer) throw invalid('The Issuer field of the certificate is empty.');
  const ocsp = [...(leaf.infoAccess ?? '').matchAll(/^OCSP - URI:(.*)$/gm)].map(([, url]) => url!);
  if (ocsp.some(url => url.length > maxOcspCharacters))
    throw invalid(`The OCSP authority URL is longer than ${maxOcspCharacters} characters.`);
  if (!leaf.checkPrivateKey(parseKey(privateKey))) throw invalid('The private key does not match the certificate.');
  keyAlgorithm(leaf);
  const isRsa = leaf.publicKey.asymmetricKeyType === 'rsa';
  if (isRsa !== signatureAlgorithm(leaf).endsWith('RSA'))
    throw invalid("The certificate's key algorithm does not match that of the key it is signed with.");
  if (chain !== undefined) checkChain(leaf, parsePem(chain, 'certificate chain'));
  return leaf;
}

/** Each certificate must be signed by the next one. The root may be absent or stand last. */
function checkChain(leaf: X509Certificate, chain: X509Certificate[]): void {
  for (const [index, issued] of [leaf, ...chain].slice(0, -1).entries()) {
    const issuer = chain[index]!;
    if (!issued.checkIssued(issuer) || !issued.verify(issuer.publicKey))
      throw invalid('Could not validate the certificate with the certificate chain.');
  }
}

export function keyAlgorithm(certificate: X509Certificate): model.KeyAlgorithm {
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
  const size = asymmetricKeyDetails?.modulusLength;
  const algorithm =
    asymmetricKeyType === 'rsa' && keySizes.includes(size!)
      ? (`RSA_${size}` as model.KeyAlgorithm)
      : curves[asymmetricKeyDetails?.namedCurve ?? ''];
  if (algorithm === undefined) throw invalid('The algorithm or size of the key is not supported.');
  return algorithm;
}

function signatureAlgorithm(certificate: X509Certificate): string {
  const algorithm = signatureAlgorithms[certificate.signatureAlgorithmOid ?? ''];
  if (algorithm === undefined) throw invalid('The signature algorithm of the certificate is not supported.');
  return algorithm;
}

export function describeCertificate(certificate: X509Certificate): Partial<model.CertificateDetail> {
  const names = (certificate.subjectAltName ?? '')
    .split(', ')
    .filter(name => name.startsWith('DNS:'))
    .map(name => name.slice(4));
  return {
    DomainName: commonName(certificate.subject) ?? names[0],
    SubjectAlternativeNames: names,
    Serial: certificate.serialNumber.toLowerCase().match(/../g)!.join(':'),
    Subject: certificate.subject?.split('\n').join(','),
    Issuer: commonName(certificate.issuer),
    NotBefore: certificate.validFromDate,
    NotAfter: certificate.validToDate,
    KeyAlgorithm: keyAlgorithm(certificate),
    SignatureAlgorithm: signatureAlgorithm(certificate),
    ExtendedKeyUsages: (certificate.keyUsage ?? []).map(OID => ({ OID, Name: extendedKeyUsages[OID] ?? 'CUSTOM' })),
  };
}

function commonName(distinguishedName: string | undefined): string | undefined {
  return /^CN=(.*)$/m.exec(distinguishedName ?? '')?.[1];
}

function parsePem(text: string, what: string): X509Certificate[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  // ACM allows white space alone between the blocks and refuses a key or a comment there.
  if (blocks === null || blocks.reduce((rest, block) => rest.replace(block, ''), text).trim() !== '')
    throw invalid(`The ${what} is not in a valid PEM format.`);
  try {
    return blocks.map(block => new X509Certificate(block));
  } catch {
    throw invalid(`The ${what} is not a valid certificate.`);
  }
}

function parseKey(text: string): KeyObject {
  if (Buffer.byteLength(text) > maxKeyBytes) throw invalid(`The private key is longer than ${maxKeyBytes} bytes.`);
  if (/ENCRYPTED/.test(text)) throw invalid('The private key must not be encrypted.');
  try {
    return createPrivateKey(text);
  } catch {
    throw invalid('The private key is not in a valid PEM format.');
  }
}

function invalid(message: string): AwsError {
  return new AwsError('ValidationException', message);
}
