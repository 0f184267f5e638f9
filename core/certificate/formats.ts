/**
 * Files that hold certificates and keys in other formats than PEM (RFC 7468), named as what they
 * are, with the command that converts them.
 */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';

export interface Why {
  problem: string;
  remedy: string;
}

const CERTIFICATE = 'openssl x509 -in FILE -out CERTIFICATE';
const PKCS7 = 'openssl pkcs7 -print_certs -in FILE -out CHAIN';
const REQUEST = {
  what: 'a certificate request (CSR)',
  remedy: 'give the certificate that its issuer made of it, and the private key',
};
const PUBLIC = { what: 'a public key', remedy: 'give the private key that was made with it' };
const PASSPHRASE = {
  what: 'a private key with a passphrase',
  remedy: 'take it off first: openssl pkey -in FILE -out KEY',
};

/** The label of a PEM block → its format. */
const LABELS: Record<string, { what: string; remedy: string }> = {
  PKCS7: { what: 'PKCS #7', remedy: `convert it: ${PKCS7}` },
  CMS: { what: 'CMS (PKCS #7)', remedy: `convert it: ${PKCS7}` },
  'PKCS #7 SIGNED DATA': { what: 'PKCS #7', remedy: `convert it: ${PKCS7}` },
  PKCS12: { what: 'PKCS #12 in Base64', remedy: 'export it as PEM: key, leaf and chain' },
  'TRUSTED CERTIFICATE': {
    what: 'a certificate with settings of openssl (TRUSTED CERTIFICATE)',
    remedy: `convert it, which leaves the settings out: ${CERTIFICATE}`,
  },
  'X509 CERTIFICATE': { what: 'a certificate with an old label', remedy: `convert it: ${CERTIFICATE}` },
  'CERTIFICATE REQUEST': REQUEST,
  'NEW CERTIFICATE REQUEST': REQUEST,
  'PUBLIC KEY': PUBLIC,
  'RSA PUBLIC KEY': PUBLIC,
  'OPENSSH PRIVATE KEY': {
    what: 'a private key of OpenSSH',
    remedy: 'convert a copy of it: ssh-keygen -p -N "" -m PKCS8 -f COPY',
  },
};

/**
 * @param text a file's bytes as Latin-1
 * @returns undefined if the file has no format that is known here, or is PEM as it should be
 */
export function otherFormat(text: string): Why | undefined {
  if (/^(?:\xff\xfe|\xfe\xff)/.test(text))
    return { problem: 'the file is UTF-16', remedy: 'convert it: iconv -f UTF-16 -t UTF-8 FILE > PEM' };
  if (text.startsWith('\xfe\xed\xfe\xed'))
    return {
      problem: 'the file is a Java keystore (JKS)',
      remedy:
        'convert it to PKCS #12: keytool -importkeystore -srckeystore FILE -destkeystore P12 -deststoretype pkcs12',
    };
  const binary = derFormat(text);
  if (binary) return { problem: `the file is ${binary.what}, not PEM`, remedy: binary.remedy };
  const bare = /^\s*M[A-Za-z0-9+/=\s]+$/.test(text) ? derFormat(decode(text)) : undefined;
  if (bare)
    return {
      problem: `the file is ${bare.what} as Base64, without BEGIN and END`,
      remedy: `decode it first (base64 -d FILE > DER), and give DER for FILE: ${bare.remedy}`,
    };
  for (const [, label] of text.matchAll(/-----BEGIN ([A-Z0-9# ]+)-----/g)) {
    const other = LABELS[label!];
    if (other) return { problem: `there is ${other.what} in it`, remedy: other.remedy };
  }
  return undefined;
}

/**
 * @param block a PEM block that cannot be read
 * @returns the format that stands under a wrong label
 */
export function mislabelled(block: string): Why | undefined {
  const found = derFormat(decode(block.replace(/-----[^-]+-----/g, '')));
  return found && { problem: `there is ${found.what} under the label of another format`, remedy: found.relabelled };
}

/** @param der bytes as Latin-1 */
function derFormat(der: string): { what: string; remedy: string; relabelled: string } | undefined {
  // A SEQUENCE (X.690 §8.1), which in a text would be the digit 0.
  if (!/^\x30[^]{0,6}[\x00-\x08\x80-\xff]/.test(der)) return undefined;
  const start = der.slice(0, 40);
  const again = 'download or export it again as PEM';
  const kind = (what: string, { remedy }: { remedy: string }) => ({ what, remedy, relabelled: again });
  // PFX: version 3 (RFC 7292 §4).
  if (/^\x30[\x80-\x84][^]{0,4}?\x02\x01\x03\x30/.test(start))
    return kind('PKCS #12', {
      remedy: 'convert it: openssl pkcs12 -in FILE -nodes -out PEM (older files also need -legacy)',
    });
  // ContentInfo: id-signedData (RFC 2315 §14).
  if (start.includes('\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02'))
    return kind('PKCS #7 as DER', { remedy: 'convert it: openssl pkcs7 -inform DER -print_certs -in FILE -out CHAIN' });
  // EncryptedPrivateKeyInfo: an algorithm of PKCS #5 or #12 (RFC 5958 §3).
  if (/\x2a\x86\x48\x86\xf7\x0d\x01(?:\x05|\x0c\x01)/.test(start))
    return kind(`${PASSPHRASE.what} as DER`, { remedy: 'convert it: openssl pkey -inform DER -in FILE -out KEY' });
  const bytes = Buffer.from(der, 'latin1');
  const reads = (read: () => unknown) => {
    try {
      return read() !== undefined;
    } catch {
      return false; // the cause might quote a key
    }
  };
  if (reads(() => new X509Certificate(bytes)))
    return kind('a certificate as DER', { remedy: 'convert it: openssl x509 -inform DER -in FILE -out CERTIFICATE' });
  const types = ['pkcs8', 'pkcs1', 'sec1'] as const;
  if (types.some(type => reads(() => createPrivateKey({ key: bytes, format: 'der', type }))))
    return kind('a private key as DER', { remedy: 'convert it: openssl pkey -inform DER -in FILE -out KEY' });
  if (reads(() => createPublicKey({ key: bytes, format: 'der', type: 'spki' })))
    return kind(`${PUBLIC.what} as DER`, { remedy: PUBLIC.remedy });
  // CertificationRequestInfo: version 0 (RFC 2986 §4.1).
  if (/^\x30[\x80-\x84][^]{0,4}?\x30[\x80-\x84]?[^]{0,4}?\x02\x01\x00\x30/.test(start))
    return kind(`${REQUEST.what} as DER`, { remedy: REQUEST.remedy });
  return kind('DER', { remedy: 'export it as PEM' });
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('latin1');
}
