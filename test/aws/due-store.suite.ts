/** The query of what is due, with its condition (docs/protocol.md). */
import { beforeEach, describe, expect, test } from 'vitest';
import { LEASE_MS, WAKE_MS } from '../../core/ports/lease.ts';
import type { Store } from '../../core/ports/store.ts';
import { certificate, domain, mx1, now, stage, wish } from './store.stage.ts';

/** @param make an empty store */
export function describeDueStore(name: string, make: () => Promise<Store>): void {
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
        await store.claimDomain({ domain: name, me: 'me', now });
        // The due times are not in the order of the writes.
        await store.releaseDomain({ domain: name, me: 'me', seen: 1, now }, now + ((i * 7) % 40));
      }
      await register(mx1);
      const due = await store.due({ now: now + 19, limit: 100 });
      expect(due.map(item => item.dueAt)).toEqual(Array.from({ length: 20 }, (_, i) => now + i));
      expect(new Set(due.map(item => item.name)).size).toBe(20);
      expect(await store.due({ now: now + 19, limit: 5 })).toEqual(due.slice(0, 5));
      expect(await store.due({ now: now + WAKE_MS, limit: 100 })).toContainEqual({
        kind: 'server',
        name: mx1,
        dueAt: now + WAKE_MS,
      });
    });

    test('comes with the certificate of a domain that has one', async () => {
      await register(mx1);
      await claimed();
      const current = certificate();
      await store.commitCertificate({ domain, me: 'first', seen: 1, certificate: current, servers: [mx1], now });
      await store.releaseDomain({ domain, me: 'first', seen: 1, now }, now);
      const [{ certificate: seen } = {}] = (await store.due({ now, limit: 10 })).filter(({ name }) => name === domain);
      expect(seen).toMatchObject({ notAfter: current.notAfter });
    });

    test('is found of each kind, however many there are of the other', async () => {
      await register(mx1);
      for (let i = 0; i < 5; i++)
        await store.acceptWish(wish({ domain: `d${i}.example` }), { at: now }, now - WAKE_MS + i);
      expect((await store.due({ now: now + WAKE_MS, limit: 2 })).map(({ kind, name }) => `${kind} ${name}`)).toEqual([
        'domain d0.example',
        'domain d1.example',
        `server ${mx1}`,
      ]);
    });

    test('is a domain whose execution was killed, when its lease ends', async () => {
      await claimed();
      expect(await store.due({ now: now + LEASE_MS - 1, limit: 10 })).toEqual([]);
      expect(await store.due({ now: now + LEASE_MS, limit: 10 })).toEqual([
        { kind: 'domain', name: domain, dueAt: now + LEASE_MS },
      ]);
    });
  });
}
