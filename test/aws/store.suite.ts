/**
 * The writes that make it safe, each with its condition (docs/protocol.md). Whatever passes this may stand behind
 * core's `Store`: the table in DynamoDB, and the twin that core's tests stand on.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { LEASE_MS, WAKE_MS, type Store } from '../../core/ports/store.ts';
import { describeDomainStore } from './domain-store.suite.ts';
import { describeRenewalStore } from './renewal-store.suite.ts';
import { describeServerStore } from './server-store.suite.ts';
import { certificate, domain, mx1, now, stage, wish } from './store.stage.ts';

/** @param make a store with nothing in it */
export function describeStore(name: string, make: () => Promise<Store>): void {
  describeDomainStore(name, make);
  describeServerStore(name, make);
  describeRenewalStore(name, make);

  let store: Store;

  beforeEach(async () => {
    store = await make();
  });
  const { register, claimed } = stage(() => store);

  describe(`what is due, in ${name}`, () => {
    test('comes from every shard, the longest due first, no more than asked for', async () => {
      const domains = Array.from({ length: 40 }, (_, i) => `d${i}.example`);
      for (const [i, name] of domains.entries()) {
        await store.acceptWish(wish({ domain: name }), { at: now }, now);
        await store.claimDomain(name, 'me', now);
        // Not in the order in which they were written.
        await store.releaseDomain(name, 'me', 1, now + ((i * 7) % 40), now);
      }
      await register(mx1);
      const due = await store.due(now + 19, 100);
      expect(due.map(item => item.dueAt)).toEqual(Array.from({ length: 20 }, (_, i) => now + i));
      expect(new Set(due.map(item => item.name)).size).toBe(20);
      expect(await store.due(now + 19, 5)).toEqual(due.slice(0, 5));
      expect(await store.due(now + WAKE_MS, 100)).toContainEqual({ kind: 'server', name: mx1, dueAt: now + WAKE_MS });
    });

    test('comes with the certificate of a domain that has one', async () => {
      await register(mx1);
      await claimed();
      const current = certificate();
      await store.commitCertificate({ domain, me: 'first', seen: 1, certificate: current, servers: [mx1], now });
      await store.releaseDomain(domain, 'first', 1, now, now);
      const [{ certificate: seen } = {}] = (await store.due(now, 10)).filter(({ name }) => name === domain);
      expect(seen).toMatchObject({ notAfter: current.notAfter });
    });

    test('is found of each kind, however many there are of the other', async () => {
      await register(mx1);
      for (let i = 0; i < 5; i++)
        await store.acceptWish(wish({ domain: `d${i}.example` }), { at: now }, now - WAKE_MS + i);
      expect((await store.due(now + WAKE_MS, 2)).map(({ kind, name }) => `${kind} ${name}`)).toEqual([
        'domain d0.example',
        'domain d1.example',
        `server ${mx1}`,
      ]);
    });

    test('is a domain whose execution died, when its lease ends', async () => {
      await claimed();
      expect(await store.due(now + LEASE_MS - 1, 10)).toEqual([]);
      expect(await store.due(now + LEASE_MS, 10)).toEqual([{ kind: 'domain', name: domain, dueAt: now + LEASE_MS }]);
    });
  });

  describe(`an issuer, in ${name}`, () => {
    test("keeps each directory's account", async () => {
      const directory = 'https://ca.example/dir';
      expect(await store.readIssuer(directory)).toBeUndefined();
      await store.recordAccount(directory, { accountUrl: 'https://ca.example/a/1', thumbprint: 'one' });
      const account = { accountUrl: 'https://ca.example/a/2', thumbprint: 'two' };
      await store.recordAccount(directory, account);
      expect(await store.readIssuer(directory)).toMatchObject(account);
      expect(await store.readIssuer('https://other.example/dir')).toBeUndefined();
    });

    test("keeps each directory's trouble beside its account, as the first of many has it", async () => {
      const directory = 'https://ca.example/dir';
      const why = { reason: 'AcmeUnavailable' as const, message: 'away' };
      const trouble = { issuer: 'ca', ...why, since: now, until: now + 1, failures: 1 };
      const all = await Promise.all([1, 2, 3].map(n => store.recordTrouble(directory, { ...trouble, until: now + n })));
      expect(all.filter(isRecorded => isRecorded)).toHaveLength(1);
      await store.recordAccount(directory, { accountUrl: 'https://ca.example/a/1', thumbprint: 'one' });
      const known = (await store.readIssuer(directory))!;
      expect(known).toMatchObject({ accountUrl: 'https://ca.example/a/1', trouble: { message: 'away' } });
      const next = { ...trouble, until: now + 60_000, failures: 2 };
      expect(await store.recordTrouble(directory, next, { ...known.trouble!, until: now })).toBe(false);
      expect(await store.recordTrouble(directory, next, known.trouble)).toBe(true);
      expect((await store.readIssuer(directory))!.trouble).toEqual(next);
    });

    const reserve = (at: number) => store.reserveOrder('ca', 10_000, 30_000, at);

    test('gives a burst of orders, then one each interval', async () => {
      expect([await reserve(now), await reserve(now), await reserve(now)]).toEqual([now, now, now]);
      // Each has a moment of its own, however many come at once and however often somebody asks.
      expect([await reserve(now), await reserve(now + 1)]).toEqual([now + 10_000, now + 20_000]);
      expect(await reserve(now + 15_000)).toBe(now + 30_000);
      expect(await reserve(now + 60_000)).toBe(now + 60_000);
    });

    test('gives the whole burst again after a rest, and no more than that', async () => {
      await reserve(now);
      const later = now + 86_400_000;
      const all = [await reserve(later), await reserve(later), await reserve(later), await reserve(later)];
      expect(all).toEqual([later, later, later, later + 10_000]);
    });

    test.each(['a budget that was never used', 'one that has rested'])(
      'gives as many of twenty at once as the burst holds, from %s',
      async which => {
        if (which !== 'a budget that was never used') await reserve(now - 86_400_000);
        const all = await Promise.all(Array.from({ length: 20 }, () => reserve(now)));
        const waits = Array.from({ length: 18 }, (_, i) => now + i * 10_000);
        expect(all.sort((a, b) => a - b)).toEqual([now, now, ...waits]);
      },
    );

    test('takes no place that would be too late', async () => {
      const until = (latest: number) => store.reserveOrder('ca', 10_000, 30_000, now, latest);
      expect([await until(now), await until(now), await until(now)]).toEqual([now, now, now]);
      for (let i = 0; i < 3; i++) expect(await until(now + 9_999)).toBe(now + 10_000);
      expect(await until(now + 10_000)).toBe(now + 10_000);
      expect(await reserve(now)).toBe(now + 20_000);
    });

    test('counts each budget for itself', async () => {
      for (let i = 0; i < 3; i++) await reserve(now);
      expect(await store.reserveOrder('another', 10_000, 30_000, now)).toBe(now);
    });
  });
}
