import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isCore, keyIn, keysBelow, leftDirectories } from './key-scan.ts';

const pairs = {
  'P-256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'P-384': generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  RSA: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  Ed25519: generateKeyPairSync('ed25519'),
};
const kinds = Object.entries(pairs);
const der = (key: KeyObject, type: 'pkcs8' | 'sec1' | 'pkcs1' = 'pkcs8') =>
  key.export({ format: 'der', type }) as Buffer;
const base64 = (bytes: Buffer | string, before = '') =>
  Buffer.concat([Buffer.from(before), Buffer.from(bytes)]).toString('base64');

/** Each way in which a program may write a key. */
const forms: [string, (key: KeyObject) => Buffer | string][] = [
  ['PEM', key => key.export({ format: 'pem', type: 'pkcs8' })],
  ['PEM in JSON', key => JSON.stringify({ a: [key.export({ format: 'pem', type: 'pkcs8' })] })],
  ['DER', key => Buffer.concat([Buffer.from('before'), der(key), Buffer.from('after')])],
  ['DER in base64', key => `key=${base64(der(key))};`],
  ['DER in hex', key => der(key).toString('hex')],
  ['PEM without its lines', key => base64(der(key)).replace(/.{64}/g, '$&\n')],
  ...['', 'x', 'xy', 'xyz'].map((before): [string, (key: KeyObject) => string] => [
    `PEM in base64 after ${before.length} bytes`,
    key => base64(key.export({ format: 'pem', type: 'pkcs8' }), before),
  ]),
  ['DER in base64 in base64', key => base64(base64(der(key)), '{"key":"')],
  ['JWK', key => JSON.stringify(key.export({ format: 'jwk' }))],
];

describe.each(kinds)('a key of the kind %s', (kind, { privateKey, publicKey }) => {
  test.each(forms)('is found as %s', (_, write) => {
    expect(keyIn(Buffer.from(write(privateKey)))).toBeDefined();
  });

  test('is found in its older form', () => {
    if (kind === 'Ed25519') return;
    expect(keyIn(der(privateKey, kind === 'RSA' ? 'pkcs1' : 'sec1'))).toBeDefined();
  });

  test('is not found in its public half, in any of these forms', () => {
    const spki = publicKey.export({ format: 'der', type: 'spki' }) as Buffer;
    for (const text of [
      spki,
      spki.toString('base64'),
      spki.toString('hex'),
      JSON.stringify(publicKey.export({ format: 'jwk' })),
    ])
      expect(keyIn(Buffer.from(text))).toBeUndefined();
  });
});

test('what a run leaves is searched: a planted key and a core dump are found, and old files are not', () => {
  // A file system may round the time of a change down.
  const since = Date.now() - 1_000;
  const left = mkdtempSync(join(tmpdir(), 'sealpost-left-'));
  try {
    expect(leftDirectories(tmpdir(), since)).toContain(left);
    expect(leftDirectories(tmpdir(), Date.now() + 60_000)).toEqual([]);
    writeFileSync(join(left, 'harmless'), 'MIGHAgEAMBMGByqGSM49 is how they begin');
    expect(keysBelow(left, since)).toEqual([]);
    writeFileSync(join(left, 'planted'), base64(der(pairs['P-256'].privateKey)));
    const core = Buffer.alloc(64);
    core.write('\x7fELF', 'latin1');
    core.writeUInt16LE(4, 16);
    expect(isCore(core)).toBe(true);
    writeFileSync(join(left, 'core.1'), core);
    expect(keysBelow(left, since).sort()).toEqual([
      `${left}/core.1: a core dump`,
      `${left}/planted: a private key as DER in base64`,
    ]);
    expect(keysBelow(left, Date.now() + 60_000)).toEqual([]);
  } finally {
    rmSync(left, { recursive: true });
  }
});
