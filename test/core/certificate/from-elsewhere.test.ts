/** What a buyer may bring, and what is said of everything else. */
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readProvided } from '../../../core/certificate/from-elsewhere.ts';
import { CA, ec, rsa, scratchPki, type Made } from './scratch-pki.ts';

const directory = mkdtempSync(join(tmpdir(), 'sealpost-from-elsewhere-'));
afterAll(() => rmSync(directory, { recursive: true }));
const make = scratchPki(directory);
const name = 'mail.customer.example';
const LEAF = ['basicConstraints=critical,CA:FALSE', 'extendedKeyUsage=serverAuth', `subjectAltName=DNS:${name}`];
const PAST = { from: -200, until: -100 };
const root = make({ subject: 'Root', extensions: CA, days: { from: -300, until: 3000 } });
const intermediate = make({ subject: 'Intermediate', by: root, extensions: CA });
const leaf = make({ subject: name, by: intermediate, extensions: LEAF });
const leafBy = (by: Made, more: Partial<Parameters<typeof make>[0]> = {}) =>
  make({ subject: name, by, extensions: LEAF, ...more });

const read = async (pem: string, options: { key?: string; roots?: string } = {}) =>
  readProvided({ domain: 'customer.example', pem, covers: [name], roots: root.pem, now: Date.now(), ...options });
const file = (...parts: Made[]) => parts[0]!.key + parts.map(({ pem }) => pem).join('');
const same = (...chain: Made[]) => chain.map(({ pem }) => String(new X509Certificate(pem))).join('');
const chainOf = async (pem: string, roots?: string) => (await read(pem, { ...(roots && { roots }) })).chainPem;

describe('the chain that goes out', () => {
  const twin = { subject: 'Intermediate', by: root, keyOf: intermediate, extensions: CA };
  const expired = make({ ...twin, days: PAST });
  const early = make({ ...twin, days: { from: 10, until: 400 } });
  const shorter = make({ ...twin, days: { from: -1, until: 20 } });

  test.each([
    ['an expired twin', expired],
    ['a twin that is not valid yet', early],
    ['a twin that expires before the leaf', shorter],
    ['a twin without the right to sign', make({ ...twin, extensions: [CA[0]!, 'keyUsage=critical,digitalSignature'] })],
    ['a twin that is no CA', make({ ...twin, extensions: ['basicConstraints=critical,CA:FALSE'] })],
    ['a twin for mail programs only', make({ ...twin, extensions: [...CA, 'extendedKeyUsage=emailProtection'] })],
    [
      'a twin for other names',
      make({ ...twin, extensions: [...CA, 'nameConstraints=critical,permitted;DNS:other.example'] }),
    ],
    ['a twin with SHA-1', make({ ...twin, hash: 'sha1' })],
  ])('has the good intermediate, with %s before it or after it', async (_, other) => {
    expect(await chainOf(file(leaf, other, intermediate))).toBe(same(leaf, intermediate));
    expect(await chainOf(file(leaf, intermediate, other))).toBe(same(leaf, intermediate));
  });

  test('has the leaf of two with one key that lasts longest, in any order', async () => {
    const old = leafBy(intermediate, { keyOf: leaf, days: PAST });
    const sooner = leafBy(intermediate, { keyOf: leaf, days: { from: -50, until: 10 } });
    expect(await chainOf(file(old, sooner, leaf, intermediate))).toBe(same(leaf, intermediate));
    expect(await chainOf(file(leaf, sooner, old, intermediate))).toBe(same(leaf, intermediate));
  });

  test('has the leaf of two with one key that can be used', async () => {
    const next = leafBy(intermediate, { keyOf: leaf, days: { from: 20, until: 400 } });
    const foreign = leafBy(make({ subject: 'Stranger', extensions: CA }), {
      keyOf: leaf,
      days: { from: -1, until: 300 },
    });
    expect(await chainOf(file(next, foreign, leaf, intermediate))).toBe(same(leaf, intermediate));
  });

  test('leads over a cross-signed root as far as a trusted root has signed, whatever else is there', async () => {
    const young = make({ subject: 'Young Root', extensions: CA });
    const crossed = make({ subject: 'Young Root', keyOf: young, by: root, extensions: CA });
    const issuer = make({ subject: 'Issuer', by: young, extensions: CA });
    const its = leafBy(issuer);
    const all = file(its, crossed, young, issuer);
    // A client that knows one of the roots follows the chain; so does one that knows both.
    for (const roots of [root.pem, root.pem + young.pem])
      expect(await chainOf(all, roots)).toBe(same(its, issuer, crossed));
    expect(await chainOf(all, young.pem)).toBe(same(its, issuer));
  });

  test('does not go in a circle', async () => {
    const [a, b] = [make({ subject: 'A', extensions: CA }), make({ subject: 'B', extensions: CA })];
    const crossed = [
      make({ subject: 'A', keyOf: a, by: b, extensions: CA }),
      make({ subject: 'B', keyOf: b, by: a, extensions: CA }),
    ];
    const its = leafBy(a);
    await expect(read(file(its, ...crossed))).rejects.toThrow('is not a trusted root');
    expect(await chainOf(file(its, ...crossed), b.pem)).toBe(same(its, crossed[0]!));
  });

  test('with an expired intermediate alone is refused, with the remedy for just that', async () => {
    await expect(read(file(leaf, expired))).rejects.toThrow(
      /^--pem: Intermediate expired at .*; download the chain again from its issuer$/,
    );
  });
});

describe('a certificate that the strictest server or client refuses', () => {
  const through = (...extensions: string[]) => make({ subject: 'Other', by: root, extensions: [...CA, ...extensions] });
  const under = (other: Made) => file(leafBy(other), other);
  const cases: [string, () => string, string][] = [
    [
      'RSA-1024',
      () => file(leafBy(intermediate, { algorithm: rsa(1024) }), intermediate),
      'its key is RSA with 1024 bits',
    ],
    [
      'secp256k1',
      () => file(leafBy(intermediate, { algorithm: ec('secp256k1') }), intermediate),
      'its key is on the curve secp256k1',
    ],
    [
      'P-224',
      () => file(leafBy(intermediate, { algorithm: ec('P-224') }), intermediate),
      'its key is on the curve secp224r1',
    ],
    [
      'brainpool',
      () => file(leafBy(intermediate, { algorithm: ec('brainpoolP256r1') }), intermediate),
      'its key is on the curve brainpoolP256r1',
    ],
    [
      'explicit parameters',
      () =>
        file(leafBy(intermediate, { algorithm: [...ec('P-256'), '-pkeyopt', 'ec_param_enc:explicit'] }), intermediate),
      'explicit',
    ],
    [
      'SHA-1',
      () => file(leafBy(intermediate, { hash: 'sha1' }), intermediate),
      'signed with a hash that clients refuse, such as SHA-1',
    ],
    [
      'a CA with RSA-1024',
      () => under(make({ subject: 'Small', by: root, algorithm: rsa(1024), extensions: CA })),
      'the key of a CA in its chain is RSA with 1024 bits',
    ],
    [
      'a CA on secp256k1',
      () => under(make({ subject: 'Koblitz', by: root, algorithm: ec('secp256k1'), extensions: CA })),
      'the key of a CA in its chain is on the curve secp256k1',
    ],
    ['a CA with SHA-1', () => under(make({ subject: 'Old', by: root, hash: 'sha1', extensions: CA })), 'such as SHA-1'],
    [
      'names that the CA must not issue for',
      () => under(through('nameConstraints=critical,excluded;DNS:customer.example')),
      'name constraints',
    ],
    [
      'names that the CA may not issue for',
      () => under(through('nameConstraints=critical,permitted;DNS:other.example')),
      'name constraints',
    ],
    ['a CA for other purposes', () => under(through('extendedKeyUsage=clientAuth')), 'extended key usage'],
    [
      'a critical extension that nobody knows',
      () => under(through('1.2.3.4=critical,DER:0500')),
      'unhandled critical extension',
    ],
  ];
  test.each(cases)('%s', async (_, pem, text) => {
    const error = (await read(pem()).catch((error: Error) => error)) as Error;
    expect(error).toMatchObject({ name: 'InvalidStepInput' });
    expect(error.message).toContain(text);
    expect(error.message).toMatch(/^--pem: .*; (get|ask|download)/);
  });

  test.each([
    ['RSA-2048', rsa(2048)],
    ['RSA-4096', rsa(4096)],
    ['P-384', ec('P-384')],
    ['P-521', ec('P-521')],
    ['Ed25519', ['ed25519']],
  ])('is not one with %s', async (_, algorithm) => {
    const strong = leafBy(intermediate, { algorithm });
    expect(await chainOf(file(strong, intermediate))).toBe(same(strong, intermediate));
  });
});

describe('another format is named, with the command that converts it', () => {
  const run = (...args: string[]) =>
    execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] }).toString('latin1');
  const { pem, key } = leaf.files;
  const both = join(directory, 'both.pem');
  writeFileSync(both, leaf.pem + intermediate.pem);
  const bytes = {
    p12: run('pkcs12', '-export', '-inkey', key, '-in', both, '-passout', 'pass:x'),
    p7: run('crl2pkcs7', '-nocrl', '-certfile', both, '-outform', 'DER'),
    certificate: run('x509', '-in', pem, '-outform', 'DER'),
    key: run('pkey', '-in', key, '-outform', 'DER'),
    request: run('req', '-new', '-key', key, '-subj', '/CN=x', '-outform', 'DER'),
    locked: run('pkcs8', '-topk8', '-in', key, '-outform', 'DER', '-passout', 'pass:x'),
    public: run('pkey', '-in', key, '-pubout', '-outform', 'DER'),
  };
  const base64 = (der: string) => Buffer.from(der, 'latin1').toString('base64').replace(/.{64}/g, '$&\n');
  const armoured = (label: string, der: string) => `-----BEGIN ${label}-----\n${base64(der)}\n-----END ${label}-----\n`;
  const cases: [string, string, string | undefined, RegExp][] = [
    [
      'PKCS #12',
      bytes.p12,
      undefined,
      /^--pem: the file is PKCS #12, not PEM; convert it: openssl pkcs12 -in FILE -nodes -out PEM/,
    ],
    ['PKCS #12 in Base64', base64(bytes.p12), undefined, /^--pem: the file is PKCS #12 as Base64, .*openssl pkcs12/],
    ['PKCS #12 as a PEM block', armoured('PKCS12', bytes.p12), undefined, /^--pem: there is PKCS #12 in Base64 in it/],
    [
      'PKCS #7 as DER',
      bytes.p7,
      leaf.key,
      /^--pem: the file is PKCS #7 as DER, .*openssl pkcs7 -inform DER -print_certs/,
    ],
    [
      'PKCS #7 as PEM',
      armoured('PKCS7', bytes.p7),
      leaf.key,
      /^--pem: there is PKCS #7 in it; convert it: openssl pkcs7 -print_certs -in FILE/,
    ],
    ['PKCS #7 without a key', armoured('PKCS7', bytes.p7), undefined, /^--pem: there is PKCS #7 in it/],
    [
      'PKCS #7 called a certificate',
      armoured('CERTIFICATE', bytes.p7),
      leaf.key,
      /^--pem: there is PKCS #7 as DER under the label of another/,
    ],
    [
      'a certificate as DER',
      bytes.certificate,
      leaf.key,
      /^--pem: the file is a certificate as DER, .*openssl x509 -inform DER/,
    ],
    ['a key as DER', leaf.pem, bytes.key, /^--key: the file is a private key as DER, .*openssl pkey -inform DER/],
    ['a locked key as DER', leaf.pem, bytes.locked, /^--key: the file is a private key with a passphrase as DER/],
    ['a public key as DER', leaf.pem, bytes.public, /^--key: the file is a public key as DER/],
    ['a request as DER', bytes.request, leaf.key, /^--pem: the file is a certificate request \(CSR\) as DER/],
    [
      'a trusted certificate',
      run('x509', '-in', pem, '-trustout', '-addtrust', 'serverAuth') + intermediate.pem,
      leaf.key,
      /TRUSTED CERTIFICATE\) in it; convert .*openssl x509 -in FILE/,
    ],
    ['a trusted certificate alone', run('x509', '-in', pem, '-trustout'), leaf.key, /TRUSTED CERTIFICATE\) in it/],
    [
      'a request',
      armoured('CERTIFICATE REQUEST', bytes.request),
      leaf.key,
      /^--pem: there is a certificate request \(CSR\) in it; give the/,
    ],
    [
      'a public key',
      leaf.pem,
      armoured('PUBLIC KEY', bytes.public),
      /^--key: there is a public key in it; give the private key/,
    ],
    [
      'a locked key',
      leaf.pem,
      armoured('ENCRYPTED PRIVATE KEY', bytes.locked),
      /^--key: the private key has a passphrase; .*openssl pkey/,
    ],
    [
      'a key of OpenSSH',
      leaf.pem,
      '-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\n',
      /OpenSSH in it; .*ssh-keygen -p/,
    ],
    [
      'UTF-16',
      Buffer.from(`\ufeff${leaf.pem}`, 'utf16le').toString('latin1'),
      leaf.key,
      /^--pem: the file is UTF-16; convert it: iconv/,
    ],
    ['a Java keystore', '\xfe\xed\xfe\xed\x00\x00\x00\x02', undefined, /^--pem: the file is a Java keystore .*keytool/],
    [
      'certificate and key exchanged',
      leaf.key,
      leaf.pem,
      /^--key: there is no private key in it \(PEM\); name the file that has it/,
    ],
  ];
  test.each(cases)('%s', async (_, pem, key, message) => {
    const error = (await read(pem, { ...(key !== undefined && { key }) }).catch((error: Error) => error)) as Error;
    expect(error).toMatchObject({ name: 'InvalidStepInput', message: expect.stringMatching(message) });
    expect(error.cause).toBeUndefined();
  });

  test.each([
    ['PKCS #12', bytes.p12, ['pkcs12', '-nodes', '-passin', 'pass:x']],
    ['a trusted certificate', run('x509', '-in', pem, '-trustout'), ['x509']],
    ['PKCS #7 as DER', bytes.p7, ['pkcs7', '-inform', 'DER', '-print_certs']],
  ])('%s is accepted once the command has converted it', async (_, given, [command, ...rest]) => {
    const [from, to] = [join(directory, 'from'), join(directory, 'to')];
    writeFileSync(from, given, 'latin1');
    run(command!, ...rest, '-in', from, '-out', to);
    const { chainPem } = await read(readFileSync(to, 'latin1') + intermediate.pem, { key: leaf.key });
    expect(chainPem).toBe(same(leaf, intermediate));
  });
});
