/**
 * Reads a provided certificate as its buyer has it: in one file or two, the chain in any order,
 * with or without the root.
 */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { SealpostError } from '../errors.ts';
import { providedProblem, trustedRoots } from './certificate.ts';
import { mislabelled, otherFormat, type Why } from './formats.ts';
import { brokenPath, validPaths } from './paths.ts';
import { handshakeProblem, keySizeProblem } from './strict-client.ts';

/**
 * A file with more certificates than this is a bundle of roots and no chain. Of one leaf's chains,
 * as many are tried.
 */
const MOST = 10;

/**
 * @param given.pem leaf, chain and, without `key`, the private key: the file's bytes as Latin-1
 * @param given.covers names that people type; the certificate must cover each
 * @param given.roots PEM, trusted in addition to Mozilla's roots
 * @throws SealpostError InvalidStepInput, which names the option, what is wrong, and the remedy
 */
export async function readProvided(given: {
  domain: string;
  pem: string;
  key?: string;
  covers: string[];
  roots: string;
  now: number;
}): Promise<{ keyPem: string; chainPem: string }> {
  const { domain, pem, covers, roots, now } = given;
  const refuse: Refuse = (option, { problem, remedy }) =>
    new SealpostError('InvalidStepInput', { about: domain, message: `${option}: ${problem}; ${remedy}` });
  const key = readKey(given.key ?? pem, given.key === undefined ? '--pem' : '--key', refuse);
  const certificates = readCertificates(pem, refuse);
  const leaves = certificates.filter(certificate => certificate.checkPrivateKey(key));
  if (leaves.length === 0)
    throw refuse(
      '--pem',
      otherFormat(pem) ?? {
        problem: 'the private key belongs to none of its certificates',
        remedy: 'give the key that was made for it',
      },
    );
  const keyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
  const among = { certificates, roots: trustedRoots(roots), now };
  const paths = leaves
    .toSorted((a, b) => b.validToDate.getTime() - a.validToDate.getTime())
    .flatMap(leaf => {
      const valid = validPaths(leaf, among).slice(0, MOST);
      return valid.length > 0 ? valid : [brokenPath(leaf, among)];
    });
  let first: Problem | undefined;
  for (const path of paths) {
    const chainPem = path.map(String).join('');
    const problem =
      providedProblem({ chainPem, keyPem, covers, roots, now }) ??
      keySizeProblem(path) ??
      (await handshakeProblem({ chainPem, keyPem, name: covers[0]!, roots }));
    if (!problem) return { keyPem, chainPem };
    first ??= problem;
  }
  throw refuse('--pem', { problem: first!.text, remedy: first!.remedy });
}

type Problem = NonNullable<ReturnType<typeof providedProblem>>;
type Option = '--pem' | '--key';
type Refuse = (option: Option, why: Why) => SealpostError;

function readKey(text: string, option: Option, refuse: Refuse): KeyObject {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(text))
    throw refuse(option, {
      problem: 'the private key has a passphrase',
      remedy: 'take it off first: openssl pkey -in FILE -out KEY',
    });
  const found = /-----BEGIN (?:EC |RSA )?PRIVATE KEY-----[^-]+-----END (?:EC |RSA )?PRIVATE KEY-----/.exec(text);
  if (!found)
    throw refuse(
      option,
      otherFormat(text) ?? {
        problem: 'there is no private key in it (PEM)',
        remedy: option === '--key' ? 'name the file that has it' : 'put it into the file, or name its file with --key',
      },
    );
  try {
    return createPrivateKey(found[0]);
  } catch {
    // The cause might quote the key, so it is dropped.
    throw refuse(
      option,
      mislabelled(found[0]) ?? {
        problem: 'the private key cannot be read',
        remedy: 'give it as PEM, PKCS #8 or as openssl writes it',
      },
    );
  }
}

function readCertificates(text: string, refuse: Refuse): X509Certificate[] {
  const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const remedy = 'give the leaf and the chain that came with it';
  if (found.length === 0)
    throw refuse('--pem', otherFormat(text) ?? { problem: 'there is no certificate in it (PEM)', remedy });
  if (found.length > MOST) throw refuse('--pem', { problem: `there are ${found.length} certificates in it`, remedy });
  return found.map(block => {
    try {
      return new X509Certificate(block);
    } catch {
      throw refuse(
        '--pem',
        mislabelled(block) ?? {
          problem: 'one of its certificates cannot be read',
          remedy: 'download it again from its issuer',
        },
      );
    }
  });
}
