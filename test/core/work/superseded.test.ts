/** The keys of certificates that a later one superseded. */
import { beforeEach, describe, expect, test } from 'vitest';
import { claimDomain, type ClaimPorts } from '../../../core/secure-domain/claim-domain.ts';
import { removeSuperseded } from '../../../core/work/superseded.ts';
import {
  aCertificate,
  challengeZone,
  day,
  domain,
  mx1,
  mx2,
  newWorld,
  node,
  register,
  type World,
  unlessEnded,
} from '../world.ts';

let world: World;
const id = (letter: string) => letter.repeat(64);
const objects = () => [...world.objects.keys()].map(key => key.replace(`certificates/${domain}/`, '')).sort();
const ofCertificate = (letter: string) => [`${id(letter)}/chain`, `${id(letter)}/key`];
const record = async () => (await world.store.readDomain(domain))!;

/**
 * A domain on two servers, whose certificate was renewed; neither server serves the new one yet.
 */
beforeEach(async () => {
  world = newWorld();
  await register(world, mx1, mx2);
  await world.store.acceptWish({ domain, mailServers: [mx1, mx2], policy: 'wildcard' }, { at: 1 }, world.time);
  await issued('a');
  await issued('b', 'a');
});

async function issued(letter: string, before?: string): Promise<void> {
  const { store, certificates, time: now } = world;
  await store.askReEvaluation(domain, now);
  const { seen } = (await store.claimDomain({ domain, me: 'me', now }))!;
  const certificate = aCertificate(world, { id: id(letter), fingerprint: id(letter) });
  await certificates.putKeyOnce({ domain, id: certificate.id }, 'key');
  await certificates.putChain({ domain, id: certificate.id }, 'chain');
  const supersedes = before === undefined ? undefined : id(before);
  await store.commitCertificate({
    ...{ domain, me: 'me', seen: seen!, certificate, servers: [mx1, mx2], now, supersedes },
  });
  await store.releaseDomain({ domain, me: 'me', seen: seen!, now }, certificate.renewAt);
}

async function servedBy(server: string, letter: string): Promise<void> {
  const { v } = (await world.store.workFor({ server, domain }))!;
  const seen = { domain, certificate: id(letter), fingerprint: id(letter), seenAt: world.time, node };
  await world.store.recordInstalled(server, { domain, v }, seen);
  await world.store.endWork(server, { domain, v });
}

test('the old key is kept until the new certificate was seen served on every server, and deleted then', async () => {
  expect((await record()).superseded).toEqual([id('a')]);
  await servedBy(mx1, 'b');
  await removeSuperseded(domain, world);
  expect(objects()).toEqual([...ofCertificate('a'), ...ofCertificate('b')]);
  await servedBy(mx2, 'b');
  await removeSuperseded(domain, world);
  expect(objects()).toEqual(ofCertificate('b'));
  expect(await record()).not.toHaveProperty('superseded');
});

test('the old key is deleted if the wish drops the server that never served the new certificate', async () => {
  await servedBy(mx1, 'b');
  await removeSuperseded(domain, world);
  world.time += 1000;
  const wish = { domain, mailServers: [mx1], policy: 'wildcard' as const };
  await world.store.acceptWish(wish, { at: world.time }, world.time);
  const event = { 'detail-type': 'Certificate Expiring', time: new Date(world.time).toISOString(), look: 'due' };
  const ports = { ...world, dns: {} as ClaimPorts['dns'], challengeZone, directoryOf: async () => ({}) };
  await claimDomain({ ...event, detail: { domain }, execution: 'dropped' } as never, ports);
  expect(objects()).toEqual(ofCertificate('b'));
});

test('the key of a forgotten order is deleted by the evaluation that forgets the order', async () => {
  for (const server of [mx1, mx2]) await servedBy(server, 'b');
  await removeSuperseded(domain, world);
  await world.certificates.putKeyOnce({ domain, id: id('e') }, 'key');
  const order = { url: 'https://ca.example/order/1', planned: ['mail.example.com'], issuer: 'ca' };
  world.memory.domains.get(domain)!.order = { ...order, certificate: id('e'), keyed: true };
  await world.store.askReEvaluation(domain, world.time);
  const event = { 'detail-type': 'Certificate Expiring', time: new Date(world.time).toISOString(), look: 'due' };
  const ports = { ...world, dns: {} as ClaimPorts['dns'], challengeZone, directoryOf: async () => ({}) };
  await claimDomain({ ...event, detail: { domain }, execution: 'look' } as never, ports);
  expect(objects()).toEqual(ofCertificate('b'));
});

test('the old keys of several renewals are deleted together', async () => {
  await issued('c', 'b');
  for (const server of [mx1, mx2]) await servedBy(server, 'c');
  await removeSuperseded(domain, world);
  expect(objects()).toEqual(ofCertificate('c'));
});

test('the old key is deleted by the next evaluation if the first one was killed in between', async () => {
  for (const server of [mx1, mx2]) await servedBy(server, 'b');
  const killed = { ...world.store, forgetSuperseded: () => Promise.reject(new Error('killed')) };
  await expect(removeSuperseded(domain, { ...world, store: killed })).rejects.toThrow('killed');
  expect((await record()).superseded).toEqual([id('a')]);
  await removeSuperseded(domain, world);
  expect(await record()).not.toHaveProperty('superseded');
});

test('a superseded id stays recorded if another certificate was superseded in between', async () => {
  for (const server of [mx1, mx2]) await servedBy(server, 'b');
  const { store } = world;
  const late = {
    ...store,
    async forgetSuperseded(...given: Parameters<typeof store.forgetSuperseded>) {
      await issued('c', 'b');
      return store.forgetSuperseded(...given);
    },
  };
  await removeSuperseded(domain, { ...world, store: late });
  expect((await record()).superseded).toEqual([id('a'), id('b')]);
  expect(objects()).toEqual([...ofCertificate('b'), ...ofCertificate('c')]);
});

describe('the keys of a provided certificate', () => {
  const provided = { mail: { ...aCertificate(newWorld()), id: id('d'), fingerprint: id('d') } };
  const seenBy = async (server: string, of?: typeof provided) => {
    const { v } = (await world.store.workFor({ server, domain })) ?? { v: 0 };
    const seen = { certificate: id('b'), fingerprint: id('b'), seenAt: world.time, node };
    const beside = of && { provided: { mail: of.mail.fingerprint } };
    await world.store.recordInstalled(server, { domain, v }, { domain, ...seen, ...beside });
    await world.store.endWork(server, { domain, v });
  };
  const ports = (): ClaimPorts => ({
    ...world,
    ...{ dns: {} as ClaimPorts['dns'], challengeZone, directoryOf: async () => ({}) },
  });
  const look = () => {
    const event = { 'detail-type': 'Certificate Expiring', detail: { domain }, look: 'due', execution: 'look' };
    return unlessEnded(
      claimDomain({ ...event, time: new Date(world.time).toISOString() } as { execution: string }, ports()),
    );
  };

  beforeEach(async () => {
    await world.certificates.putKeyOnce({ domain, id: id('d') }, 'key');
    await world.certificates.putChain({ domain, id: id('d') }, 'chain');
    await world.store.provide(domain, { provided, before: undefined, now: world.time });
    for (const server of [mx1, mx2]) await seenBy(server, provided);
    await removeSuperseded(domain, world);
    expect(objects()).toEqual([...ofCertificate('b'), ...ofCertificate('d')]);
  });

  test('that was withdrawn are deleted once every server was seen without it', async () => {
    await world.store.provide(domain, { provided: undefined, before: provided, now: world.time });
    await expect(look()).rejects.toMatchObject({ name: 'StillFresh' });
    await seenBy(mx1);
    await removeSuperseded(domain, world);
    expect(objects()).toEqual([...ofCertificate('b'), ...ofCertificate('d')]);
    await seenBy(mx2);
    await removeSuperseded(domain, world);
    expect(objects()).toEqual(ofCertificate('b'));
    expect(await record()).not.toHaveProperty('elsewhere');
  });

  test('that has expired are deleted by the evaluation at its end', async () => {
    Object.assign(world.memory.domains.get(domain)!.provided!.mail!, {
      renewAt: world.time - day,
      notAfter: world.time,
    });
    for (const server of [mx1, mx2]) await seenBy(server);
    await world.store.askReEvaluation(domain, world.time);
    await expect(look()).rejects.toMatchObject({ name: 'StillFresh' });
    expect(objects()).toEqual(ofCertificate('b'));
  });

  test('of a deleted domain are deleted with its tombstone', async () => {
    const deletion = { ...{ domain, mailServers: [], policy: 'wildcard' as const }, deleted: true as const };
    await world.store.acceptWish(deletion, { at: 2 }, world.time);
    world.time += 30 * day;
    await expect(look()).rejects.toMatchObject({ name: 'DomainDeleted' });
    expect(objects()).toEqual([]);
  });
});

test('all keys of a deleted domain, with its last one, are deleted with its tombstone, and not before', async () => {
  const ports: ClaimPorts = {
    ...world,
    ...{ dns: {} as ClaimPorts['dns'], challengeZone, directoryOf: async () => ({}) },
  };
  const at = new Date(world.time).toISOString();
  const deletion = { 'detail-type': 'Domain Deleted', time: at, detail: { domain }, execution: 'me' };
  await expect(unlessEnded(claimDomain(deletion, ports))).rejects.toMatchObject({ name: 'DomainDeleted' });
  expect(objects()).toEqual([...ofCertificate('a'), ...ofCertificate('b')]);
  world.time += 30 * day;
  const look = { ...deletion, 'detail-type': 'Certificate Expiring', look: 'due' };
  const killed = { ...world.store, forgetDomain: () => Promise.reject(new Error('killed')) };
  await expect(unlessEnded(claimDomain(look, { ...ports, store: killed }))).rejects.toThrow('killed');
  expect(objects()).toEqual([]);
  // Whatever comes now, no server gets a certificate whose key is deleted.
  expect(await record()).not.toHaveProperty('current');
  await expect(unlessEnded(claimDomain(look, ports))).rejects.toMatchObject({ message: `${domain} is forgotten` });
});
