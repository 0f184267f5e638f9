import { beforeEach, describe, expect, test } from 'vitest';
import type { Issuer } from '../../../core/acme/issuer.ts';
import { knownLimits, parseLimit } from '../../../core/record/limits.ts';
import { budgetSpent, reservePlaces, withoutOrder, type Wait } from '../../../core/issuer/budget.ts';
import { aCertificate, anIssuer, day, mx1, newWorld, type World } from '../world.ts';

const hour = 3_600_000;
const directoryUrl = 'https://acme-v02.api.letsencrypt.org/directory';
const letsEncrypt = anIssuer({ name: 'letsencrypt', directoryUrl, limits: knownLimits(directoryUrl) });
let world: World;
beforeEach(() => void (world = newWorld()));

/** A claim on a domain, as ClaimDomain asks the budget for it. */
async function asked(domain: string, names = [domain], latest = Infinity) {
  const { store, time } = world;
  await store.acceptWish({ domain, mailServers: [mx1], policy: 'wildcard' }, { at: time }, time);
  const record = (await store.claimDomain({ domain, me: 'me', now: time }))!;
  return { claim: { domain, me: 'me', seen: record.seen!, now: world.time }, record, names, latest };
}
const reserve = async (domain: string, names?: string[], issuer: Issuer = letsEncrypt): Promise<Wait | undefined> =>
  (await reservePlaces(issuer, await asked(domain, names), world.store)).wait;
const places = async (domain: string) => (await world.store.readDomain(domain))!.reserved?.letsencrypt?.places;

describe("Let's Encrypt's limits", () => {
  test('are kept with their source', () => {
    const limits = knownLimits(directoryUrl);
    expect(limits).toMatchObject({
      account: { count: 300, windowMs: 3 * hour },
      registeredDomain: { count: 50, windowMs: 7 * day },
      exactSet: { count: 5, windowMs: 7 * day },
    });
    for (const { source } of Object.values(limits)) expect(source).toMatch(/^letsencrypt\.org\/docs\/\S+, \d{4}-/);
    expect(knownLimits('https://ca.example/dir')).toEqual({});
  });

  test('are never reached, however many orders come at once, and a tenth of each is left free', async () => {
    const now = world.time;
    const slots: number[] = [];
    for (let i = 0; i < 1_000; i++) slots.push((await reserve(`d${i}.example`))?.until ?? now);
    expect(slots.filter(at => at === now)).toHaveLength(240);
    // The CA's bucket: 300 orders, refilled by one every 36 s. A tenth of the bucket is never used.
    let [left, seenAt] = [300, now];
    for (const at of slots.sort((a, b) => a - b)) {
      left = Math.min(300, left + (at - seenAt) / 36_000) - 1;
      seenAt = at;
      expect(left).toBeGreaterThanOrEqual(30);
    }
  });

  test('count an exact set of names in any order, and give four of the five at once', async () => {
    for (let i = 0; i < 4; i++) {
      const [one, two] = [`mail.example.com`, 'webmail.example.com'];
      expect(await reserve('example.com', i % 2 ? [one, two] : [two, one])).toBeUndefined();
      await world.store.recordReservation({ domain: 'example.com', me: 'me' }, {});
    }
    const wait = await reserve('example.com', ['mail.example.com', 'webmail.example.com']);
    expect(wait).toEqual({ per: 'exactSet', until: world.time + (7 * day) / 5 });
    await world.store.recordReservation({ domain: 'example.com', me: 'me' }, {});
    expect(await reserve('example.com', ['example.com'])).toBeUndefined();
  });

  test('count a registered domain by the Public Suffix List, with its private section', async () => {
    const waits: Record<string, (Wait | undefined)[]> = { 'example.co.uk': [], 'github.io': [] };
    for (const [suffix, list] of Object.entries(waits))
      for (let i = 0; i < 46; i++) list.push(await reserve(`d${i}.${suffix}`));
    expect(waits['github.io']!.filter(wait => wait)).toEqual([]);
    expect(waits['example.co.uk']!.filter(wait => wait)).toMatchObject([{ per: 'registeredDomain' }]);
  });

  test('reserve the narrow slots first, so that no slot of the wide limit is wasted', async () => {
    for (let i = 0; i < 45; i++) await reserve(`d${i}.example.com`);
    expect(await reserve('last.example.com')).toMatchObject({ per: 'registeredDomain' });
    expect(Object.keys((await places('last.example.com'))!)).toEqual(['exactSet', 'registeredDomain']);
    // At its slot the domain keeps its narrow reservations.
    world.time = (await places('last.example.com'))!.registeredDomain!;
    const before = await places('last.example.com');
    expect(await reserve('last.example.com')).toBeUndefined();
    expect(await places('last.example.com')).toEqual({ ...before, account: world.time });
  });
});

describe('a slot of a budget', () => {
  test('is reserved once, however often the step is retried', async () => {
    const spent = () =>
      world.store.reserveOrder(directoryUrl, { intervalMs: 40_000, horizonMs: 240 * 40_000, now: world.time });
    for (let i = 0; i < 240; i++) await spent();
    const wait = await reserve('example.com');
    for (let i = 0; i < 3; i++) expect(await reserve('example.com')).toEqual(wait);
    expect(await spent()).toBe(wait!.until + 40_000);
  });

  test('of the account is used up by the order, and a slot of a narrow limit by the certificate', async () => {
    await reserve('example.com');
    const { reserved } = (await world.store.readDomain('example.com'))!;
    const left = withoutOrder(reserved, 'letsencrypt');
    expect(Object.keys(left!.letsencrypt!.places)).toEqual(['exactSet', 'registeredDomain']);
    const order = { url: 'https://ca.example/order/1', planned: ['example.com'], issuer: 'letsencrypt' };
    await world.store.recordOrder({ domain: 'example.com', me: 'me' }, order, left);
    // The order failed. Five more tries use nothing of "5 for an exact set".
    for (let i = 0; i < 5; i++) {
      await world.store.forgetOrder({ domain: 'example.com', me: 'me' }, order);
      expect(await reserve('example.com')).toBeUndefined();
      await world.store.recordOrder({ domain: 'example.com', me: 'me' }, order, left);
    }
    await world.store.forgetOrder({ domain: 'example.com', me: 'me' }, order);
    await world.store.recordReservation({ domain: 'example.com', me: 'me' }, {});
    for (let i = 0; i < 3; i++) {
      expect(await reserve('example.com')).toBeUndefined();
      await world.store.recordReservation({ domain: 'example.com', me: 'me' }, {});
    }
    expect(await reserve('example.com')).toMatchObject({ per: 'exactSet' });
  });

  test('for an exact set does not count for other names', async () => {
    await reserve('example.com');
    const first = (await world.store.readDomain('example.com'))!.reserved!.letsencrypt!;
    await reserve('example.com', ['example.com', '*.example.com']);
    const second = (await world.store.readDomain('example.com'))!.reserved!.letsencrypt!;
    expect(second.set).not.toBe(first.set);
    expect(second.places).toEqual(first.places);
  });

  test("that is later than another issuer's is not reserved", async () => {
    for (let i = 0; i < 240; i++)
      await world.store.reserveOrder(directoryUrl, { intervalMs: 40_000, horizonMs: 240 * 40_000, now: world.time });
    const wish = await asked('example.com', ['example.com'], world.time + 30_000);
    expect((await reservePlaces(letsEncrypt, wish, world.store)).wait).toMatchObject({ per: 'account' });
    expect(await places('example.com')).not.toHaveProperty('account');
    expect(await reserve('other.example')).toEqual({ per: 'account', until: world.time + 40_000 });
  });

  test('for a certificate that soon expires never waits for ten thousand new domains', async () => {
    for (let i = 0; i < 10_000; i++)
      await world.store.reserveOrder(directoryUrl, { intervalMs: 40_000, horizonMs: 240 * 40_000, now: world.time });
    const wish = await asked('example.com');
    wish.record.current = aCertificate(world, { notBefore: world.time - 80 * day, notAfter: world.time + 10 * day });
    expect((await reservePlaces(letsEncrypt, wish, world.store)).wait).toBeUndefined();
    const calm = await asked('calm.example');
    calm.record.current = aCertificate(world, { notBefore: world.time - 62 * day, notAfter: world.time + 28 * day });
    expect((await reservePlaces(letsEncrypt, calm, world.store)).wait).toMatchObject({ per: 'account' });
  });

  test('that was reserved in good time is made earlier once what is served is near its end', async () => {
    const budget = { intervalMs: 40_000, horizonMs: 240 * 40_000, now: world.time };
    for (let i = 0; i < 30_000; i++) await world.store.reserveOrder(directoryUrl, budget);
    const wish = await asked('example.com');
    // Half of its reserve is used up in 13 days, and its slot comes in 13.8 days.
    wish.record.current = aCertificate(world, { notBefore: world.time - 62 * day, notAfter: world.time + 28 * day });
    const { reserved, wait } = await reservePlaces(letsEncrypt, wish, world.store);
    const after = (days: number) => ({
      ...{ ...wish, record: { ...wish.record, reserved } },
      claim: { ...wish.claim, now: world.time + days * day },
    });
    expect((await reservePlaces(letsEncrypt, after(12.9), world.store)).wait).toEqual(wait);
    expect((await reservePlaces(letsEncrypt, after(13.1), world.store)).wait).toBeUndefined();
    expect((await places('example.com'))!.account).toBeLessThan(wait!.until);
  });
});

test('a domain that waits has the limit, its source, and the end of the wait in its message', async () => {
  const wish = await asked('shop.example.co.uk');
  const error = budgetSpent(letsEncrypt, wish, { per: 'registeredDomain', until: world.time + hour });
  expect(error).toMatchObject({ name: 'BudgetSpent', about: 'shop.example.co.uk', retryAt: world.time + hour });
  expect(error.message).toMatch(
    /^letsencrypt's limit is reached: 50 in 7 days certificates under example\.co\.uk \(letsencrypt\.org\S+, 2026-08-05\); shop\.example\.co\.uk waits/,
  );
});

test('an issuer without limits reserves nothing', async () => {
  expect(await reserve('example.com', undefined, anIssuer())).toBeUndefined();
  expect(await world.store.readDomain('example.com')).not.toHaveProperty('reserved');
});

test.each(['300 in 3 h', '1 in 7 d'])('%s is a limit', text => expect(parseLimit(text).count).toBeGreaterThan(0));
test.each(['300', '0 in 3 h', '300 per 3 h', '3 in 3 m'])('%s is no limit', text => {
  expect(() => parseLimit(text)).toThrow(`the limit "${text}"`);
});
