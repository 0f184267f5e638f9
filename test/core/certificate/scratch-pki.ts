/** Certificates of all kinds, by openssl: other keys, hashes, extensions and dates than a CA's. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Made {
  /** PEM. */
  pem: string;
  key: string;
  files: { pem: string; key: string };
}

interface Asked {
  subject: string;
  by?: Made;
  /** The key of this certificate is used again. */
  keyOf?: Made;
  /** For `openssl genpkey`. */
  algorithm?: string[];
  hash?: string;
  /** Lines of an extension file. */
  extensions: string[];
  /** Days from now; both in the past for an expired certificate. Default: 400 for a CA, else 90. */
  days?: { from: number; until: number };
}

export const CA = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'];
export const rsa = (bits: number) => ['rsa', '-pkeyopt', `rsa_keygen_bits:${bits}`];
export const ec = (curve: string) => ['ec', '-pkeyopt', `ec_paramgen_curve:${curve}`];

/** @param directory scratch of the test; everything is left in it */
export function scratchPki(directory: string): (asked: Asked) => Made {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let count = 0;
  return ({ subject, by, keyOf, algorithm = ec('P-256'), hash = 'sha256', extensions, days }) => {
    const at = (kind: string) => join(directory, `made-${count}.${kind}`);
    count += 1;
    const key = keyOf?.files.key ?? at('key');
    if (!keyOf) openssl('genpkey', '-algorithm', ...algorithm, '-out', key);
    openssl('req', '-new', '-key', key, '-subj', `/CN=${subject}`, '-out', at('csr'));
    const { from, until } = days ?? { from: 0, until: extensions === CA ? 400 : 90 };
    writeFileSync(at('index'), '');
    writeFileSync(
      at('cnf'),
      `[ca]\ndefault_ca=d\n[d]\ndatabase=${at('index')}\nrand_serial=yes\ndefault_md=${hash}\npolicy=p\n` +
        `new_certs_dir=${directory}\nunique_subject=no\n[p]\ncommonName=supplied\n[e]\n${extensions.join('\n')}\n`,
    );
    const signer = by ? ['-cert', by.files.pem, '-keyfile', by.files.key] : ['-selfsign', '-keyfile', key];
    const dates = ['-startdate', asn1Time(from), '-enddate', asn1Time(until)];
    const files = { pem: at('pem'), key };
    openssl(
      'ca',
      '-batch',
      '-notext',
      '-config',
      at('cnf'),
      '-extensions',
      'e',
      ...signer,
      ...dates,
      '-in',
      at('csr'),
      '-out',
      files.pem,
    );
    return { pem: readFileSync(files.pem, 'utf8'), key: readFileSync(key, 'utf8'), files };
  };
}

/** RFC 5280 §4.1.2.5.2. */
function asn1Time(days: number): string {
  const date = new Date(Date.now() + days * 86_400_000);
  return `${date.toISOString().replace(/\.\d+|\D/g, '')}Z`;
}
