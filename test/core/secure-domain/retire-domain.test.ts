/** A domain whose name servers and whose challenge no longer lead to us, day after day. */
import { beforeEach, describe, expect, test } from 'vitest';
import { claimDomain } from '../../../core/secure-domain/claim-domain.ts';
import { retireServer } from '../../../core/register-server/retire-server.ts';
import { parkDomain } from '../../../core/secure-domain/park-domain.ts';
import { domainStatus } from '../../../core/status/domain-status.ts';
import { aCertificate, challengeZone, day, domain, found, mx1, newWorld, register, type World } from '../world.ts';

let world: World;
const message = `_acme-challenge.${domain} is not delegated to us. Have this line put into the domain's zone: …`;

beforeEach(async () => {
  world = newWorld();
  await register(world, mx1);
});

const record = async () => (await world.store.readDomain(domain))!;
/** Evaluations until the first daily one: those of the first hour, and three more. */
const BEFORE_DAILY = 23;
const retired = () => world.bus.events.filter(({ detailType }) => detailType === 'Domain Retired');
const status = async () => domainStatus(await record(), { domains: [], servers: new Map(), issuers: [] }, world.time);

async function wished(more: { certificate?: boolean; host?: true } = {}): Promise<void> {
  const { store, time: now } = world;
  const { certificate = true, host } = more;
  await store.acceptWish({ domain, mailServers: [mx1], policy: 'wildcard', ...(host && { host }) }, { at: now }, now);
  if (!certificate) return;
  await store.claimDomain({ domain, me: 'before', now });
  await store.commitCertificate({
    ...{ domain, me: 'before', seen: 1, certificate: aCertificate(world), servers: [mx1], now },
  });
  await store.releaseDomain({ domain, me: 'before', seen: 1, now }, now);
}

/**
 * One evaluation, by the sweep at the domain's time or asked for by an event, which fails with this
 * reason.
 */
async function looked(reason = 'DomainNotManaged', { asked = false } = {}): Promise<void> {
  const { store } = world;
  if (asked) await store.askReEvaluation(domain, world.time);
  else world.time = Math.max(world.time, (await record()).dueAt!);
  expect(await store.claimDomain({ domain, me: 'look', now: world.time })).toBeDefined();
  await parkDomain({ domain, execution: 'look', error: { name: reason, message } }, world);
}

/** @returns how many evaluations it took */
async function untilRetired(): Promise<number> {
  for (let looks = 1; ; looks++) {
    await looked();
    if ((await record()).retired) return looks;
    if (looks > 100) throw new Error('it is never retired');
  }
}

describe('a domain that has moved away', () => {
  test('is retired at the seventh daily evaluation, with an event, and what is served stays', async () => {
    await wished();
    const began = world.time;
    // Many times in the first hour, then after 13, 15 and 100 minutes; then daily.
    expect(await untilRetired()).toBe(BEFORE_DAILY + 7);
    expect(Math.floor((world.time - began) / day)).toBe(7);
    const servedUntil = new Date((await record()).current!.notAfter).toISOString();
    expect(retired()).toEqual([{ detailType: 'Domain Retired', detail: { domain, message, servedUntil } }]);
    expect(await world.store.workFor({ server: mx1, domain })).toMatchObject({ certificate: { id: 'c'.repeat(64) } });
    expect(await status()).toMatchObject({ state: 'retired', well: true, why: expect.stringContaining(message) });
  });

  test('is evaluated once more before its certificate expires, and then never', async () => {
    await wished();
    await untilRetired();
    expect((await record()).dueAt).toBe((await record()).current!.notAfter - 3 * day);
    await looked();
    expect(await record()).not.toHaveProperty('dueAt');
    expect(await record()).toHaveProperty('retired');
    expect(retired()).toHaveLength(1);
    world.time += 400 * day;
    expect(await status()).toMatchObject({ state: 'retired', well: true, next: { what: 'nothing' } });
  });

  test('returns with any event for it, and has its seven days again', async () => {
    await wished();
    await untilRetired();
    await looked('DomainNotManaged', { asked: true });
    expect(await record()).toMatchObject({ parked: { reason: 'DomainNotManaged', tries: 0 } });
    expect(await record()).not.toHaveProperty('retired');
    expect(await untilRetired()).toBe(BEFORE_DAILY - 1 + 7);
    expect(retired()).toHaveLength(2);
  });

  test('is not retired sooner by repeated events', async () => {
    await wished();
    for (let i = 0; i < 50; i++) await looked('DomainNotManaged', { asked: true });
    expect(await record()).not.toHaveProperty('retired');
    expect(retired()).toEqual([]);
  });

  test('counts from the beginning after an evaluation that failed for another reason', async () => {
    await wished();
    for (let i = 0; i < BEFORE_DAILY + 6; i++) await looked();
    await looked('DnsNotPropagated');
    for (let i = 0; i < 6; i++) await looked();
    expect(await record()).not.toHaveProperty('retired');
    await looked();
    expect(await record()).toHaveProperty('retired');
  });

  test('is parked as before if an event for it comes in between', async () => {
    await wished();
    for (let i = 0; i < BEFORE_DAILY + 6; i++) await looked();
    const { store } = world;
    const late = {
      ...store,
      async retireDomain(...given: Parameters<typeof store.retireDomain>) {
        await store.askReEvaluation(domain, world.time);
        return store.retireDomain(...given);
      },
    };
    world.store = late;
    await looked();
    world.store = store;
    expect(await record()).toMatchObject({ parked: { reason: 'DomainNotManaged' } });
    expect(await store.claimDomain({ domain, me: 'next', now: world.time })).toBeDefined();
  });
});

describe('a provided certificate', () => {
  const notices = () =>
    world.bus.events.flatMap(({ detailType, detail }) =>
      detailType === 'Provided Certificate Approaching Expiration' ? [detail.daysLeft] : [],
    );
  const provide = async () => {
    const bought = aCertificate(world, { notAfter: world.time + 200 * day, renewAt: world.time + 193 * day });
    await world.store.provide(domain, { provided: { mail: bought }, before: undefined, now: world.time });
  };
  /** An evaluation by the state machine: ClaimDomain, and ParkDomain after its error. */
  async function evaluated(): Promise<string> {
    world.time = Math.max(world.time, (await record()).dueAt!);
    const event = { 'detail-type': 'Certificate Expiring', time: new Date(world.time).toISOString(), look: 'due' };
    const dns = { resolve: async () => [], caa: async () => [], tlsa: async () => [] };
    const ports = { ...world, dns, challengeZone, directoryOf: async () => ({}) };
    const input = { ...event, detail: { domain }, execution: `at ${world.time}` };
    const error = await claimDomain(input as never, ports).then(
      () => ({ name: 'none', message: '' }),
      (error: Error) => error,
    );
    if (error.name !== 'none') await parkDomain({ domain, execution: input.execution, error }, world);
    return error.name;
  }
  const untilItsEnd = async () => {
    const { notAfter } = (await record()).provided!.mail!;
    const errors = new Set<string>();
    while (((await record()).dueAt ?? Infinity) < notAfter) errors.add(await evaluated());
    return [...errors];
  };

  test('of a retired domain is told of as of any other, and the domain is evaluated at its take-over', async () => {
    await wished({ certificate: false });
    await provide();
    expect(await untilRetired()).toBe(BEFORE_DAILY + 30);
    expect(await untilItsEnd()).toEqual(['DomainNotManaged']);
    expect(notices()).toEqual([30, 14, 7, 1]);
    expect(await record()).toHaveProperty('retired');
  });

  test('of a domain whose server is not registered is told of', async () => {
    await wished({ certificate: false });
    await provide();
    await retireServer({ kind: 'retired', server: mx1, at: world.time + 1 }, world);
    await world.store.askReEvaluation(domain, world.time);
    expect(await untilItsEnd()).toEqual(['ServerNotRegistered']);
    expect(notices()).toEqual([29, 13, 6, 0]);
  });

  test('of a domain that is served under its server is told of', async () => {
    await wished({ certificate: false });
    await provide();
    found(world, mx1, { 'cannot-serve-by-name': ['courier'] });
    await untilItsEnd();
    expect(notices()).toEqual([30, 14, 7, 1]);
  });
});

test('a domain that never had a certificate is retired after 30 days', async () => {
  await wished({ certificate: false });
  expect(await untilRetired()).toBe(BEFORE_DAILY + 30);
  expect(retired()).toEqual([{ detailType: 'Domain Retired', detail: { domain, message } }]);
  expect(await record()).not.toHaveProperty('dueAt');
});

test("a server's own host name is never retired", async () => {
  await wished({ host: true });
  for (let i = 0; i < 50; i++) await looked();
  expect(await record()).not.toHaveProperty('retired');
});
