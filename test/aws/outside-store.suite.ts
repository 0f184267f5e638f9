/** The writes of the outside check, with their conditions (docs/protocol.md). */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../core/ports/store.ts';
import { domain, mx1, mx2, now } from './store.stage.ts';

/** @param make an empty store */
export function describeOutsideStore(name: string, make: () => Promise<Store>): void {
  let store: Store;

  beforeEach(async () => {
    store = await make();
  });

  describe(`an outside check, in ${name}`, () => {
    test('is begun once, recorded by one function at a time, and deleted', async () => {
      await store.beginOutside(mx1, now);
      await store.beginOutside(mx2, now);
      await store.beginOutside(mx1, now + 5);
      expect(await store.outsides()).toEqual([
        { server: mx1, dueAt: now },
        { server: mx2, dueAt: now },
      ]);
      const seen = { server: mx1, dueAt: now + 9, at: now, endpoints: 3, verified: 2, after: domain };
      const outside = { ...seen, unseen: [{ domain, port: 993, why: 'not trusted' }] };
      expect(await store.recordOutside(outside, now)).toBe(true);
      expect(await store.recordOutside({ ...outside, dueAt: now + 10 }, now)).toBe(false);
      expect((await store.outsides())[0]).toEqual(outside);
      await store.forgetOutside(mx1);
      await store.forgetOutside(mx1);
      expect(await store.outsides()).toEqual([{ server: mx2, dueAt: now }]);
      expect(await store.recordOutside(outside, now + 9)).toBe(false);
    });
  });
}
