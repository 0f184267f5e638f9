/** What the last guard reads and writes, with its conditions (docs/protocol.md). */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../core/ports/store.ts';
import { guardedFrom } from '../../core/record/life.ts';
import { domain, minute, mx1, mx2, now } from './store.stage.ts';

const day = 1_440 * minute;
const node = 'mi-0123456789abcdef0';
const life = { notBefore: now - 80 * day, notAfter: now + 10 * day };
const renewed = { notBefore: now, notAfter: now + 90 * day };
const seen = { domain, certificate: 'c'.repeat(64), fingerprint: 'f'.repeat(64), seenAt: now, node };
const work = { domain, v: now };
const page = { from: 0, now, limit: 10 };

/** @param make an empty store */
export function describeServedStore(name: string, make: () => Promise<Store>): void {
  let store: Store;

  beforeEach(async () => {
    store = await make();
  });

  describe(`what the last guard watches, in ${name}`, () => {
    test('is what was seen served, from the moment at which its guard begins', async () => {
      await store.recordInstalled(mx1, work, { ...seen, life });
      const from = guardedFrom(life);
      expect(await store.endings({ from: 0, now: from - 1, limit: 10 })).toEqual([]);
      expect(await store.endings({ from, now: from, limit: 10 })).toEqual([{ domain, server: mx1, life, seenAt: now }]);
      expect(await store.endings({ from: from + 1, now, limit: 10 })).toEqual([]);
    });

    test('is left once a newer leaf is seen, on that server alone', async () => {
      for (const server of [mx1, mx2]) await store.recordInstalled(server, work, { ...seen, life });
      await store.recordInstalled(mx1, work, { ...seen, life: renewed, seenAt: now + 1 });
      expect(await store.endings(page)).toEqual([{ domain, server: mx2, life, seenAt: now }]);
    });

    test('stays when its server is retired, and goes with its removal', async () => {
      await store.recordInstalled(mx1, work, { ...seen, life });
      await store.recordRetired(mx1, work, { begun: now + 1 });
      expect(await store.endings(page)).toHaveLength(1);
      expect((await store.installed({ server: mx1, domain }))?.node).toBeUndefined();
      await store.recordRemoved(mx1, work, { node, begun: now + 1 });
      expect(await store.endings(page)).toEqual([]);
    });

    test('is no part of what is installed', async () => {
      await store.recordInstalled(mx1, work, { ...seen, life });
      expect(await store.installed({ server: mx1, domain })).toEqual({ ...seen, life, v: work.v });
      expect(await store.allInstalled(mx1)).toEqual([{ ...seen, life, v: work.v }]);
    });

    test('is no due item of the sweep', async () => {
      await store.recordInstalled(mx1, work, { ...seen, life });
      await store.guardForeign({ domain, life, seenAt: now });
      expect(await store.due({ now: now + 400 * day, limit: 10 })).toEqual([]);
    });

    test('is the earliest guarded first, and no more than was asked for', async () => {
      const sooner = { notBefore: life.notBefore - day, notAfter: life.notAfter - day };
      await store.recordInstalled(mx1, work, { ...seen, life });
      await store.recordInstalled(mx2, work, { ...seen, life: sooner });
      expect((await store.endings(page)).map(({ server }) => server)).toEqual([mx2, mx1]);
      expect(await store.endings({ from: 0, now, limit: 1 })).toMatchObject([{ server: mx2 }]);
    });

    test('is what an import saw, until it is forgotten at the moment at which it was seen', async () => {
      await store.guardForeign({ domain, life, seenAt: now });
      expect(await store.endings(page)).toEqual([{ domain, life, seenAt: now }]);
      await store.forgetForeign({ domain, seenAt: now - 1 });
      expect(await store.endings(page)).toHaveLength(1);
      await store.forgetForeign({ domain, seenAt: now });
      expect(await store.endings(page)).toEqual([]);
    });

    test('has the day of its last page', async () => {
      expect(await store.pagedOn()).toBeUndefined();
      await store.recordPage(20_000);
      expect(await store.pagedOn()).toBe(20_000);
    });
  });
}
