/** The writes about a server, with their conditions (docs/protocol.md). */
import { beforeEach, describe, expect, test } from 'vitest';
import { LEASE_MS, WAKE_MS } from '../../core/ports/lease.ts';
import type { Store } from '../../core/ports/store.ts';
import { afterLease, certificate, domain, minute, mx1, mx2, now, stage } from './store.stage.ts';

const claimLost = expect.objectContaining({ name: 'ClaimLost' });
const delivery = (seq: number, hash = 'd'.repeat(64)) => ({ hash, seq, mode: 'install' as const });

/** @param make an empty store */
export function describeServerStore(name: string, make: () => Promise<Store>): void {
  let store: Store;

  beforeEach(async () => {
    store = await make();
  });
  const { register, woken } = stage(() => store);

  describe(`waking a server, in ${name}`, () => {
    test('gives one name, however many steps wake it at once', async () => {
      await register(mx1);
      const names = await Promise.all(Array.from({ length: 20 }, () => store.wakeServer(mx1, now)));
      const [name, ...others] = names.filter(name => name !== undefined);
      expect(others).toEqual([]);
      expect(name).toMatch(/^deliver-[0-9a-f]{40}$/);
      expect(await store.readServer(mx1)).toMatchObject({
        ...{ owner: name, seq: 1, leaseUntil: now + WAKE_MS, dueAt: now + WAKE_MS },
      });
    });

    test('is refused for a server that is not registered', async () => {
      expect(await store.wakeServer(mx1, now)).toBeUndefined();
      expect(await store.readServer(mx1)).toBeUndefined();
    });

    test('is refused while there is nothing to do', async () => {
      const me = await woken();
      expect(await store.releaseServer({ server: mx1, me, now }, { wanted: 1 })).toBe(true);
      expect(await store.wakeServer(mx1, afterLease)).toBeUndefined();
      expect(await store.due({ now: afterLease, limit: 10 })).toEqual([]);
    });

    test('is refused before its due time, and gives another name after it', async () => {
      const me = await woken();
      await store.releaseServer({ server: mx1, me, now }, { wanted: 1, dueAt: now + minute });
      expect(await store.wakeServer(mx1, now + minute - 1)).toBeUndefined();
      const next = await store.wakeServer(mx1, now + minute);
      expect(next).toBeDefined();
      expect(next).not.toBe(me);
    });

    test('is refused for a server that is held', async () => {
      const me = await woken();
      await store.startDelivery({ server: mx1, me, now }, delivery(2));
      await store.endDelivery(
        { server: mx1, me, now },
        { hash: delivery(2).hash, changes: { held: 'it is broken', failures: 1 } },
      );
      await store.releaseServer({ server: mx1, me, now }, { wanted: 1, dueAt: now });
      await store.commitWork({ domain, certificate: certificate(), servers: [mx1], now });
      expect(await store.wakeServer(mx1, afterLease)).toBeUndefined();
      const record = await store.readServer(mx1);
      expect(record).toMatchObject({ held: 'it is broken', failures: 1, wanted: 2 });
      // A held server is never due, so no sweep finds it again and again.
      expect(record).not.toHaveProperty('dueAt');
      expect(await store.due({ now: afterLease, limit: 10 })).toEqual([]);
    });

    test('takes over from an execution that never began', async () => {
      const me = await woken();
      expect(await store.wakeServer(mx1, now + WAKE_MS)).toBeUndefined();
      const next = await store.wakeServer(mx1, now + WAKE_MS + 1);
      expect(next).not.toBe(me);
      await expect(store.renewServer({ server: mx1, me, now: now + WAKE_MS + 2 })).rejects.toEqual(claimLost);
      expect(await store.renewServer({ server: mx1, me: next!, now: now + WAKE_MS + 2 })).toMatchObject({
        leaseUntil: now + WAKE_MS + 2 + LEASE_MS,
      });
    });
  });

  describe(`a registration, in ${name}`, () => {
    test('creates a server whose first work is its inspection', async () => {
      await register(mx1);
      expect(await store.readServer(mx1)).toMatchObject({
        ...{ server: mx1, node: 'mi-0123456789abcdef0', roleId: 'AROAEXAMPLE', adopt: true },
        ...{ wanted: 1, done: 0, seq: 0, dueAt: now + WAKE_MS },
      });
    });

    test('is due soon if an audit is asked for, and has its counter incremented', async () => {
      const me = await woken();
      await store.releaseServer({ server: mx1, me, now }, { wanted: 1 });
      expect(await store.askAudit(mx1, now + 5)).toBe(true);
      expect(await store.readServer(mx1)).toMatchObject({ auditAsked: now + 5, wanted: 2, dueAt: now + 5 + WAKE_MS });
      expect(await store.askAudit(mx2, now)).toBe(false);
      expect(await store.readServer(mx2)).toBeUndefined();
    });

    test('of a rebuilt server ends the claim and deletes what was found, but not the sequence number', async () => {
      const me = await woken();
      await store.startDelivery({ server: mx1, me, now }, delivery(2));
      await store.endDelivery(
        { server: mx1, me, now },
        { hash: delivery(2).hash, changes: { capability: { postfix: ['3.7'] }, held: 'it is broken' } },
      );
      await store.startDelivery({ server: mx1, me, now }, delivery(3));
      await store.registerServer(
        { server: mx1, node: 'i-0123456789abcdef0', roleId: 'AROAOTHER', adopt: false },
        { at: now + 1, now },
      );
      const record = await store.readServer(mx1);
      expect(record).toMatchObject({ node: 'i-0123456789abcdef0', roleId: 'AROAOTHER', adopt: false, seq: 3 });
      for (const gone of ['capability', 'delivery', 'held']) expect(record).not.toHaveProperty(gone);
      expect(await store.wakeServer(mx1, now)).toBeDefined();
      await expect(store.renewServer({ server: mx1, me, now })).rejects.toEqual(claimLost);
    });
  });

  describe(`a registration that is repeated, in ${name}`, () => {
    const rebuilt = { server: mx1, node: 'i-0123456789abcdef0', roleId: 'AROAOTHER', adopt: false };

    test.each([
      ['the same one again', now],
      ['an earlier one that comes late', now - 1],
    ])('changes nothing: %s', async (_, at) => {
      await register(mx1);
      const before = await store.readServer(mx1);
      expect(await store.registerServer(rebuilt, { at, now: now + 1 })).toBe(false);
      expect(await store.readServer(mx1)).toEqual(before);
    });

    test('is replaced by a later one', async () => {
      await register(mx1);
      expect(await store.registerServer(rebuilt, { at: now + 1, now })).toBe(true);
      expect(await store.readServer(mx1)).toMatchObject({ node: rebuilt.node, registeredAt: now + 1, wanted: 2 });
    });

    test('records that the server cannot serve by name, and the next one replaces that', async () => {
      await store.registerServer({ ...rebuilt, servesByName: false }, { at: now, now });
      expect(await store.readServer(mx1)).toMatchObject({ servesByName: false });
      await store.registerServer(rebuilt, { at: now + 1, now });
      expect(await store.readServer(mx1)).not.toHaveProperty('servesByName');
    });

    test('records which software it leaves out, and the next one replaces that', async () => {
      await store.registerServer({ ...rebuilt, leaveOut: ['nginx'] }, { at: now, now });
      expect(await store.readServer(mx1)).toMatchObject({ leaveOut: ['nginx'] });
      await store.registerServer(rebuilt, { at: now + 1, now });
      expect(await store.readServer(mx1)).not.toHaveProperty('leaveOut');
    });

    test('records which site is the webmail, and the next one replaces that', async () => {
      const webmail = { file: '/etc/web/webmail.conf', name: 'webmail.provider.test' };
      await store.registerServer({ ...rebuilt, webmail }, { at: now, now });
      expect(await store.readServer(mx1)).toMatchObject({ webmail });
      await store.registerServer(rebuilt, { at: now + 1, now });
      expect(await store.readServer(mx1)).not.toHaveProperty('webmail');
    });

    test('records a platform other than Linux, and the next one replaces that', async () => {
      await store.registerServer({ ...rebuilt, platform: 'Windows', servesByName: false }, { at: now, now });
      expect(await store.readServer(mx1)).toMatchObject({ platform: 'Windows', servesByName: false });
      await store.registerServer({ ...rebuilt, platform: 'Windows' }, { at: now + 1, now });
      expect(await store.readServer(mx1)).not.toHaveProperty('servesByName');
      expect(await store.readServer(mx1)).toMatchObject({ platform: 'Windows' });
      await store.registerServer(rebuilt, { at: now + 2, now });
      expect(await store.readServer(mx1)).not.toHaveProperty('platform');
    });

    test('has its own host name to be seen served again', async () => {
      const me = await woken();
      await store.startDelivery({ server: mx1, me, now }, delivery(2));
      await store.endDelivery({ server: mx1, me, now }, { hash: delivery(2).hash, changes: { hostSecuredAt: now } });
      await store.registerServer(rebuilt, { at: now + 1, now });
      expect(await store.readServer(mx1)).not.toHaveProperty('hostSecuredAt');
    });
  });

  describe(`a server that is retired, in ${name}`, () => {
    test('counts as not registered: it is not due, is not woken, and is given no work', async () => {
      await register(mx1);
      await store.retireServer(mx1, now + 1);
      expect(await store.readServer(mx1)).toBeUndefined();
      expect(await store.due({ now: afterLease, limit: 10 })).toEqual([]);
      expect(await store.wakeServer(mx1, afterLease)).toBeUndefined();
      const work = { domain, certificate: certificate(), servers: [mx1], now };
      await expect(store.commitWork(work)).rejects.toMatchObject({ name: 'ServerNotRegistered' });
      expect(await store.work(mx1, 10)).toEqual([]);
    });

    test('ends the claim of an execution that has a delivery under way', async () => {
      const me = await woken();
      await store.startDelivery({ server: mx1, me, now }, delivery(2));
      await store.retireServer(mx1, now + 1);
      await expect(store.renewServer({ server: mx1, me, now })).rejects.toEqual(claimLost);
      await expect(
        store.endDelivery({ server: mx1, me, now }, { hash: delivery(2).hash, changes: {} }),
      ).rejects.toEqual(claimLost);
    });

    test('returns with its sequence number, and nothing else of its former record', async () => {
      const me = await woken();
      await store.startDelivery({ server: mx1, me, now }, delivery(2));
      await store.endDelivery(
        { server: mx1, me, now },
        {
          hash: delivery(2).hash,
          changes: { capability: {}, inspectedAt: now, hostSecuredAt: now, held: 'it is broken' },
        },
      );
      await store.retireServer(mx1, now + 1);
      await store.registerServer(
        { server: mx1, node: 'i-0abc1234', roleId: 'AROAOTHER', adopt: false },
        { at: now + 2, now },
      );
      const record = await store.readServer(mx1);
      expect(record).toMatchObject({ node: 'i-0abc1234', seq: 2, registeredAt: now + 2 });
      for (const gone of ['capability', 'inspectedAt', 'hostSecuredAt', 'held', 'delivery', 'owner', 'retiredAt'])
        expect(record).not.toHaveProperty(gone);
      expect(await store.wakeServer(mx1, now)).toBeDefined();
    });

    const again = (at: number) =>
      store.registerServer({ server: mx1, node: 'i-0abc1234', roleId: 'AROAOTHER', adopt: false }, { at, now });

    test.each([
      ['is later', now + 1, true],
      ['is of the same second', now, true],
      ['is earlier, and comes late', now - 1, false],
    ])('is registered by an event that %s: %s', async (_, at, isRegistered) => {
      // The server was not registered before: the two events came in the wrong order.
      await store.retireServer(mx1, now);
      expect(await again(at)).toBe(isRegistered);
      expect((await store.readServer(mx1)) !== undefined).toBe(isRegistered);
    });

    test.each([now, now - 1])('stays registered if the registration is not older', async at => {
      await register(mx1);
      await store.retireServer(mx1, at);
      expect(await store.readServer(mx1)).toBeDefined();
    });
  });

  describe(`the release of a server, in ${name}`, () => {
    test('ends the claim', async () => {
      const me = await woken();
      expect(await store.releaseServer({ server: mx1, me, now }, { wanted: 1, dueAt: now + minute })).toBe(true);
      const record = await store.readServer(mx1);
      expect(record).toMatchObject({ done: 1, dueAt: now + minute });
      expect(record).not.toHaveProperty('owner');
    });

    test('is refused if work came meanwhile: the claim stays', async () => {
      const me = await woken();
      await store.commitWork({ domain, certificate: certificate(), servers: [mx1], now });
      expect(await store.releaseServer({ server: mx1, me, now }, { wanted: 1 })).toBe(false);
      expect(await store.readServer(mx1)).toMatchObject({ owner: me, wanted: 2, done: 0 });
    });

    test('adds a failure, and a delivery that ends may reset the count', async () => {
      const me = await woken();
      expect(await store.releaseServer({ server: mx1, me, now }, { wanted: 1, dueAt: now, failures: 3 })).toBe(true);
      expect(await store.readServer(mx1)).toMatchObject({ failures: 3, dueAt: now });
      const next = (await store.wakeServer(mx1, now))!;
      await store.startDelivery({ server: mx1, me: next, now }, delivery(3));
      await store.endDelivery({ server: mx1, me: next, now }, { hash: delivery(3).hash, changes: { failures: 0 } });
      expect(await store.releaseServer({ server: mx1, me: next, now }, { wanted: 1 })).toBe(true);
      expect(await store.readServer(mx1)).toMatchObject({ failures: 0 });
    });

    test('is refused to an execution that is not the owner', async () => {
      const me = await woken();
      expect(await store.releaseServer({ server: mx1, me: 'another', now }, { wanted: 1 })).toBe(false);
      expect(await store.readServer(mx1)).toMatchObject({ owner: me });
    });
  });
}
