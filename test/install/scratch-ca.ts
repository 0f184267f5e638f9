/** A root, an intermediate and what they sign, by openssl: certificates as an ACME CA hands them out, without one. */
import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Issued {
  names: string[];
  /** Key, leaf, intermediate. */
  pem: string;
  key: string;
  chain: string;
  /** sha256 of the leaf's DER, lower-case hex. */
  leaf: string;
}

export interface ScratchCa {
  /** PEM of the root: what a delivery carries under `roots`. */
  root: string;
  /** @param days may be negative: then it has expired. */
  issue(names: string[], options?: { days?: number }): Issued;
}

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** @param directory scratch of the test; keys of the CA are left in it */
export function scratchCa(directory: string, name = 'Scratch'): ScratchCa {
  const at = (file: string) => join(directory, `${name}-${file}`);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const read = (file: string) => readFileSync(at(file), 'utf8');
  const authority = ['-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
  openssl('req', '-x509', ...EC, '-keyout', at('root.key'), '-out', at('root.pem'), '-days', '3650', '-subj', `/CN=${name} Root`, ...authority);
  const byRoot = ['-CA', at('root.pem'), '-CAkey', at('root.key')];
  openssl('req', '-x509', ...EC, ...byRoot, '-keyout', at('ca.key'), '-out', at('ca.pem'), '-days', '365', '-subj', `/CN=${name} Intermediate`, ...authority);
  const byIntermediate = ['-CA', at('ca.pem'), '-CAkey', at('ca.key')];
  return {
    root: read('root.pem'),
    issue(names, { days = 90 } = {}) {
      const sans = names.map(each => `DNS:${each}`).join(',');
      const leafOnly = ['-addext', `subjectAltName=${sans}`, '-addext', 'basicConstraints=critical,CA:FALSE', '-addext', 'extendedKeyUsage=serverAuth'];
      openssl('req', '-x509', ...EC, ...byIntermediate, '-keyout', at('leaf.key'), '-out', at('leaf.pem'), '-days', String(days), '-subj', '/', ...leafOnly);
      const key = read('leaf.key');
      const chain = read('leaf.pem') + read('ca.pem');
      const leaf = createHash('sha256').update(new X509Certificate(chain).raw).digest('hex');
      return { names, key, chain, pem: key + chain, leaf };
    },
  };
}
