/** A CA of openssl with a root and an intermediate: certificates as an ACME CA issues them. */
import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
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

export interface Dates {
  from: Date;
  until: Date;
}

export interface ScratchCa {
  /** PEM of the root: what a delivery carries under `roots`. */
  root: string;
  /** By default it is good from now on for 90 days, and its key is ECDSA. */
  issue(names: string[], options?: { expired?: boolean; dates?: Dates; key?: 'RSA' | 'ECDSA' }): Issued;
}

const PAST = { from: new Date('2025-01-01'), until: new Date('2025-04-01') };
const RSA = ['-newkey', 'rsa:2048', '-nodes'];
const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** @param directory scratch of the test; keys of the CA are left in it */
export function scratchCa(directory: string, name = 'Scratch'): ScratchCa {
  const at = (file: string) => join(directory, `${name}-${file}`);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const read = (file: string) => readFileSync(at(file), 'utf8');
  const authority = ['-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
  openssl(
    'req',
    '-x509',
    ...EC,
    '-keyout',
    at('root.key'),
    '-out',
    at('root.pem'),
    '-days',
    '3650',
    '-subj',
    `/CN=${name} Root`,
    ...authority,
  );
  const byRoot = ['-CA', at('root.pem'), '-CAkey', at('root.key')];
  openssl(
    'req',
    '-x509',
    ...EC,
    ...byRoot,
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
    '-days',
    '365',
    '-subj',
    `/CN=${name} Intermediate`,
    ...authority,
  );
  const byIntermediate = ['-CA', at('ca.pem'), '-CAkey', at('ca.key')];
  const alternatives = (names: string[]) => ['-addext', `subjectAltName=${names.map(each => `DNS:${each}`).join(',')}`];
  const leafOnly = ['-addext', 'basicConstraints=critical,CA:FALSE', '-addext', 'extendedKeyUsage=serverAuth'];
  /** Only `openssl ca` takes dates. */
  const signFor = ({ from, until }: Dates) => {
    writeFileSync(at('index'), '');
    writeFileSync(at('serial'), '1000\n');
    writeFileSync(
      at('cnf'),
      `[ca]\ndefault_ca=d\n[d]\ndatabase=${at('index')}\nserial=${at('serial')}\ndefault_md=sha256\npolicy=p\nnew_certs_dir=${directory}\ncopy_extensions=copy\n[p]\ncommonName=optional\n`,
    );
    const dates = ['-startdate', asn1Time(from), '-enddate', asn1Time(until)];
    const signer = ['-cert', at('ca.pem'), '-keyfile', at('ca.key')];
    openssl(
      'ca',
      '-batch',
      '-config',
      at('cnf'),
      ...signer,
      ...dates,
      '-notext',
      '-in',
      at('leaf.csr'),
      '-out',
      at('leaf.pem'),
    );
  };
  return {
    root: read('root.pem'),
    issue(names, { expired = false, dates = expired ? PAST : undefined, key: type = 'ECDSA' } = {}) {
      const request = [
        ...(type === 'RSA' ? RSA : EC),
        '-keyout',
        at('leaf.key'),
        '-subj',
        `/CN=${names[0]}`,
        ...alternatives(names),
        ...leafOnly,
      ];
      if (dates) (openssl('req', '-new', ...request, '-out', at('leaf.csr')), signFor(dates));
      else openssl('req', '-x509', ...byIntermediate, ...request, '-days', '90', '-out', at('leaf.pem'));
      const key = read('leaf.key');
      const chain = read('leaf.pem') + read('ca.pem');
      const leaf = createHash('sha256').update(new X509Certificate(chain).raw).digest('hex');
      return { names, key, chain, pem: key + chain, leaf };
    },
  };
}

/** RFC 5280 §4.1.2.5.2. */
function asn1Time(date: Date): string {
  return `${date.toISOString().replace(/\.\d+|\D/g, '')}Z`;
}
