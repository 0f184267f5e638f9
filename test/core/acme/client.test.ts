import { createHash } from 'node:crypto';
import { Client } from 'acme-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { csrFor } from '../../../core/acme/client.ts';
import { asSealpostError } from '../../../core/acme/problem.ts';
import { newKey } from '../../../core/certificate/certificate.ts';
import { accountKey, newAccountKey, startTestCa } from './ca.ts';
import type { TestCa } from './ca.ts';

const macKey = createHash('sha256').update('a MAC key').digest('base64url');
const account = { contact: ['mailto:ops@provider.example'], termsAgreed: true };
let at: TestCa;

beforeAll(async () => {
  at = await startTestCa({ externalAccountBinding: { 'kid-1': macKey } });
}, 300_000);
afterAll(() => at.stop());

describe('a CA that binds accounts to its customers', () => {
  test('creates an account with its key id and MAC key', async () => {
    const acme = at.connect();
    const url = await acme.register({ ...account, externalAccountBinding: { kid: 'kid-1', hmacKey: macKey } });
    expect(url).toMatch(/^https:/);
    expect(acme.accountUrl).toBe(url);
  });

  test('refuses an account without them, in its own words', async () => {
    const error = await at
      .connect({ accountKey: newAccountKey() })
      .register(account)
      .catch(error => error);
    expect(asSealpostError(error, 'example.com', 0)).toMatchObject({
      name: 'AcmeRejected',
      message: expect.stringContaining('externalAccountBinding'),
    });
  });
});

test('acme-client still has the members that we replace', () => {
  const { http } = new Client({ directoryUrl: 'https://ca.example/dir', accountKey }) as any;
  for (const member of ['request', 'getNonce', 'getJwk', 'signedRequest', 'getDirectory']) {
    expect(http[member]).toBeTypeOf('function');
  }
  expect(http.externalAccountBinding).toEqual({});
});

test('the TXT value is what RFC 8555 makes of token and account key', async () => {
  const client = new Client({ directoryUrl: at.directoryUrl, accountKey });
  const expected = await client.getChallengeKeyAuthorization({ type: 'dns-01', token: 'a-token' } as never);
  expect(at.connect().txtValue('a-token')).toBe(expected);
});

test('a CA whose root is not trusted is unavailable, and is not trusted', async () => {
  const { connect } = await import('../../../core/acme/client.ts');
  // a URL that the process's cache does not have
  const url = at.directoryUrl.replace('127.0.0.1', 'localhost');
  const acme = connect({ directoryUrl: url, roots: '', userAgent: 'sealpost-test', accountKey });
  const error = await acme.register(account).catch(error => error);
  expect(asSealpostError(error, 'example.com', 0)).toMatchObject({
    name: 'AcmeUnavailable',
    message: expect.stringMatching(/unable to verify|self-signed/i),
  });
});

test('a CA that is down is unavailable', async () => {
  const { connect } = await import('../../../core/acme/client.ts');
  const acme = connect({ directoryUrl: 'https://127.0.0.1:1/dir', roots: '', userAgent: 'sealpost-test', accountKey });
  const error = await acme.register(account).catch(error => error);
  expect(asSealpostError(error, 'example.com', 0)).toMatchObject({
    name: 'AcmeUnavailable',
    message: expect.stringContaining('ECONNREFUSED'),
  });
});

test('a certificate signing request has the names and no private key', async () => {
  const keyPem = newKey();
  const der = await csrFor(['example.com', '*.example.com'], keyPem);
  expect(der[0]).toBe(0x30);
  expect(der.includes(Buffer.from('*.example.com'))).toBe(true);
  expect(der.toString('base64')).not.toContain(keyPem.split('\n')[1]!.slice(0, 40));
});
