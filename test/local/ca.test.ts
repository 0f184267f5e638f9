import { X509Certificate } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import acme from 'acme-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPebble, type Ca } from '../../local/ca/pebble.ts';
import { startDns, type Dns } from '../../packages/aws-stand-in/src/dns/server.ts';

/** The type of acme-client has no profile. */
type OrderRequest = Parameters<acme.Client['createOrder']>[0];

let scratch: string;
let dns: Dns;
let ca: Ca;
const accountKey = await acme.crypto.createPrivateEcdsaKey('P-256');
const account = { termsOfServiceAgreed: true, contact: ['mailto:hostmaster@provider.test'] };
const report = () => {};
const start = (more = {}) =>
  startPebble({ directory: join(scratch, 'ca'), resolver: `${dns.addresses[0]}:53`, report, noSleep: true, ...more });

// A first run downloads Pebble.
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'sealpost-ca-'));
  dns = await startDns({ seed: scratch });
  ca = await start();
}, 300_000);
afterAll(async () => {
  await ca?.stop();
  await dns.stop();
  await rm(scratch, { recursive: true });
});

function client(more: Partial<acme.ClientOptions> = {}): acme.Client {
  acme.axios.defaults.httpsAgent = new Agent({ ca: ca.tlsRoot });
  return new acme.Client({ directoryUrl: ca.directoryUrl, accountKey, backoffMin: 50, backoffMax: 500, ...more });
}

/**
 * Returns the chain of a certificate for these names. The challenges are answered in the zone
 * `challenges.test`, by CNAME.
 */
async function issue(domain: string, profile: string): Promise<X509Certificate[]> {
  const user = client();
  await user.createAccount(account);
  const identifiers = [domain, `*.${domain}`].map(value => ({ type: 'dns', value }));
  const order = await user.createOrder({ identifiers, profile } as OrderRequest);
  const challenges = (await user.getAuthorizations(order)).map(({ challenges }) =>
    challenges.find(({ type }) => type === 'dns-01')!,
  );
  const values = await Promise.all(challenges.map(challenge => user.getChallengeKeyAuthorization(challenge)));
  const target = `${domain}.challenges.test`;
  await dns.setStaticZone(domain, [
    { name: `_acme-challenge.${domain}`, type: 'CNAME', ttl: 60, values: [`${target}.`] },
  ]);
  await dns.setStaticZone('challenges.test', [
    { name: target, type: 'TXT', ttl: 1, values: values.map(value => `"${value}"`) },
  ]);
  for (const challenge of challenges) {
    if (challenge.status === 'valid') continue; // an authorization that Pebble reuses
    await user.completeChallenge(challenge);
    await user.waitForValidStatus(challenge);
  }
  const key = await acme.crypto.createPrivateEcdsaKey('P-256');
  const [, csr] = await acme.crypto.createCsr({ altNames: identifiers.map(({ value }) => value) }, key);
  const chain = await user.getCertificate(await user.finalizeOrder(order, csr));
  return acme.crypto.splitPemChain(chain).map(pem => new X509Certificate(pem));
}

test('a wildcard certificate is issued by the DNS server’s answers, and its chain ends in the CA’s root', async () => {
  const before = await ca.requests();
  const [leaf, intermediate] = await issue('customer.test', 'classic');
  expect(leaf!.subjectAltName).toBe('DNS:customer.test, DNS:*.customer.test');
  expect(leaf!.verify(intermediate!.publicKey)).toBe(true);
  expect(intermediate!.verify(new X509Certificate(await ca.issuerRoots()).publicKey)).toBe(true);
  expect((await ca.requests()) - before).toBeGreaterThan(8);
}, 30_000);

test.runIf(() => ca.pebble.supports.profiles)(
  'the profile of an order decides how long its certificate is valid',
  async () => {
    const seconds = async (profile: string) => {
      const [leaf] = await issue(`${profile}.test`, profile);
      return (leaf!.validToDate.getTime() - leaf!.validFromDate.getTime()) / 1000 + 1;
    };
    expect(await seconds('tlsserver')).toBe(45 * 86_400);
    expect(await seconds('fiveminutes')).toBe(300);
  },
  30_000,
);

test('an order without the right TXT value is not issued', async () => {
  const user = client();
  await user.createAccount(account);
  const order = await user.createOrder({
    identifiers: [{ type: 'dns', value: 'other.test' }],
    profile: 'classic',
  } as OrderRequest);
  const [authorization] = await user.getAuthorizations(order);
  await user.completeChallenge(authorization!.challenges.find(({ type }) => type === 'dns-01')!);
  await expect.poll(async () => (await user.getOrder(order)).status, { timeout: 10_000 }).toBe('invalid');
}, 30_000);

test('a restarted CA has the same address and TLS root, new issuing roots, and no accounts', async () => {
  const user = client();
  await user.createAccount(account);
  const before = { url: ca.directoryUrl, tlsRoot: ca.tlsRoot, root: await ca.issuerRoots() };
  await ca.stop();
  ca = await start();
  expect([ca.directoryUrl, ca.tlsRoot]).toEqual([before.url, before.tlsRoot]);
  expect(await ca.issuerRoots()).not.toBe(before.root);
  expect(await ca.requests()).toBe(0);
  const known = client({ accountUrl: user.getAccountUrl() });
  await expect(known.createOrder({ identifiers: [{ type: 'dns', value: 'a.test' }] })).rejects.toThrow(
    /Account .* not found/,
  );
}, 30_000);

test('a CA with external account binding creates an account only for the holder of a key', async () => {
  const hmacKey = Buffer.from('a shared secret of thirty two by').toString('base64url');
  const plain = ca;
  ca = await start({ directory: join(scratch, 'eab'), externalAccountBinding: { 'key-1': hmacKey } });
  try {
    await expect(client().createAccount(account)).rejects.toThrow(/externalAccountBinding/);
    await client({ externalAccountBinding: { kid: 'key-1', hmacKey } }).createAccount(account);
  } finally {
    await ca.stop();
    ca = plain;
  }
}, 30_000);

test('the CA ends with a provider that is killed with -9', async () => {
  const script = `
    import { startPebble } from ${JSON.stringify(join(import.meta.dirname, '../../local/ca/pebble.ts'))};
    const { directoryUrl } = await startPebble({ directory: ${JSON.stringify(join(scratch, 'killed'))}, resolver: '127.0.0.1:53', report() {} });
    console.log(new URL(directoryUrl).port);
    setInterval(() => {}, 1000);`;
  const provider = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [port] = await once(createInterface({ input: provider.stdout! }), 'line');
  const isListening = () =>
    readFileSync('/proc/net/tcp', 'utf8').includes(
      `:${Number(port).toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A`,
    );
  expect(isListening()).toBe(true);
  provider.kill('SIGKILL');
  await expect.poll(isListening, { timeout: 10_000 }).toBe(false);
}, 30_000);
