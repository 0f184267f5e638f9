import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { csrFor } from '../../../core/acme/client.ts';
import type { Acme } from '../../../core/acme/client.ts';
import { answerChallenges, completeOrder, openOrder } from '../../../core/acme/order.ts';
import { readRenewalInfo } from '../../../core/acme/renewal-info.ts';
import { openConnection } from '../../../core/acme/transport.ts';
import { inspectChain, newKey } from '../../../core/certificate/certificate.ts';
import { setRenewalInfo } from '../../../local/ca/advise.ts';
import { patience, startTestCa } from './ca.ts';
import type { TestCa } from './ca.ts';
import { ariId } from '../../../core/certificate/ari-id.ts';

const hour = 3_600_000;
let at: TestCa;
let acme: Acme;
let leaf: string;
let id: string;

beforeAll(async () => {
  at = await startTestCa();
  acme = at.connect();
  await acme.register({ contact: [], termsAgreed: true });
  const names = ['ari.example.test'];
  const order = await openOrder(acme, { names, profile: 'classic', now: Date.now });
  at.names.records.set('_acme-challenge.ari.example.test TXT', [order.challenges[0]!.value]);
  const ready = await answerChallenges(acme, order, patience());
  leaf = await completeOrder(acme, ready, { csr: await csrFor(names, newKey()), firstAttempt: true, ...patience() });
  id = inspectChain(leaf).ariId!;
}, 300_000);
afterAll(() => at.stop());
beforeEach(() => at.calm());

/** A connection without an account, because renewal information needs none. */
const stranger = () =>
  openConnection({ directoryUrl: at.directoryUrl, roots: at.ca.tlsRoot, userAgent: 'sealpost-test' });

const advise = (answer: string) => setRenewalInfo(at.ca, { leafPem: leaf, answer });

test('a new certificate has a window before it expires, and a time at which to ask again', async () => {
  const now = Date.now();
  const { window, askAgainAt } = await readRenewalInfo(stranger(), id, now);
  const { notAfter } = inspectChain(leaf);
  expect(window!.start).toBeGreaterThan(now);
  expect(window!.end).toBeLessThan(notAfter);
  expect(askAgainAt).toBe(now + 6 * hour);
});

test('an incident moves the window and gives the reason', async () => {
  const suggestedWindow = { start: '2026-01-02T03:04:05Z', end: '2026-01-02T05:04:05Z' };
  await advise(JSON.stringify({ suggestedWindow, explanationURL: 'https://ca.example/incident' }));
  expect(await readRenewalInfo(stranger(), id, Date.now())).toMatchObject({
    window: { start: Date.UTC(2026, 0, 2, 3, 4, 5), end: Date.UTC(2026, 0, 2, 5, 4, 5) },
    explanation: 'https://ca.example/incident',
  });
});

test('a window that ends before it starts is ignored', async () => {
  await advise(JSON.stringify({ suggestedWindow: { start: '2026-01-02T03:04:05Z', end: '2025-01-02T05:04:05Z' } }));
  const now = Date.now();
  expect(await readRenewalInfo(stranger(), id, now)).toEqual({ askAgainAt: now + 6 * hour });
});

test('an answer that is broken leaves the stored window as it is', async () => {
  await advise('{"suggestedWindow":');
  await expect(readRenewalInfo(stranger(), id, Date.now())).rejects.toMatchObject({ name: 'AcmeUnavailable' });
});

test('a certificate of another CA is asked for again after six hours', async () => {
  const now = Date.now();
  expect(await readRenewalInfo(stranger(), 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE', now)).toEqual({
    askAgainAt: now + 6 * hour,
  });
});

test('a CA that is overloaded says when to ask again', async () => {
  const now = Date.now();
  at.fault = line => (line.startsWith('GET') ? { status: 503, headers: { 'retry-after': '60' } } : undefined);
  await expect(readRenewalInfo(stranger(), id, now)).rejects.toMatchObject({
    name: 'AcmeUnavailable',
    retryAt: now + 60_000,
  });
});

test('a CA cannot put off the next request by more than 12 hours', async () => {
  const now = Date.now();
  const suggestedWindow = { start: '2030-01-02T03:04:05Z', end: '2030-01-02T05:04:05Z' };
  const json = { 'content-type': 'application/json' };
  const at12 = { status: 200, headers: { ...json, 'retry-after': '864000' }, body: { suggestedWindow } };
  at.fault = line => (line.startsWith('GET') ? at12 : undefined);
  expect((await readRenewalInfo(stranger(), id, now)).askAgainAt).toBe(now + 12 * hour);
});

test("the identifier is RFC 9773's own, with the sign octet of the serial", () => {
  expect(ariId(new X509Certificate(rfc9773Example))).toBe('aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE');
});

/** RFC 9773, appendix A. */
const rfc9773Example = `-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----`;
