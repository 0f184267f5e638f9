import { beforeEach, describe, expect, test } from 'vitest';
import { renew } from '../../../core/renewal/renew.ts';
import type { StoredCertificate } from '../../../core/record/domain.ts';
import { isFresh } from '../../../core/record/domain.ts';
import { sweep } from '../../../core/sweep/sweep.ts';
import { aCertificate, day, domain, minute, mx1, newWorld, register, type World } from '../world.ts';

let world: World;
beforeEach(async () => {
  world = newWorld();
  await register(world, mx1);
});

async function issued(name = domain, more: Partial<StoredCertificate> = {}): Promise<void> {
  const { store, time } = world;
  const certificate = aCertificate(world, { names: [name, `*.${name}`], ...more });
  await store.acceptWish({ domain: name, mailServers: [mx1], policy: 'wildcard' }, { at: time }, time);
  await store.claimDomain({ domain: name, me: 'me', now: time });
  await store.commitCertificate({ domain: name, me: 'me', seen: 1, certificate, servers: [mx1], now: time });
  await store.releaseDomain({ domain: name, me: 'me', seen: 1, now: time }, certificate.renewAt);
}

const current = async () => (await world.store.readDomain(domain))!.current!;
const begun = () =>
  world.executions.started.map(({ input }) => (input as { detail: { domain: string } }).detail.domain);

describe('an operator who asks for a renewal', () => {
  test('has it started at once, even if the certificate is fresh', async () => {
    await issued();
    expect(await renew({ domain }, world)).toEqual({ asked: [domain], already: [] });
    expect(begun()).toEqual([domain]);
    expect(isFresh(await current(), [domain, `*.${domain}`], world.time)).toBe(false);
    expect(await world.store.claimDomain({ domain, me: 'next', now: world.time })).toBeDefined();
  });

  test('and asks twice gets one renewal: while it runs, and for an hour after', async () => {
    await issued();
    await renew({ domain }, world);
    const { askedAt } = await current();
    world.time += minute;
    await renew({ domain }, world);
    expect((await current()).askedAt).toBe(askedAt);

    await world.store.claimDomain({ domain, me: 'me', now: world.time });
    const certificate = aCertificate(world, { id: 'next', answers: askedAt! });
    await world.store.commitCertificate({ domain, me: 'me', seen: 3, certificate, servers: [mx1], now: world.time });
    await world.store.releaseDomain({ domain, me: 'me', seen: 3, now: world.time }, certificate.renewAt);
    expect(await renew({ domain }, world)).toEqual({ asked: [], already: [domain] });
    world.time += 60 * minute;
    expect(await renew({ domain }, world)).toEqual({ asked: [domain], already: [] });
  });

  test('has a parked domain tried now, also without a certificate', async () => {
    const { store, time } = world;
    await store.acceptWish({ domain, mailServers: [mx1], policy: 'wildcard' }, { at: time }, time);
    await store.claimDomain({ domain, me: 'me', now: time });
    const parked = { reason: 'ChallengeFailed' as const, message: '', since: time, nextTry: time + day, tries: 4 };
    await store.parkDomain({ domain, me: 'me', seen: 1 }, parked, []);
    await renew({ domain }, world);
    expect(begun()).toEqual([domain]);
    expect(await store.claimDomain({ domain, me: 'next', now: time })).toBeDefined();
  });

  test('of an unknown domain gets an error', async () => {
    await expect(renew({ domain }, world)).rejects.toMatchObject({ name: 'InvalidStepInput', about: domain });
    await expect(renew({ server: 'mx9.provider.example' }, world)).rejects.toMatchObject({ name: 'InvalidStepInput' });
  });

  test('of a server gets one for what is installed there and what waits for it', async () => {
    const { store, time } = world;
    await issued('a.example');
    await issued('b.example');
    const installed = { domain: 'a.example', certificate: 'c', fingerprint: 'f', seenAt: time, node: 'mi-1' };
    const work = (await store.workFor({ server: mx1, domain: 'a.example' }))!;
    await store.recordInstalled(mx1, work, installed);
    await store.endWork(mx1, work);
    expect(await renew({ server: mx1 }, world)).toEqual({ asked: ['a.example', 'b.example'], already: [] });
  });

  test('of all domains gets them in parts; each part starts its first, and the sweep starts the others', async () => {
    for (let i = 0; i < 620; i++) await issued(`d${i}.example`);
    const first = await renew({ all: true }, world);
    expect(first.asked).toHaveLength(500);
    // The domains of the first part are due by now, so they are asked for again before the rest.
    // The second request means the same renewal.
    let part = first;
    const all = new Set(first.asked);
    while (part.after !== undefined) {
      part = await renew({ all: true, after: part.after }, world);
      for (const domain of part.asked) all.add(domain);
    }
    expect(all.size).toBe(620);
    expect(begun().length).toBeLessThanOrEqual(50);
    expect((await sweep(world)).domains).toBe(620);
  });
});
