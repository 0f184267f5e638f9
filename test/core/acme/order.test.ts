import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { csrFor } from '../../../core/acme/client.ts';
import { answerChallenges, completeOrder, openOrder } from '../../../core/acme/order.ts';
import type { OrderState } from '../../../core/acme/order.ts';
import { checkCertificate, inspectChain, newKey } from '../../../core/certificate/certificate.ts';
import { accountKey, newAccountKey, patience, problem, startTestCa } from './ca.ts';
import type { TestCa } from './ca.ts';

let at: TestCa;
let accountUrl: string;
const now = Date.now;

beforeAll(async () => {
  at = await startTestCa();
  accountUrl = await at.connect().register({ contact: ['mailto:ops@provider.example'], termsAgreed: true });
}, 300_000);
afterAll(() => at.stop());
beforeEach(() => at.calm());

/** Each step of an order runs in a process of its own. */
const acme = () => at.connect({ accountUrl });

function publish(order: OrderState): void {
  for (const { recordName, value } of order.challenges) {
    const values = at.names.records.get(`${recordName} TXT`) ?? [];
    at.names.records.set(`${recordName} TXT`, [...values, value]);
  }
}

let serial = 0;
const freshNames = () => [`d${(serial += 1)}.example.test`, `*.d${serial}.example.test`];

async function openAndProve(names = freshNames(), wish: { replaces?: string } = {}): Promise<OrderState> {
  const order = await openOrder(acme(), { names, profile: 'tlsserver', now, ...wish });
  publish(order);
  return answerChallenges(acme(), order, patience());
}

describe('an order', () => {
  test('ends in a certificate for a domain and its wildcard, within 12 requests', async () => {
    const names = freshNames();
    const keyPem = newKey();
    const csr = await csrFor(names, keyPem);
    const order = await openOrder(acme(), { names, profile: 'tlsserver', now });
    expect(JSON.parse(JSON.stringify(order))).toEqual(order);
    expect(order.challenges.map(({ name, wildcard, recordName }) => ({ name, wildcard, recordName }))).toEqual(
      expect.arrayContaining([
        { name: names[0], wildcard: false, recordName: `_acme-challenge.${names[0]}` },
        { name: names[0], wildcard: true, recordName: `_acme-challenge.${names[0]}` },
      ]),
    );
    publish(order);
    const ready = await answerChallenges(acme(), order, patience());
    expect(ready.status).toBe('ready');
    const chainPem = await completeOrder(acme(), ready, { csr, firstAttempt: true, ...patience() });

    const roots = await at.ca.issuerRoots();
    checkCertificate({ chainPem, keyPem, names, roots, now: Date.now() + 1000 });
    expect(inspectChain(chainPem)).toMatchObject({ names: expect.arrayContaining(names), chainLength: 2 });
    const count = (pattern: RegExp) => at.seen.filter(line => pattern.test(line)).length;
    const [nonces, directories, posts] = [count(/^HEAD/), count(/ \/dir$/), count(/^POST/)];
    console.log(`requests to the CA: ${posts} (order 9), nonces ${nonces}, directory ${directories}`);
    // Pebble refuses 5 % of good nonces on purpose: usually none of nine requests, never more than
    // a few.
    expect(posts).toBeLessThanOrEqual(12);
  });

  test('needs no challenge for a name whose authorization the CA still holds', async () => {
    const names = freshNames();
    await openAndProve(names);
    // Pebble reuses an authorization in half of the cases.
    for (let tries = 0; tries < 20; tries += 1) {
      const order = await openOrder(acme(), { names, profile: 'tlsserver', now });
      if (order.challenges.length < 2) return;
    }
    expect.unreachable('Pebble never reused an authorization');
  });

  test('that is stored is read again and not ordered again', async () => {
    const first = await openOrder(acme(), { names: freshNames(), profile: 'tlsserver', now });
    at.calm();
    const again = await openOrder(acme(), { names: first.names, existingUrl: first.url, now });
    const sorted = (order: OrderState) => order.challenges.map(({ url, value }) => `${url} ${value}`).sort();
    expect(again).toMatchObject({ url: first.url, finalize: first.finalize, status: 'pending', names: first.names });
    expect(sorted(again)).toEqual(sorted(first));
    expect(at.seen).not.toContain('POST /order-plz');
  });

  test('that is stored and that the CA no longer has is invalid', async () => {
    const { url, names } = await openOrder(acme(), { names: freshNames(), profile: 'tlsserver', now });
    const order = await openOrder(acme(), { names, existingUrl: `${url}x`, now });
    expect(order).toMatchObject({ status: 'invalid', challenges: [] });
  });

  test("with a profile that the CA does not have is rejected in the CA's words", async () => {
    await expect(openOrder(acme(), { names: freshNames(), profile: 'nine-lives', now })).rejects.toMatchObject({
      name: 'AcmeRejected',
      message: expect.stringMatching(/unrecognized profile.*invalidProfile/),
    });
  });

  test('whose `replaces` was replaced before is created without it', async () => {
    const names = freshNames();
    const csr = await csrFor(names, newKey());
    const first = await completeOrder(acme(), await openAndProve(names), { csr, firstAttempt: true, ...patience() });
    const replaces = inspectChain(first).ariId!;
    const second = await openAndProve(names, { replaces });
    expect(second.replaces).toBe(replaces);
    await completeOrder(acme(), second, { csr, firstAttempt: true, ...patience() });
    const third = await openOrder(acme(), { names, profile: 'tlsserver', replaces, now });
    expect(third.replaces).toBeUndefined();
    expect(third.status).not.toBe('invalid');
  });

  test('whose `replaces` names a certificate that the CA does not have is created without it', async () => {
    const replaces = 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE';
    const order = await openOrder(acme(), { names: freshNames(), profile: 'tlsserver', replaces, now });
    expect(order.replaces).toBeUndefined();
    expect(order.challenges).toHaveLength(2);
  });
});

describe('challenges', () => {
  test('that fail are reported for each name in the words of the CA', async () => {
    const names = freshNames();
    const order = await openOrder(acme(), { names, profile: 'tlsserver', now });
    at.names.records.set(`_acme-challenge.${names[0]} TXT`, ['somebody-elses-value']);
    const error = await answerChallenges(acme(), order, patience()).catch(error => error);
    expect(error).toMatchObject({ name: 'ChallengeFailed', about: names[0] });
    expect(error.message).toMatch(/Correct value not found for DNS challenge/);
    expect(error.message).toContain(`${names[0]}: `);
  });

  test('without any TXT record are reported as such, and the next try finds the order invalid', async () => {
    const order = await openOrder(acme(), { names: freshNames(), profile: 'tlsserver', now });
    await expect(answerChallenges(acme(), order, patience())).rejects.toMatchObject({
      name: 'ChallengeFailed',
      message: expect.stringContaining('No TXT records found'),
    });
    const again = await openOrder(acme(), { names: order.names, existingUrl: order.url, now });
    expect(again.status).toBe('invalid');
  });

  test('that were answered by a killed try do not stop the next try', async () => {
    const order = await openOrder(acme(), { names: freshNames(), profile: 'tlsserver', now });
    publish(order);
    await answerChallenges(acme(), order, patience());
    expect((await answerChallenges(acme(), order, patience())).status).toBe('ready');
  });

  test('whose answers were lost are judged by the order', async () => {
    const order = await openOrder(acme(), { names: freshNames(), profile: 'tlsserver', now });
    publish(order);
    at.fault = line => (line.startsWith('POST /chalZ') ? 'lost' : undefined);
    const first = await answerChallenges(acme(), order, patience()).catch(error => error);
    if (first.status === 'ready') return;
    // One answer was "badNonce" (Pebble's 5 %). The result is unknown, so the state machine's next
    // try answers again.
    expect(first.name).toBe('AuthorizationPending');
    at.fault = () => undefined;
    expect((await answerChallenges(acme(), order, patience())).status).toBe('ready');
  });

  test('that the CA has not validated by the deadline leave the order pending', async () => {
    const order = await openOrder(acme(), { names: freshNames(), profile: 'tlsserver', now });
    at.fault = line => (line.startsWith('POST /chalZ') ? { status: 200, body: {} } : undefined);
    await expect(answerChallenges(acme(), order, patience())).rejects.toMatchObject({
      name: 'AuthorizationPending',
      message: expect.stringContaining('is still pending'),
    });
  });

  test('that fail for CAA only have an error of their own', async () => {
    const order = await openOrder(acme(), { names: freshNames(), profile: 'tlsserver', now });
    const identifier = { type: 'dns', value: order.names[0] };
    const error = problem('caa', 'CAA record prevents issuance').body;
    const challenge = { type: 'dns-01', url: order.challenges[0]!.url, token: 't', status: 'invalid', error };
    const body = { identifier, status: 'invalid', challenges: [challenge] };
    at.fault = line =>
      line.startsWith('POST /authZ')
        ? { status: 200, headers: { 'content-type': 'application/json', 'replay-nonce': 'stale' }, body }
        : undefined;
    await expect(answerChallenges(acme(), order, patience())).rejects.toMatchObject({
      name: 'CaaForbids',
      message: expect.stringContaining(`${order.names[0]}: CAA record prevents issuance`),
    });
  });
});

describe('finalize', () => {
  test('whose answer was lost reads the order, and gives the certificate of the same key', async () => {
    const names = freshNames();
    const keyPem = newKey();
    const order = await openAndProve(names);
    at.calm();
    at.fault = line => (line.startsWith('POST /finalize-order') ? 'lost' : undefined);
    const csr = await csrFor(names, keyPem);
    const chainPem = await completeOrder(acme(), order, { csr, firstAttempt: true, ...patience() });
    checkCertificate({ chainPem, keyPem, names, roots: await at.ca.issuerRoots(), now: Date.now() + 1000 });
    expect(at.seen).not.toContain('POST /order-plz');
  });

  test('in a second process finds the certificate that the first process was killed before storing', async () => {
    const names = freshNames();
    const csr = await csrFor(names, newKey());
    const order = await openAndProve(names);
    const first = await completeOrder(acme(), order, { csr, firstAttempt: true, ...patience() });
    at.calm();
    expect(await completeOrder(acme(), order, { csr, firstAttempt: false, ...patience() })).toBe(first);
    expect(at.seen.filter(line => line.startsWith('POST /finalize-order'))).toHaveLength(0);
  });

  test('by a try that takes itself for the first, of an order that is valid, gives the certificate too', async () => {
    const names = freshNames();
    const csr = await csrFor(names, newKey());
    const order = await openAndProve(names);
    const first = await completeOrder(acme(), order, { csr, firstAttempt: true, ...patience() });
    expect(await completeOrder(acme(), order, { csr, firstAttempt: true, ...patience() })).toBe(first);
  });

  test('with a CSR for other names is rejected, and the right CSR still succeeds', async () => {
    const names = freshNames();
    const order = await openAndProve(names);
    const wrong = await csrFor(['other.example.test'], newKey());
    await expect(completeOrder(acme(), order, { csr: wrong, firstAttempt: true, ...patience() })).rejects.toMatchObject(
      { name: 'AcmeRejected' },
    );
    const csr = await csrFor(names, newKey());
    const pem = await completeOrder(acme(), order, { csr, firstAttempt: false, ...patience() });
    expect(inspectChain(pem).names).toHaveLength(2);
  });
});

describe('an account', () => {
  test('is found again by its key', async () => {
    const again = await at.connect().register({ contact: ['mailto:ops@provider.example'], termsAgreed: true });
    expect(again).toBe(accountUrl);
  });

  test("cannot read another account's order", async () => {
    const order = await openOrder(acme(), { names: freshNames(), profile: 'tlsserver', now });
    const other = at.connect({ accountKey: newAccountKey() });
    await other.register({ contact: [], termsAgreed: true });
    await expect(openOrder(other, { names: order.names, existingUrl: order.url, now })).rejects.toMatchObject({
      name: 'AcmeRejected',
    });
  });

  test('without agreement to the terms is refused', async () => {
    const stranger = at.connect({ accountKey: newAccountKey() });
    await expect(stranger.register({ contact: [], termsAgreed: false })).rejects.toMatchObject({ name: 'AcmeProblem' });
  });

  test("never has its key in a step's output", async () => {
    const order = await openOrder(acme(), { names: freshNames(), profile: 'tlsserver', now });
    expect(JSON.stringify(order)).not.toContain(accountKey.split('\n')[1]);
  });
});
