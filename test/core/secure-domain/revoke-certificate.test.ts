/**
 * A domain that is deleted with `"revoke": true`. The road tests see a certificate revoked at a
 * real CA.
 */
import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Acme } from '../../../core/acme/client.ts';
import { AcmeProblem, AcmeTransport } from '../../../core/acme/problem.ts';
import { claimDomain, type ClaimPorts } from '../../../core/secure-domain/claim-domain.ts';
import { deletionOf } from '../../../core/record/domain.ts';
import { parkDomain } from '../../../core/secure-domain/park-domain.ts';
import { revokeCertificate } from '../../../core/secure-domain/revoke-certificate.ts';
import { domainStatus } from '../../../core/status/domain-status.ts';
import {
  aCertificate,
  challengeZone,
  created,
  day,
  domain,
  minute,
  mx1,
  newWorld,
  node,
  register,
  unlessEnded,
} from '../world.ts';
import type { World } from '../world.ts';

let world: World;
let ports: ClaimPorts;
/** The requests to the CA, and what the CA answers instead of success. */
let asked: { leaf: Buffer; reason: number }[];
let refusal: Error | undefined;
/** Any certificate will do for its DER. */
const [leaf, another] = rootCertificates as [string, string];
/** The status of each order at the CA; `gone`: the CA does not know it any more. */
let orders: Map<string, string>;

const acme = {
  async order(url: string) {
    if (orders.get(url) === 'gone') throw new AcmeProblem({ url, status: 404, headers: {}, data: '' });
    return { url, status: orders.get(url), certificate: `${url}/certificate` };
  },
  certificate: async () => another,
  async revoke(leaf: Buffer, reason: number) {
    asked.push({ leaf, reason });
    if (refusal) throw refusal;
  },
} as unknown as Acme;

/** A domain whose certificate was seen served by mx1. */
beforeEach(async () => {
  world = newWorld();
  [asked, refusal] = [[], undefined];
  orders = new Map();
  const { store, certificates, time: now } = world;
  await register(world, mx1);
  ports = {
    ...world,
    ...{ dns: {} as ClaimPorts['dns'], challengeZone, directoryOf: async () => ({}) },
  };
  await store.acceptWish({ domain, mailServers: [mx1], policy: 'wildcard' }, { at: now }, now);
  await store.claimDomain({ domain, me: 'before', now });
  const certificate = aCertificate(world);
  await certificates.putChain({ domain, id: certificate.id }, leaf);
  await store.commitCertificate({ domain, me: 'before', seen: 1, certificate, servers: [mx1], now });
  await store.releaseDomain({ domain, me: 'before', seen: 1, now }, certificate.renewAt);
  const { id, fingerprint } = certificate;
  await store.recordInstalled(mx1, { domain, v: now }, { domain, certificate: id, fingerprint, seenAt: now, node });
  await store.endWork(mx1, { domain, v: now });
});

const at = (time: number) => new Date(time).toISOString();
const deletion = (detail: object = { revoke: true }) => ({
  ...created(),
  ...{ 'detail-type': 'Domain Deleted', time: at(world.time + 1000), detail: { domain, ...detail } },
});
const ownLook = () => ({
  'detail-type': 'Certificate Expiring',
  time: at(world.time),
  detail: { domain },
  look: 'due',
});
const claim = (event: { time: string }) => {
  world.time = Math.max(world.time, Date.parse(event.time));
  return unlessEnded(claimDomain({ ...event, execution: 'me' }, ports));
};
const revoke = () => revokeCertificate({ domain, execution: 'me' }, { ...world, acmeAt: async () => acme });
const record = async () => (await world.store.readDomain(domain))!;
const wanted = { name: 'RevocationWanted', about: domain };
const deleted = { name: 'DomainDeleted' };
async function removedFromMx1(): Promise<void> {
  const { v } = (await world.store.workFor({ server: mx1, domain }))!;
  await world.store.recordRemoved(mx1, { domain, v }, { node, begun: world.time });
}

test('a certificate is revoked once no server has it, with the reason "cessation of operation"', async () => {
  await expect(claim(deletion())).rejects.toMatchObject(deleted);
  expect(await record()).toMatchObject({ dueAt: world.time + day });
  await removedFromMx1();
  await world.store.askReEvaluation(domain, world.time);
  await expect(claim(ownLook())).rejects.toMatchObject(wanted);
  expect(await revoke()).toEqual({ domain, revoked: true });
  expect(asked).toEqual([{ leaf: new X509Certificate(leaf).raw, reason: 5 }]);
  expect(world.bus.events).toEqual([
    { detailType: 'Certificate Revoked', detail: { domain, fingerprint: 'f'.repeat(64) } },
  ]);
  await expect(claim(ownLook())).rejects.toMatchObject(deleted);
  const known = await record();
  expect(known).toMatchObject({ revoked: 'c'.repeat(64), dueAt: known.deletedAt! + 30 * day });
  expect(domainStatus(known, { domains: [], servers: new Map(), issuers: [] }, world.time)).toMatchObject({
    ...{ state: 'deleted and revoked', well: true },
  });
});

test('a certificate is revoked after a day even if a server cannot be reached', async () => {
  await expect(claim(deletion())).rejects.toMatchObject(deleted);
  world.time += day;
  await expect(claim(ownLook())).rejects.toMatchObject(wanted);
});

test('a certificate is not revoked if the deletion does not ask for it', async () => {
  await expect(claim(deletion({}))).rejects.toMatchObject(deleted);
  world.time += 2 * day;
  await expect(claim(ownLook())).rejects.toMatchObject({ name: 'ClaimedByAnother' });
});

test('a certificate counts as revoked if the CA says so, since the answer to an earlier try may be lost', async () => {
  await removedBefore();
  refusal = problem(400, 'alreadyRevoked');
  expect(await revoke()).toEqual({ domain, revoked: true });
  expect(await record()).toMatchObject({ revoked: 'c'.repeat(64) });
});

test.each([
  ['cannot be reached', () => new AcmeTransport('refused'), 'AcmeUnavailable'],
  ['has a limit', () => problem(429, 'rateLimited'), 'AcmeRateLimited'],
  ['refuses', () => problem(403, 'unauthorized'), 'AcmeRejected'],
])('a revocation is tried again if the CA %s, until the certificate expires', async (_, error, name) => {
  await removedBefore();
  refusal = error();
  await expect(revoke()).rejects.toMatchObject({ name });
  await parkDomain({ ...deletion(), execution: 'me', error: { name, message: 'no' } }, world);
  expect(await record()).toMatchObject({ parked: { reason: name }, dueAt: world.time + minute });
  const known = { domains: [], servers: new Map(), issuers: [] };
  expect(domainStatus(await record(), known, world.time)).toMatchObject({ state: 'deleted, not revoked', well: false });
  // The tombstone has expired and the certificate is still good, so the domain is not deleted.
  world.time += 40 * day;
  await expect(claim(ownLook())).rejects.toMatchObject(wanted);
  world.time = aCertificate(world).notAfter + 100 * day;
  await world.store.releaseDomain({ domain, me: 'me', seen: (await record()).seen!, now: world.time }, world.time);
  await expect(claim(ownLook())).rejects.toMatchObject({ message: `${domain} is forgotten` });
});

describe('a certificate whose order was under way at the deletion', () => {
  const made = { url: 'https://ca.example/order/1', planned: [domain], issuer: 'ca', certificate: 'e'.repeat(64) };
  const key = `certificates/${domain}/${made.certificate}/key`;

  /** The execution that finalizes the order finds that the wish has changed, and ends. */
  async function deletedWhileFinalizing(status: string, { keyed = true } = {}): Promise<void> {
    const { store, certificates, time: now } = world;
    world.memory.installed.clear();
    world.memory.work.clear();
    world.memory.domains.get(domain)!.dueAt = now;
    const { seen } = (await store.claimDomain({ domain, me: 'me', now }))!;
    const owner = { domain, me: 'me' };
    await store.recordOrder(owner, made);
    if (keyed) await store.recordKeyed(owner, made);
    if (keyed) await certificates.putKeyOnce({ domain, id: made.certificate }, 'key');
    orders.set(made.url, status);
    await store.acceptWish(deletionOf(domain, { revoke: true }), { at: now + 1 }, now);
    expect(await store.releaseDomain({ domain, me: 'me', seen: seen!, now }, now)).toBe(false);
  }

  test('is revoked too, and its key is deleted with the domain', async () => {
    await deletedWhileFinalizing('valid');
    await expect(claim(ownLook())).rejects.toMatchObject(wanted);
    expect(await revoke()).toEqual({ domain, revoked: true });
    expect(asked.map(({ leaf }) => leaf)).toEqual([leaf, another].map(pem => new X509Certificate(pem).raw));
    expect(await record()).toMatchObject({ superseded: [made.certificate], revoked: 'c'.repeat(64) });
    expect(await record()).not.toHaveProperty('order');
    await expect(claim(ownLook())).rejects.toMatchObject(deleted);
    expect(world.objects.has(key)).toBe(true);
    world.time += 31 * day;
    await expect(claim(ownLook())).rejects.toMatchObject({ message: `${domain} is forgotten` });
    expect(world.objects.has(key)).toBe(false);
  });

  test.each(['pending', 'ready', 'invalid', 'gone'])(
    'was not issued if the order is %s: it is forgotten',
    async status => {
      await deletedWhileFinalizing(status);
      await expect(claim(ownLook())).rejects.toMatchObject(wanted);
      await revoke();
      expect(asked).toHaveLength(1);
      expect(await record()).not.toHaveProperty('order');
    },
  );

  test('is waited for if the CA is still issuing', async () => {
    await deletedWhileFinalizing('processing');
    await expect(claim(ownLook())).rejects.toMatchObject(wanted);
    await expect(revoke()).rejects.toMatchObject({ name: 'AcmeUnavailable' });
    expect(await record()).toHaveProperty('order');
    orders.set(made.url, 'valid');
    await revoke();
    expect(asked.at(-1)).toMatchObject({ leaf: new X509Certificate(another).raw });
  });

  test('was not issued if no key was stored for it: nothing is asked', async () => {
    await deletedWhileFinalizing('ready', { keyed: false });
    await revoke().catch(() => {});
    await expect(claim(ownLook())).rejects.toMatchObject(wanted);
    expect(await record()).not.toHaveProperty('order');
  });

  test('is not asked for without "revoke", and its key is deleted with the domain', async () => {
    await deletedWhileFinalizing('valid');
    world.memory.domains.get(domain)!.spec = deletionOf(domain);
    await expect(claim(ownLook())).rejects.toMatchObject(deleted);
    expect(await record()).toMatchObject({ superseded: [made.certificate] });
    expect(asked).toEqual([]);
  });
});

test('a superseded certificate that a server may still serve is revoked, too', async () => {
  world.memory.domains.get(domain)!.superseded = ['d'.repeat(64), 'a'.repeat(64)];
  await world.certificates.putChain({ domain, id: 'd'.repeat(64) }, another);
  await removedBefore();
  await revoke();
  expect(asked.map(({ leaf }) => leaf)).toEqual([leaf, another].map(pem => new X509Certificate(pem).raw));
});

test('a revocation that was not recorded is asked for again', async () => {
  await removedBefore();
  const killed = { ...world.store, recordRevoked: () => Promise.reject(new Error('killed')) };
  await expect(
    revokeCertificate({ domain, execution: 'me' }, { ...world, acmeAt: async () => acme, store: killed }),
  ).rejects.toThrow('killed');
  refusal = problem(400, 'alreadyRevoked');
  await revoke();
  expect(await record()).toMatchObject({ revoked: 'c'.repeat(64) });
});

test('a certificate is not revoked if the domain is wished again meanwhile', async () => {
  await removedBefore();
  const back = { domain, mailServers: [mx1], policy: 'wildcard' as const };
  await world.store.acceptWish(back, { at: world.time + 2000 }, world.time);
  expect(await revoke()).toEqual({ domain, revoked: false });
  expect(asked).toEqual([]);
  expect(world.executions.started.at(-1)).toMatchObject({ machine: 'secure-domain' });
});

test('a revoked certificate is not given to a domain that comes back, which orders another', async () => {
  await removedBefore();
  await revoke();
  world.time += 1000;
  const back = { ...created(), time: at(world.time + 1000) };
  // The test ends at the lookup of the challenge, for which there is no DNS here.
  await expect(claim(back)).rejects.toThrow(TypeError);
  expect(await world.store.workFor({ server: mx1, domain })).toBeUndefined();
});

/** The certificate was removed from each server. */
async function removedBefore(): Promise<void> {
  await expect(claim(deletion())).rejects.toMatchObject(deleted);
  await removedFromMx1();
  await world.store.askReEvaluation(domain, world.time);
  await expect(claim(ownLook())).rejects.toMatchObject(wanted);
}

function problem(status: number, type: string): AcmeProblem {
  const data = { type: `urn:ietf:params:acme:error:${type}`, detail: 'no' };
  return new AcmeProblem({ url: 'https://ca.example/revoke', status, headers: {}, data });
}
