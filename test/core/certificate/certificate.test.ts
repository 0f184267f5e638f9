import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkCertificate, combinedPem, inspectChain, newKey } from '../../../core/certificate/certificate.ts';

const day = 86_400_000;
const names = ['example.com', '*.example.com'];
let folder: string;
let now: number;
let roots: string;
let intermediate: string;
let leaf: string;
let clientLeaf: string;
let keyPem: string;

/** A root, an intermediate and leaves, created by openssl, which is independent of our own code. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealpost-chain-'));
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const ca = 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n';
  const san = `subjectAltName=critical,${names.map(name => `DNS:${name}`).join(',')}\nauthorityKeyIdentifier=keyid\n`;
  await writeFile(join(folder, 'ca.ext'), ca);
  await writeFile(join(folder, 'server.ext'), `${san}extendedKeyUsage=serverAuth\n`);
  await writeFile(join(folder, 'client.ext'), `${san}extendedKeyUsage=clientAuth\n`);
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'root.key',
    '-out',
    'root.pem',
    '-days',
    '3650',
    '-subj',
    '/O=Test/CN=Test Root',
  );
  openssl('req', '-new', ...key, '-keyout', 'ca.key', '-out', 'ca.csr', '-subj', '/O=Test/CN=Test CA');
  const sign = (csr: string, by: string, ext: string, out: string) =>
    openssl(
      ...['x509', '-req', '-in', csr, '-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-CAcreateserial'],
      ...['-extfile', ext, '-days', '90', '-out', out],
    );
  sign('ca.csr', 'root', 'ca.ext', 'ca.pem');
  keyPem = newKey();
  await writeFile(join(folder, 'leaf.key'), keyPem);
  openssl('req', '-new', '-key', 'leaf.key', '-out', 'leaf.csr', '-subj', '/');
  sign('leaf.csr', 'ca', 'server.ext', 'leaf.pem');
  sign('leaf.csr', 'ca', 'client.ext', 'client.pem');
  const read = (name: string) => readFile(join(folder, name), 'utf8');
  [roots, intermediate, leaf, clientLeaf] = [
    await read('root.pem'),
    await read('ca.pem'),
    await read('leaf.pem'),
    await read('client.pem'),
  ];
  now = Date.now() + 1000;
});
afterAll(() => rm(folder, { recursive: true }));

const check = (change: Partial<Parameters<typeof checkCertificate>[0]> = {}) =>
  checkCertificate({ chainPem: leaf + intermediate, keyPem, names, roots, now, ...change });

describe('a certificate is good', () => {
  test('when key, names, dates, use and chain are good', () => check());

  test('with its root in the chain, too', () => check({ chainPem: leaf + intermediate + roots }));
});

describe('a certificate is unusable', () => {
  const refusal = (change: Parameters<typeof check>[0]) => {
    try {
      check(change);
    } catch (error) {
      expect(error).toMatchObject({ name: 'CertificateUnusable', about: (change?.names ?? names)[0] });
      return (error as Error).message;
    }
    return expect.unreachable('it was found good');
  };

  test('with another key', () => expect(refusal({ keyPem: newKey() })).toContain('does not match'));

  test('with a key that cannot be read, which is not quoted', () => {
    expect(refusal({ keyPem: keyPem.replace('BEGIN', 'BEGUN') })).toMatch(/key cannot be read/);
  });

  test('when a planned name is missing', () => {
    const planned = ['example.com', 'mail.example.com'];
    expect(refusal({ names: planned })).toContain('lacks mail.example.com');
  });

  test('when it has a name that was not ordered', () => {
    expect(refusal({ names: ['example.com'] })).toContain('not ordered: *.example.com');
  });

  test('before and after its dates', () => {
    expect(refusal({ now: now - 2 * day })).toContain('not valid before');
    expect(refusal({ now: now + 91 * day })).toContain('expired at');
  });

  test('when it is not for servers', () =>
    expect(refusal({ chainPem: clientLeaf + intermediate })).toContain('serverAuth'));

  test('without its intermediate', () => {
    expect(refusal({ chainPem: leaf })).toContain('without its intermediate (Test CA)');
  });

  test('with the chain in the wrong order', () => {
    expect(refusal({ chainPem: leaf + roots + intermediate })).toMatch(/not signed by the one after it, Test Root/);
  });

  test('with a root that is not trusted', () => {
    expect(refusal({ roots: '' })).toMatch(/ends at Test CA, whose issuer \(Test Root\) is not a trusted root/);
  });

  test('when the file holds none', () => expect(refusal({ chainPem: 'HTTP 502' })).toContain('no certificate'));
});

test('the facts about a certificate are those that openssl prints', () => {
  const openssl = (...args: string[]) =>
    execFileSync('openssl', ['x509', '-in', 'leaf.pem', '-noout', ...args], { cwd: folder })
      .toString()
      .trim();
  const facts = inspectChain(leaf + intermediate);
  expect(facts).toMatchObject({ issuer: 'Test CA', names, chainLength: 2, notAfter: facts.notBefore + 90 * day });
  expect(`serial=${facts.serial}`).toBe(openssl('-serial'));
  expect(openssl('-fingerprint', '-sha256').split('=')[1]!.replaceAll(':', '').toLowerCase()).toBe(facts.sha256);
  expect(facts.ariId).toMatch(/^[\w-]+\.[\w-]+$/);
});

test.each(['30', '300105', '3080', '30840000', '3002800580', '308401'])(
  'an authority key identifier that is no DER (%s) gives no identifier, and takes no time',
  async der => {
    const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'odd.key'];
    openssl('req', '-x509', ...key, '-subj', '/CN=odd', '-addext', `2.5.29.35=DER:${der}`, '-out', 'odd.pem');
    expect(inspectChain(await readFile(join(folder, 'odd.pem'), 'utf8')).ariId).toBeUndefined();
  },
);

test('the file for a server has the key, then leaf and chain, and nothing else', () => {
  const pem = combinedPem({
    keyPem: keyPem.replaceAll('\n', '\r\n'),
    chainPem: `subject=\n${leaf}\n\n${intermediate.trimEnd()}`,
  });
  expect(pem).toBe(keyPem + leaf + intermediate);
});

test.each([
  ['one line', (pem: string) => pem.replace(/([^-])\n([^-])/g, '$1$2')],
  ['lines of 76 characters', (pem: string) => rewrapped(pem, 76)],
  ['lines of 7 characters with blanks', (pem: string) => rewrapped(pem, 7).replaceAll('\n', ' \r\n')],
])('the file for a server has lines of 64 characters, if the CA sent %s', (_, wrap) => {
  expect(combinedPem({ keyPem, chainPem: wrap(leaf) + wrap(intermediate) })).toBe(keyPem + leaf + intermediate);
});

function rewrapped(pem: string, width: number): string {
  const lines = pem.trim().split('\n');
  const base64 = lines.slice(1, -1).join('');
  return [lines[0], ...base64.match(new RegExp(`.{1,${width}}`, 'g'))!, lines.at(-1), ''].join('\n');
}
