/**
 * The notes about domains that wait for a server or depend on it, with their conditions
 * (docs/protocol.md).
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { LEASE_MS } from '../../core/ports/lease.ts';
import type { Store } from '../../core/ports/store.ts';
import { domain, mx1, mx2, now, stage, wish } from './store.stage.ts';

/** @param make an empty store */
export function describeWaitingStore(name: string, make: () => Promise<Store>): void {
  let store: Store;

  beforeEach(async () => {
    store = await make();
  });
  const { claimed } = stage(() => store);

  describe(`a domain that depends on a server, in ${name}`, () => {
    test('is re-evaluated each time the server is inspected, as long as it depends on the server', async () => {
      await claimed();
      await store.releaseDomain({ domain, me: 'first', seen: 1, now }, now + 86_400_000);
      await store.dependOn(domain, [mx1, mx2]);
      expect(await store.wakeDependents(mx1, { now: now + 5, first: 10 })).toEqual({ woken: 1, first: [domain] });
      expect(await store.readDomain(domain)).toMatchObject({ wanted: 2, dueAt: now + 5 });
      expect(await store.wakeDependents(mx1, { now: now + 6, first: 0 })).toEqual({ woken: 1, first: [] });
      await store.dependNoMore(domain, [mx1]);
      expect(await store.wakeDependents(mx1, { now: now + 7, first: 10 })).toEqual({ woken: 0, first: [] });
      expect(await store.wakeDependents(mx2, { now: now + 8, first: 10 })).toMatchObject({ woken: 1 });
    });
  });

  describe(`a parked domain, in ${name}`, () => {
    const parked = (nextTry: number) => ({
      ...{ reason: 'ServerNotRegistered' as const, message: `${mx2} is not registered`, since: now, nextTry, tries: 1 },
    });

    test('is woken with all others that wait, and the first of them are returned', async () => {
      const domains = Array.from({ length: 60 }, (_, i) => `d${String(i).padStart(2, '0')}.example`);
      for (const name of domains) {
        await store.acceptWish(wish({ domain: name, mailServers: [mx2] }), { at: now }, now);
        await store.claimDomain({ domain: name, me: 'first', now });
        await store.parkDomain({ domain: name, me: 'first', seen: 1 }, parked(now + 86_400_000), [mx2]);
      }
      expect(await store.wakeWaitingDomains(mx2, { now: now + 5, first: 3 })).toEqual({
        woken: 60,
        first: domains.slice(0, 3),
      });
      expect((await store.due({ now: now + 5, limit: 100 })).map(item => item.name).sort()).toEqual(domains);
      expect(await store.readDomain('d59.example')).toMatchObject({ wanted: 2, done: 1 });
    });

    test('is due at once when the server that it waits for is registered, and only once', async () => {
      await claimed();
      await store.parkDomain({ domain, me: 'first', seen: 1 }, parked(now + 86_400_000), [mx2, mx1]);
      expect(await store.wakeWaitingDomains(mx2, { now: now + 5, first: 10 })).toEqual({ woken: 1, first: [domain] });
      expect(await store.readDomain(domain)).toMatchObject({ dueAt: now + 5 });
      expect(await store.claimDomain({ domain, me: 'second', now: now + 5 })).toMatchObject({ owner: 'second' });
      expect(await store.wakeWaitingDomains(mx2, { now: now + 6, first: 10 })).toEqual({ woken: 0, first: [] });
      // The other server is registered while an execution has the claim, so the domain is due when
      // the lease ends.
      await store.wakeWaitingDomains(mx1, { now: now + 6, first: 10 });
      expect(await store.readDomain(domain)).toMatchObject({ dueAt: now + 5 + LEASE_MS });
    });
  });
}
