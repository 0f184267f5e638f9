import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openOrder } from '../../../core/acme/order.ts';
import { problem, startTestCa } from './ca.ts';
import type { TestCa } from './ca.ts';

let at: TestCa;
let accountUrl: string;
const now = Date.now;
const acme = () => at.connect({ accountUrl });
let serial = 0;
const freshNames = () => [`t${(serial += 1)}.example.test`, `*.t${serial}.example.test`];

beforeAll(async () => {
  at = await startTestCa();
  accountUrl = await at.connect().register({ contact: [], termsAgreed: true });
}, 300_000);
afterAll(() => at.stop());
beforeEach(() => at.calm());

describe('a failing CA', () => {
  test('that answers 503 is asked again no earlier than its Retry-After says', async () => {
    at.fault = line =>
      line === 'POST /order-plz' ? { status: 503, headers: { 'retry-after': '120' }, body: '<html>busy' } : undefined;
    const before = Date.now();
    const error = await openOrder(acme(), { names: freshNames(), now }).catch(error => error);
    expect(error).toMatchObject({ name: 'AcmeUnavailable', message: expect.stringContaining('HTTP 503') });
    expect(error.retryAt).toBeGreaterThanOrEqual(before + 120_000);
    expect(at.seen.filter(line => line === 'POST /order-plz')).toHaveLength(1);
  });

  test('whose rate limit is reached gives the end of the wait, as a date', async () => {
    const until = new Date(Math.floor(Date.now() / 1000) * 1000 + 3_600_000);
    const limited = problem('rateLimited', 'too many certificates (5) already issued for this exact set');
    at.fault = line =>
      line === 'POST /order-plz'
        ? { status: 429, ...limited, headers: { ...limited.headers, 'retry-after': until.toUTCString() } }
        : undefined;
    await expect(openOrder(acme(), { names: freshNames(), now })).rejects.toMatchObject({
      name: 'AcmeRateLimited',
      retryAt: until.getTime(),
      message: expect.stringContaining('too many certificates (5) already issued'),
    });
  });

  test('that forbids one of two names says which', async () => {
    const names = freshNames();
    const sub = {
      type: 'urn:ietf:params:acme:error:rejectedIdentifier',
      detail: 'on the block list',
      identifier: { type: 'dns', value: names[1] },
    };
    at.fault = line =>
      line === 'POST /order-plz'
        ? { status: 400, ...problem('rejectedIdentifier', 'policy forbids', { subproblems: [sub] }) }
        : undefined;
    await expect(openOrder(acme(), { names, now })).rejects.toMatchObject({
      name: 'AcmeRejected',
      message: expect.stringContaining(`${names[1]}: on the block list`),
    });
  });

  test('whose answer to newOrder is lost is unavailable, and the request is not sent twice', async () => {
    at.fault = line => (line === 'POST /order-plz' ? 'lost' : undefined);
    await expect(openOrder(acme(), { names: freshNames(), now })).rejects.toMatchObject({ name: 'AcmeUnavailable' });
    expect(at.seen.filter(line => line === 'POST /order-plz')).toHaveLength(1);
  });

  test('that does not answer is given up after the time limit', async () => {
    at.fault = line => (line === 'POST /order-plz' ? 'silent' : undefined);
    const impatient = at.connect({ accountUrl, timeoutMs: 300 });
    await expect(openOrder(impatient, { names: freshNames(), now })).rejects.toMatchObject({
      name: 'AcmeUnavailable',
      message: expect.stringContaining('no answer within 300 ms'),
    });
  });

  test('that sends an endless answer is given up after a million characters', async () => {
    at.fault = line => (line === 'POST /order-plz' ? { status: 200, body: 'x'.repeat(3_000_000) } : undefined);
    await expect(openOrder(acme(), { names: freshNames(), now })).rejects.toMatchObject({
      name: 'AcmeUnavailable',
      message: expect.stringContaining('more than 1000000 characters'),
    });
  });

  test('that refuses a nonce is asked again with the nonce in its answer', async () => {
    let refusals = 2;
    at.fault = line => {
      if (line !== 'POST /order-plz' || (refusals -= 1) < 0) return undefined;
      const bad = problem('badNonce', 'JWS has an invalid anti-replay nonce');
      return { status: 400, ...bad, headers: { ...bad.headers, 'replay-nonce': `stale-${refusals}` } };
    };
    const order = await openOrder(acme(), { names: freshNames(), profile: 'tlsserver', now });
    expect(order.status).toBe('pending');
  });

  test('that refuses every nonce is unavailable', async () => {
    const bad = problem('badNonce', 'JWS has an invalid anti-replay nonce');
    at.fault = line =>
      line === 'POST /order-plz'
        ? { status: 400, ...bad, headers: { ...bad.headers, 'replay-nonce': 'stale' } }
        : undefined;
    await expect(openOrder(acme(), { names: freshNames(), now })).rejects.toMatchObject({ name: 'AcmeUnavailable' });
  });
});
