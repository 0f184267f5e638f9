/**
 * Accounts at a real CA that requires an external account: created, found again by a key that the
 * operator stored, or refused with the remedy.
 */
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { keptAccounts, knownAccount, openAccount } from '../../../core/acme/account.ts';
import type { Acme } from '../../../core/acme/client.ts';
import type { Issuer } from '../../../core/acme/issuer.ts';
import { openOrder } from '../../../core/acme/order.ts';
import { createOrder } from '../../../core/secure-domain/create-order.ts';
import { memorySecrets } from '../../twins/secrets.ts';
import { anIssuer, created, domain, newWorld, register, mx1, type World } from '../world.ts';
import { startTestCa, type TestCa } from './ca.ts';
import type { Secrets } from '../../../core/ports/secrets.ts';

const hmacKey = createHash('sha256').update('a MAC key').digest('base64url');
const binding = JSON.stringify({ kid: 'kid-1', hmacKey });
const external = '/sealpost/issuers/ca/external-account';
let at: TestCa;
let issuer: Issuer;
let world: World;
let secrets: Secrets;

beforeAll(async () => {
  at = await startTestCa({ externalAccountBinding: { 'kid-1': hmacKey } });
}, 300_000);
afterAll(() => at.stop());
beforeEach(() => {
  at.calm();
  world = newWorld();
  secrets = memorySecrets();
  const directoryUrl = at.directoryUrl;
  issuer = anIssuer({ directoryUrl, roots: at.ca.tlsRoot, externalAccountParameter: external });
});

const open = (of = issuer) => openAccount(of, { secrets, store: world.store, now: world.clock.now });
const newAccounts = () => at.answered.filter(line => line.endsWith('POST /sign-me-up'));

describe('an account that is bound to a customer of the CA', () => {
  test('is created once, with the key that the operator stored in the parameter, and later steps find it', async () => {
    await secrets.createOnce({ name: external, value: binding });
    const { accountUrl } = await open();
    expect(await world.store.readIssuer(at.directoryUrl)).toMatchObject({ accountUrl });
    at.calm();
    expect((await open()).accountUrl).toBe(accountUrl);
    expect((await knownAccount(issuer, { secrets, store: world.store })).accountUrl).toBe(accountUrl);
    expect(newAccounts()).toEqual([]);
  });

  test('takes the MAC key in plain base64, too', async () => {
    const plain = Buffer.from(hmacKey, 'base64url').toString('base64');
    await secrets.createOnce({ name: external, value: JSON.stringify({ kid: 'kid-1', hmacKey: plain }) });
    expect((await open()).accountUrl).toMatch(/^https:/);
  });

  test('is refused without the parameter, with the command that creates it, and the CA gets no request', async () => {
    await expect(open()).rejects.toMatchObject({
      name: 'IssuerUnusable',
      about: 'ca',
      message: expect.stringMatching(
        /^ca wants an external account, and there is no parameter \/sealpost\/issuers\/ca\/external-account\. Say: aws ssm put-parameter --name \/sealpost\/issuers\/ca\/external-account --type SecureString/,
      ),
    });
    expect(newAccounts().filter(line => line.startsWith('20'))).toEqual([]);
  });

  test.each(['no JSON', '{"kid":"kid-1"}', '{"kid":"kid-1","hmacKey":"not base64!!!!!"}'])(
    'is refused if the parameter holds %s, which is quoted nowhere',
    async stored => {
      await secrets.createOnce({ name: external, value: stored });
      const error = await open().catch((error: Error) => error);
      expect(error).toMatchObject({
        name: 'IssuerUnusable',
        message: expect.stringContaining('is not as it should be'),
      });
      expect(JSON.stringify(error) + String((error as Error).cause)).not.toContain(stored);
    },
  );

  test("is refused with another customer's key, in the CA's words and with what to check", async () => {
    await secrets.createOnce({ name: external, value: JSON.stringify({ kid: 'kid-2', hmacKey }) });
    await expect(open()).rejects.toMatchObject({
      name: 'IssuerUnusable',
      message: expect.stringMatching(
        /ca does not take our account\. .*\/sealpost\/issuers\/ca\/external-account has what/,
      ),
    });
  });

  test('is refused if the setting does not say that the CA requires an external account', async () => {
    await expect(open({ ...issuer, externalAccountParameter: undefined })).rejects.toMatchObject({
      name: 'IssuerUnusable',
      message: expect.stringMatching(/externalAccountBinding.*"externalAccount":true for ca in the setting Issuers/),
    });
  });

  test('is opened by the next try once the parameter is there', async () => {
    await expect(open()).rejects.toMatchObject({ name: 'IssuerUnusable' });
    await secrets.createOnce({ name: external, value: binding });
    expect((await open()).accountUrl).toMatch(/^https:/);
  });
});

const pem = (key: KeyObject, type: 'pkcs1' | 'pkcs8' | 'sec1') => key.export({ type, format: 'pem' }).toString();
const ec = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

describe('an account key that the operator brought', () => {
  test.each([
    ['RSA, PKCS #8', rsa, pem(rsa, 'pkcs8')],
    ['RSA, PKCS #1', rsa, pem(rsa, 'pkcs1')],
    ['EC, PKCS #8', ec, pem(ec, 'pkcs8')],
    ['EC, SEC1', ec, pem(ec, 'sec1')],
    ['a JWK, as certbot keeps it', ec, JSON.stringify(ec.export({ format: 'jwk' }))],
  ])('%s, is used, and its account is found without the external account', async (_, key, stored) => {
    const before = at.connect({ accountKey: pem(key, 'pkcs8') });
    const account = { contact: issuer.contact, termsAgreed: true };
    const known = await before.register({ ...account, externalAccountBinding: { kid: 'kid-1', hmacKey } });
    await secrets.createOnce({ name: issuer.keyParameter, value: stored });
    const acme = await open();
    expect(acme.accountUrl).toBe(known);
    expect(acme.thumbprint).toBe(before.thumbprint);
    // The CA accepts the key's signature.
    expect(await openOrder(acme, { names: ['brought.example'], now: Date.now })).toMatchObject({ status: 'pending' });
  });

  test('in place of another key brings its own account', async () => {
    await secrets.createOnce({ name: external, value: binding });
    const { accountUrl } = await open();
    const [before, key] = [secrets, pem(ec, 'pkcs8')];
    secrets = { read: before.read, createOnce: async () => key };
    const brought = await open();
    expect(brought.accountUrl).not.toBe(accountUrl);
    expect(await world.store.readIssuer(at.directoryUrl)).toMatchObject({ accountUrl: brought.accountUrl });
  });

  test.each([
    ['something that is no key', 'secret words'],
    ['a key of another kind', pem(generateKeyPairSync('ed25519').privateKey, 'pkcs8')],
    ['a key that is too short', pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey, 'pkcs8')],
  ])('%s, is refused by the name of its parameter, and quoted nowhere', async (_, stored) => {
    await secrets.createOnce({ name: issuer.keyParameter, value: stored });
    const error = await open().catch((error: Error) => error);
    expect(error).toMatchObject({
      name: 'IssuerUnusable',
      message: expect.stringMatching(/^The parameter \/sealpost\/issuers\/ca\/account-key holds /),
    });
    expect(JSON.stringify(error) + String((error as Error).cause)).not.toContain(stored.split('\n')[1] ?? stored);
  });
});

describe('a process that keeps its accounts', () => {
  const kept = (openIt: () => Promise<Acme>) => keptAccounts(openIt, { store: world.store, now: world.clock.now });

  test('opens an account once, and asks the record alone after that', async () => {
    await secrets.createOnce({ name: external, value: binding });
    let opened = 0;
    const account = kept(() => ((opened += 1), open()));
    expect(await account(issuer)).toBe(await account(issuer));
    expect(opened).toBe(1);
  });

  test('opens the account again once another process has recorded a new one', async () => {
    await secrets.createOnce({ name: external, value: binding });
    const account = kept(() => open());
    const later = kept(() => knownAccount(issuer, { secrets, store: world.store }));
    const before = (await account(issuer)).accountUrl;
    expect((await later(issuer)).accountUrl).toBe(before);
    const [stored, key] = [secrets, pem(ec, 'pkcs8')];
    const read = async (name: string) => (name === issuer.keyParameter ? key : stored.read(name));
    secrets = { read, createOnce: async () => key };
    const { accountUrl, thumbprint } = await open();
    expect(accountUrl).not.toBe(before);
    for (const one of [account, later]) expect(await one(issuer)).toMatchObject({ accountUrl, thumbprint });
  });

  test('reads the key again after some minutes, since the operator may have stored another', async () => {
    await secrets.createOnce({ name: external, value: binding });
    const account = kept(() => open());
    const before = (await account(issuer)).accountUrl;
    const [stored, key] = [secrets, pem(rsa, 'pkcs8')];
    secrets = { read: stored.read, createOnce: async () => key };
    expect((await account(issuer)).accountUrl).toBe(before);
    world.time += 11 * 60_000;
    expect((await account(issuer)).accountUrl).not.toBe(before);
  });

  test('keeps no failure', async () => {
    const account = kept(() => open());
    await expect(account(issuer)).rejects.toMatchObject({ name: 'IssuerUnusable' });
    await secrets.createOnce({ name: external, value: binding });
    expect((await account(issuer)).accountUrl).toMatch(/^https:/);
  });
});

test('an account that the CA has deactivated is a fault of the issuer, not of the domain that met it', async () => {
  await secrets.createOnce({ name: external, value: binding });
  const acme = await open();
  await register(world, mx1);
  const wish = created().detail;
  await world.store.acceptWish({ ...wish, policy: 'wildcard' }, { at: world.time }, world.time);
  await world.store.claimDomain({ domain, me: 'me', now: world.time });
  at.fault = line =>
    line === 'POST /order-plz'
      ? {
          status: 403,
          headers: { 'content-type': 'application/problem+json' },
          body: {
            type: 'urn:ietf:params:acme:error:unauthorized',
            detail: 'Account is not valid, has status "deactivated"',
          },
        }
      : undefined;
  const plan = { domain, seen: 1, names: [domain], servers: [mx1], issuer: 'ca', places: [], claimedAt: world.time };
  await expect(
    createOrder({ ...plan, execution: 'me' }, { ...world, acme, issuer, registerAgain: async () => {} }),
  ).rejects.toMatchObject({ name: 'IssuerUnusable', message: expect.stringContaining('has status "deactivated"') });
});
