/**
 * Reads a provided certificate as its buyer has it: in one file or two, the chain in any order,
 * with or without the root.
 */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { SealpostError } from '../errors.ts';
import { isIssuedBy, providedProblem } from './certificate.ts';

/** A file with more certificates than this is a bundle of roots and no chain. */
const MOST = 10;

/**
 * @param given.pem leaf, chain and, without `key`, the private key
 * @param given.covers names that people type; the certificate must cover each
 * @param given.roots PEM, trusted in addition to Mozilla's roots
 * @throws SealpostError InvalidStepInput, which names the option, what is wrong, and the remedy
 */
export function readProvided(given: {
  domain: string;
  pem: string;
  key?: string;
  covers: string[];
  roots: string;
  now: number;
}): { keyPem: string; chainPem: string } {
  const { domain, pem, covers, roots, now } = given;
  const refuse: Refuse = (option, { problem, remedy }) =>
    new SealpostError('InvalidStepInput', { about: domain, message: `${option}: ${problem}; ${remedy}` });
  const key = readKey(given.key ?? pem, given.key === undefined ? '--pem' : '--key', refuse);
  const certificates = readCertificates(pem, refuse);
  const leaf = certificates.find(certificate => certificate.checkPrivateKey(key));
  if (!leaf)
    throw refuse('--pem', {
      problem: 'the private key belongs to none of its certificates',
      remedy: 'give the key that was made for it',
    });
  const chainPem = chainOf(leaf, certificates).map(String).join('');
  const keyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
  const problem = providedProblem({ chainPem, keyPem, covers, roots, now });
  if (problem) throw refuse('--pem', { problem: problem.text, remedy: problem.remedy });
  return { keyPem, chainPem };
}

type Option = '--pem' | '--key';
type Refuse = (option: Option, why: { problem: string; remedy: string }) => SealpostError;

function readKey(text: string, option: Option, refuse: Refuse): KeyObject {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(text))
    throw refuse(option, {
      problem: 'the private key has a passphrase',
      remedy: 'take it off first: openssl pkey -in FILE -out KEY',
    });
  const found = /-----BEGIN (?:EC |RSA )?PRIVATE KEY-----[^-]+-----END (?:EC |RSA )?PRIVATE KEY-----/.exec(text);
  if (!found)
    throw refuse(option, {
      problem: 'there is no private key in it (PEM)',
      remedy: 'put it into the file, or name its file with --key',
    });
  try {
    return createPrivateKey(found[0]);
  } catch {
    // The cause might quote the key, so it is dropped.
    throw refuse(option, {
      problem: 'the private key cannot be read',
      remedy: 'give it as PEM, PKCS #8 or as openssl writes it',
    });
  }
}

function readCertificates(text: string, refuse: Refuse): X509Certificate[] {
  const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (found.length === 0 || found.length > MOST)
    throw refuse('--pem', {
      problem:
        found.length === 0 ? 'there is no certificate in it (PEM)' : `there are ${found.length} certificates in it`,
      remedy: 'give the leaf and the chain that came with it',
    });
  try {
    return found.map(pem => new X509Certificate(pem));
  } catch {
    throw refuse('--pem', {
      problem: 'one of its certificates cannot be read',
      remedy: 'download it again from its issuer',
    });
  }
}

/**
 * The leaf, then the certificate that signed it, and so on. A root in the file is left out, because
 * no client trusts a root that the server sends.
 */
function chainOf(leaf: X509Certificate, certificates: X509Certificate[]): X509Certificate[] {
  const chain = [leaf];
  for (let last = leaf; ;) {
    const next = certificates.find(one => !chain.includes(one) && isIssuedBy(last, { issuer: one }));
    if (!next || isIssuedBy(next, { issuer: next })) return chain;
    chain.push((last = next));
  }
}
