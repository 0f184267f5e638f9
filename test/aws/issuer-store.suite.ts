/** The writes about an issuer, with their conditions (docs/protocol.md). */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../core/ports/store.ts';
import { now } from './store.stage.ts';

/** @param make an empty store */
export function describeIssuerStore(name: string, make: () => Promise<Store>): void {
  let store: Store;

  beforeEach(async () => {
    store = await make();
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

    test("keeps each directory's failure beside its account, as the first of many writers has it", async () => {
      const directory = 'https://ca.example/dir';
      const why = { reason: 'AcmeUnavailable' as const, message: 'away' };
      const trouble = { issuer: 'ca', ...why, since: now, until: now + 1, failures: 1 };
      const all = await Promise.all(
        [1, 2, 3].map(n => store.recordTrouble(directory, { trouble: { ...trouble, until: now + n } })),
      );
      expect(all.filter(isRecorded => isRecorded)).toHaveLength(1);
      await store.recordAccount(directory, { accountUrl: 'https://ca.example/a/1', thumbprint: 'one' });
      const known = (await store.readIssuer(directory))!;
      expect(known).toMatchObject({ accountUrl: 'https://ca.example/a/1', trouble: { message: 'away' } });
      const next = { ...trouble, until: now + 60_000, failures: 2 };
      expect(await store.recordTrouble(directory, { trouble: next, known: { ...known.trouble!, until: now } })).toBe(
        false,
      );
      expect(await store.recordTrouble(directory, { trouble: next, known: known.trouble })).toBe(true);
      expect((await store.readIssuer(directory))!.trouble).toEqual(next);
    });

    const reserve = (at: number) => store.reserveOrder('ca', { intervalMs: 10_000, horizonMs: 30_000, now: at });

    test('gives a burst of orders, then one each interval', async () => {
      expect([await reserve(now), await reserve(now), await reserve(now)]).toEqual([now, now, now]);
      // Each caller gets a slot of its own, however many ask at once and however often one asks.
      expect([await reserve(now), await reserve(now + 1)]).toEqual([now + 10_000, now + 20_000]);
      expect(await reserve(now + 15_000)).toBe(now + 30_000);
      expect(await reserve(now + 60_000)).toBe(now + 60_000);
    });

    test('gives the whole burst again after a rest, and no more', async () => {
      await reserve(now);
      const later = now + 86_400_000;
      const all = [await reserve(later), await reserve(later), await reserve(later), await reserve(later)];
      expect(all).toEqual([later, later, later, later + 10_000]);
    });

    test.each(['a budget that was never used', 'a budget that has rested'])(
      'gives as many of twenty at once as the burst has, from %s',
      async which => {
        if (which !== 'a budget that was never used') await reserve(now - 86_400_000);
        const all = await Promise.all(Array.from({ length: 20 }, () => reserve(now)));
        const waits = Array.from({ length: 18 }, (_, i) => now + i * 10_000);
        expect(all.sort((a, b) => a - b)).toEqual([now, now, ...waits]);
      },
    );

    test('reserves no slot that would be too late', async () => {
      const until = (latest: number) =>
        store.reserveOrder('ca', { intervalMs: 10_000, horizonMs: 30_000, now, latest });
      expect([await until(now), await until(now), await until(now)]).toEqual([now, now, now]);
      for (let i = 0; i < 3; i++) expect(await until(now + 9_999)).toBe(now + 10_000);
      expect(await until(now + 10_000)).toBe(now + 10_000);
      expect(await reserve(now)).toBe(now + 20_000);
    });

    test('counts each budget separately', async () => {
      for (let i = 0; i < 3; i++) await reserve(now);
      expect(await store.reserveOrder('another', { intervalMs: 10_000, horizonMs: 30_000, now })).toBe(now);
    });
  });
}
