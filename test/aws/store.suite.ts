/**
 * The writes that make it safe, each with its condition (docs/protocol.md). Whatever passes this may stand behind
 * core's `Store`: the table in DynamoDB, and the twin that core's tests stand on.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import type { StoredCertificate, Wish } from '../../core/domain/domain.ts';
import { LEASE_MS, WAKE_MS, type Store } from '../../core/store.ts';

const minute = 60_000;
const now = 1_800_000_000_000;
const afterLease = now + LEASE_MS + 1;
const domain = 'example.com';
const [mx1, mx2] = ['mx1.provider.example', 'mx2.provider.example'];
const wish = (more: Partial<Wish> = {}): Wish => ({ domain, mailServers: [mx1], policy: 'wildcard', ...more });
const claimLost = expect.objectContaining({ name: 'ClaimLost' });

const certificate = (more: Partial<StoredCertificate> = {}): StoredCertificate => ({
  id: 'c'.repeat(64),
  names: [domain, `*.${domain}`],
  notBefore: now - minute,
  notAfter: now + 90 * 86_400_000,
  fingerprint: 'f'.repeat(64),
  issuer: 'Test CA',
  renewAt: now + 60 * 86_400_000,
  ...more,
});

/** @param make a store with nothing in it */
export function describeStore(name: string, make: () => Promise<Store>): void {
  let store: Store;

  beforeEach(async () => {
    store = await make();
  });

  const register = async (...servers: string[]) => {
    for (const server of servers)
      await store.registerServer({ server, node: 'mi-0123456789abcdef0', roleId: 'AROAEXAMPLE', adopt: true }, now);
  };
  const claimed = async (me = 'first', more: Partial<Wish> = {}) => {
    await store.acceptWish(wish(more), now);
    return (await store.claimDomain(domain, me, now))!;
  };
  const commit = (more: Partial<Parameters<Store['commitCertificate']>[0]> = {}) =>
    store.commitCertificate({
      ...{ domain, me: 'first', seen: 1, certificate: certificate(), servers: [mx1], now },
      ...more,
    });
  /** A server that is registered and taken by the execution whose name is given back. */
  const woken = async (at = now) => {
    await register(mx1);
    return (await store.wakeServer(mx1, at))!;
  };
  const delivery = (seq: number, hash = 'd'.repeat(64)) => ({ hash, seq, mode: 'install' as const });
  const worked = async (v = now) => {
    await register(mx1);
    await store.commitWork({ domain, certificate: certificate(), servers: [mx1], now: v });
  };
  const seen = { domain, certificate: 'c'.repeat(64), fingerprint: 'f'.repeat(64), seenAt: now };

  describe(`a wish, in ${name}`, () => {
    test('is on record once it is accepted', async () => {
      expect(await store.readDomain(domain)).toBeUndefined();
      expect(await store.acceptWish(wish(), now)).toBe(true);
      expect(await store.readDomain(domain)).toMatchObject({ domain, spec: wish(), specAt: now, wanted: 1, done: 0 });
    });

    test.each([
      ['the same one again', wish(), now],
      ['an older one', wish({ mailServers: [mx2] }), now - 1],
    ])('is kept when %s comes', async (_, other, at) => {
      await store.acceptWish(wish(), now);
      expect(await store.acceptWish(other, at)).toBe(false);
      expect(await store.readDomain(domain)).toMatchObject({ spec: wish(), specAt: now, wanted: 1 });
    });

    test.each([
      ['a later one', now + 1],
      // EventBridge's times are whole seconds.
      ['another one of the same second', now],
    ])('gives way to %s, members that are left out included', async (_, at) => {
      await store.acceptWish(wish({ webmailServer: mx2 }), now);
      expect(await store.acceptWish(wish({ mailServers: [mx2] }), at)).toBe(true);
      const record = await store.readDomain(domain);
      expect(record).toMatchObject({ specAt: at, wanted: 2 });
      expect(record!.spec).toEqual(wish({ mailServers: [mx2] }));
    });
  });

  describe(`the claim on a domain, in ${name}`, () => {
    test('is taken by whoever comes first, with what was wished', async () => {
      expect(await claimed()).toMatchObject({
        ...{ domain, spec: wish(), wanted: 1, seen: 1, owner: 'first' },
        ...{ leaseUntil: now + LEASE_MS, dueAt: now + LEASE_MS },
      });
    });

    test('is not to be had for a domain that nobody wished', async () => {
      expect(await store.claimDomain(domain, 'first', now)).toBeUndefined();
      expect(await store.readDomain(domain)).toBeUndefined();
    });

    test('is refused to another while it is leased, and given to its owner again', async () => {
      await claimed();
      expect(await store.claimDomain(domain, 'second', now + LEASE_MS)).toBeUndefined();
      expect(await store.claimDomain(domain, 'first', now + 1)).toMatchObject({ leaseUntil: now + 1 + LEASE_MS });
    });

    test('is taken over after the lease, and lost for the one that had it', async () => {
      await claimed();
      expect(await store.claimDomain(domain, 'second', afterLease)).toMatchObject({ owner: 'second' });
      await expect(store.renewDomain(domain, 'first', afterLease)).rejects.toEqual(claimLost);
      await expect(store.recordOrder(domain, 'first', { url: 'u', planned: [] })).rejects.toEqual(claimLost);
      await expect(store.recordPublished(domain, 'first', [])).rejects.toEqual(claimLost);
      await expect(store.releaseDomain(domain, 'first', 1, now, now)).rejects.toEqual(claimLost);
    });

    test('is one, however many come at once', async () => {
      await store.acceptWish(wish(), now);
      const all = await Promise.all(Array.from({ length: 20 }, (_, i) => store.claimDomain(domain, `e${i}`, now)));
      expect(all.filter(record => record !== undefined)).toHaveLength(1);
    });

    test('is not to be had while there is nothing to do, until the domain is due', async () => {
      await claimed();
      await store.releaseDomain(domain, 'first', 1, now + minute, now);
      expect(await store.claimDomain(domain, 'second', now + minute - 1)).toBeUndefined();
      expect(await store.claimDomain(domain, 'second', now + minute)).toMatchObject({ owner: 'second' });
    });

    test('is to be had when a wish came while it was held', async () => {
      await claimed();
      await store.acceptWish(wish({ mailServers: [mx2] }), now + 1);
      expect(await store.releaseDomain(domain, 'first', 1, now + minute, now + 2)).toBe(false);
      const record = await store.readDomain(domain);
      expect(record).toMatchObject({ wanted: 2, done: 1, dueAt: now + 2 });
      expect(record).not.toHaveProperty('owner');
      expect(await store.claimDomain(domain, 'second', now + 2)).toMatchObject({ seen: 2 });
    });

    test('lasts another lease when it is renewed', async () => {
      await claimed();
      expect(await store.renewDomain(domain, 'first', now + minute)).toMatchObject({
        ...{ leaseUntil: now + minute + LEASE_MS, dueAt: now + minute + LEASE_MS, seen: 1 },
      });
      expect(await store.claimDomain(domain, 'second', afterLease)).toBeUndefined();
    });
  });

  describe(`an order, in ${name}`, () => {
    const order = (url: string) => ({ url, planned: [domain] });

    test('stays the first one that was put on record', async () => {
      await claimed();
      expect(await store.recordOrder(domain, 'first', order('one'))).toEqual(order('one'));
      expect(await store.recordOrder(domain, 'first', order('two'))).toEqual(order('one'));
      expect((await store.readDomain(domain))!.order).toEqual(order('one'));
    });

    test('is forgotten by its owner alone, and only if it is the one that is meant', async () => {
      await claimed();
      await store.recordOrder(domain, 'first', order('one'));
      await store.forgetOrder(domain, 'first', 'two');
      await store.forgetOrder(domain, 'second', 'one');
      expect((await store.readDomain(domain))!.order).toEqual(order('one'));
      await store.forgetOrder(domain, 'first', 'one');
      expect(await store.readDomain(domain)).not.toHaveProperty('order');
      expect(await store.recordOrder(domain, 'first', order('two'))).toEqual(order('two'));
    });

    test('survives a take-over with the values that were published for it', async () => {
      const published = [{ zoneId: 'Z1', recordName: `_acme-challenge.${domain}`, values: ['a', 'b'] }];
      await claimed();
      await store.recordOrder(domain, 'first', order('one'));
      await store.recordPublished(domain, 'first', published);
      expect(await store.claimDomain(domain, 'second', afterLease)).toMatchObject({ order: order('one'), published });
      await store.recordPublished(domain, 'second', []);
      expect(await store.readDomain(domain)).not.toHaveProperty('published');
    });
  });

  describe(`a certificate's commit, in ${name}`, () => {
    test('makes it current, ends the order, and gives every server work', async () => {
      await register(mx1, mx2);
      await claimed();
      await store.recordOrder(domain, 'first', { url: 'one', planned: [domain] });
      expect(await commit({ servers: [mx1, mx2] })).toBe(true);
      const record = await store.readDomain(domain);
      expect(record).toMatchObject({ current: certificate(), owner: 'first' });
      expect(record).not.toHaveProperty('order');
      for (const server of [mx1, mx2]) {
        expect(await store.work(server, 10)).toEqual([{ domain, certificate: certificate(), v: now }]);
        expect(await store.readServer(server)).toMatchObject({ wanted: 2, done: 0, dueAt: now + WAKE_MS });
      }
    });

    test("says so when it is for the server's own host name", async () => {
      await register(mx1);
      await claimed();
      await commit({ host: true });
      expect(await store.work(mx1, 10)).toMatchObject([{ host: true }]);
    });

    const lost: [string, () => Promise<unknown>, Partial<Parameters<Store['commitCertificate']>[0]>][] = [
      ['the wish has changed since', () => store.acceptWish(wish({ names: ['@'], policy: 'list' }), now + 1), {}],
      ['the claim was taken over', () => store.claimDomain(domain, 'second', afterLease), {}],
      ['another execution tries it', async () => undefined, { me: 'second' }],
    ];
    test.each(lost)('leaves nothing when %s', async (_, meanwhile, more) => {
      await register(mx1);
      await claimed();
      await meanwhile();
      expect(await commit(more)).toBe(false);
      expect(await store.readDomain(domain)).not.toHaveProperty('current');
      expect(await store.work(mx1, 10)).toEqual([]);
      expect(await store.readServer(mx1)).toMatchObject({ wanted: 1 });
    });

    test('leaves nothing when one of the servers is not registered, and names the reason', async () => {
      await register(mx1);
      await claimed();
      await expect(commit({ servers: [mx1, mx2] })).rejects.toMatchObject({
        ...{ name: 'ServerNotRegistered', about: domain },
      });
      expect(await store.readDomain(domain)).not.toHaveProperty('current');
      expect(await store.work(mx1, 10)).toEqual([]);
      expect(await store.work(mx2, 10)).toEqual([]);
      expect(await store.readServer(mx2)).toBeUndefined();
    });

    test('reaches more servers than fit into one transaction', async () => {
      const servers = Array.from({ length: 95 }, (_, i) => `mx${i}.provider.example`);
      await register(...servers);
      await claimed();
      expect(await commit({ servers })).toBe(true);
      const work = await Promise.all(servers.map(server => store.work(server, 10)));
      expect(work.flat()).toHaveLength(95);
      expect(await store.readDomain(domain)).toMatchObject({ current: certificate() });
    });

    test('may be made again: the work is then of the later version', async () => {
      await register(mx1);
      await claimed();
      await commit();
      expect(await commit({ now: now + 1 })).toBe(true);
      expect(await store.work(mx1, 10)).toMatchObject([{ v: now + 1 }]);
    });

    test('without an order gives work alone', async () => {
      await register(mx1);
      await claimed();
      await store.commitWork({ domain, certificate: certificate(), servers: [mx1], now });
      expect(await store.work(mx1, 10)).toMatchObject([{ domain, v: now }]);
      expect(await store.readDomain(domain)).not.toHaveProperty('current');
      await expect(store.commitWork({ domain, certificate: certificate(), servers: [mx2], now })).rejects.toMatchObject(
        { name: 'ServerNotRegistered' },
      );
    });
  });

  describe(`a parked domain, in ${name}`, () => {
    const parked = (nextTry: number) => ({
      ...{ reason: 'ServerNotRegistered' as const, message: `${mx2} is not registered`, since: now, nextTry, tries: 1 },
    });

    test('waits with its reason until its next try', async () => {
      await claimed();
      await store.parkDomain(domain, 'first', parked(now + minute), []);
      const record = await store.readDomain(domain);
      expect(record).toMatchObject({ parked: parked(now + minute), done: 1, dueAt: now + minute });
      expect(record).not.toHaveProperty('owner');
      expect(await store.claimDomain(domain, 'second', now + minute - 1)).toBeUndefined();
      expect(await store.claimDomain(domain, 'second', now + minute)).toMatchObject({ parked: { tries: 1 } });
      await store.releaseDomain(domain, 'second', 1, now + minute, now);
      expect(await store.readDomain(domain)).not.toHaveProperty('parked');
    });

    test('does not wait when its wish was changed while it was on its way there', async () => {
      await claimed();
      await store.acceptWish(wish({ mailServers: [mx1, mx2] }), now + 1);
      await store.parkDomain(domain, 'first', parked(now + 86_400_000), []);
      expect(await store.readDomain(domain)).toMatchObject({ wanted: 2, done: 1 });
      expect(await store.due(now + 2, 10)).toMatchObject([{ kind: 'domain', name: domain }]);
    });

    test('is not parked by one that lost the claim', async () => {
      await claimed();
      await expect(store.parkDomain(domain, 'second', parked(now + minute), [])).rejects.toEqual(claimLost);
      expect(await store.readDomain(domain)).toMatchObject({ owner: 'first' });
    });

    test('is due at once when the server that it waits for is registered, and once only', async () => {
      await claimed();
      await store.parkDomain(domain, 'first', parked(now + 86_400_000), [mx2, mx1]);
      expect(await store.wakeWaitingDomains(mx2, now + 5)).toEqual([domain]);
      expect(await store.readDomain(domain)).toMatchObject({ dueAt: now + 5 });
      expect(await store.claimDomain(domain, 'second', now + 5)).toMatchObject({ owner: 'second' });
      expect(await store.wakeWaitingDomains(mx2, now + 6)).toEqual([]);
      // The other server is registered while somebody works on the domain: the lease's end stays its time.
      await store.wakeWaitingDomains(mx1, now + 6);
      expect(await store.readDomain(domain)).toMatchObject({ dueAt: now + 5 + LEASE_MS });
    });
  });

  describe(`waking a server, in ${name}`, () => {
    test('gives one name, however many wake it at once', async () => {
      await register(mx1);
      const names = await Promise.all(Array.from({ length: 20 }, () => store.wakeServer(mx1, now)));
      const [name, ...others] = names.filter(name => name !== undefined);
      expect(others).toEqual([]);
      expect(name).toMatch(/^deliver-[0-9a-f]{40}$/);
      expect(await store.readServer(mx1)).toMatchObject({
        ...{ owner: name, seq: 1, leaseUntil: now + WAKE_MS, dueAt: now + WAKE_MS },
      });
    });

    test('comes to nothing for a server that nobody registered', async () => {
      expect(await store.wakeServer(mx1, now)).toBeUndefined();
      expect(await store.readServer(mx1)).toBeUndefined();
    });

    test('comes to nothing while there is nothing to do', async () => {
      const me = await woken();
      expect(await store.releaseServer(mx1, me, 1, undefined)).toBe(true);
      expect(await store.wakeServer(mx1, afterLease)).toBeUndefined();
      expect(await store.due(afterLease, 10)).toEqual([]);
    });

    test('comes to nothing before its time, and gives another name after it', async () => {
      const me = await woken();
      await store.releaseServer(mx1, me, 1, now + minute);
      expect(await store.wakeServer(mx1, now + minute - 1)).toBeUndefined();
      const next = await store.wakeServer(mx1, now + minute);
      expect(next).toBeDefined();
      expect(next).not.toBe(me);
    });

    test('comes to nothing for a server that is held', async () => {
      const me = await woken();
      await store.startDelivery(mx1, me, delivery(2));
      await store.endDelivery(mx1, me, delivery(2).hash, { held: 'it is broken', failures: 1 });
      await store.releaseServer(mx1, me, 1, now);
      await store.commitWork({ domain, certificate: certificate(), servers: [mx1], now });
      expect(await store.wakeServer(mx1, afterLease)).toBeUndefined();
      expect(await store.readServer(mx1)).toMatchObject({ held: 'it is broken', failures: 1, wanted: 2 });
    });

    test('takes over from an execution that never began', async () => {
      const me = await woken();
      expect(await store.wakeServer(mx1, now + WAKE_MS)).toBeUndefined();
      const next = await store.wakeServer(mx1, now + WAKE_MS + 1);
      expect(next).not.toBe(me);
      await expect(store.renewServer(mx1, me, now + WAKE_MS + 2)).rejects.toEqual(claimLost);
      expect(await store.renewServer(mx1, next!, now + WAKE_MS + 2)).toMatchObject({
        leaseUntil: now + WAKE_MS + 2 + LEASE_MS,
      });
    });
  });

  describe(`a registration, in ${name}`, () => {
    test('makes a server that has something to do: its inspection', async () => {
      await register(mx1);
      expect(await store.readServer(mx1)).toMatchObject({
        ...{ server: mx1, node: 'mi-0123456789abcdef0', roleId: 'AROAEXAMPLE', adopt: true },
        ...{ wanted: 1, done: 0, seq: 0, dueAt: now + WAKE_MS },
      });
    });

    test('of a rebuilt server frees it at once and forgets what was found, but never its sequence', async () => {
      const me = await woken();
      await store.startDelivery(mx1, me, delivery(2));
      await store.endDelivery(mx1, me, delivery(2).hash, { capability: { postfix: ['3.7'] }, held: 'it is broken' });
      await store.startDelivery(mx1, me, delivery(3));
      await store.registerServer({ server: mx1, node: 'i-0123456789abcdef0', roleId: 'AROAOTHER', adopt: false }, now);
      const record = await store.readServer(mx1);
      expect(record).toMatchObject({ node: 'i-0123456789abcdef0', roleId: 'AROAOTHER', adopt: false, seq: 3 });
      for (const gone of ['capability', 'delivery', 'held']) expect(record).not.toHaveProperty(gone);
      expect(await store.wakeServer(mx1, now)).toBeDefined();
      await expect(store.renewServer(mx1, me, now)).rejects.toEqual(claimLost);
    });
  });

  describe(`a delivery, in ${name}`, () => {
    test('takes the next sequence number', async () => {
      const me = await woken();
      await store.startDelivery(mx1, me, delivery(2));
      expect(await store.readServer(mx1)).toMatchObject({ seq: 2, delivery: delivery(2) });
    });

    test.each([
      ['its number is not the next one', delivery(3), undefined],
      ['its number was given before', delivery(1), undefined],
      ['another execution begins it', delivery(2), 'another'],
    ])('does not begin when %s', async (_, bad, other) => {
      const me = await woken();
      await expect(store.startDelivery(mx1, other ?? me, bad)).rejects.toEqual(claimLost);
      expect(await store.readServer(mx1)).toMatchObject({ seq: 1 });
    });

    test('does not begin while another is under way', async () => {
      const me = await woken();
      await store.startDelivery(mx1, me, delivery(2));
      await expect(store.startDelivery(mx1, me, delivery(3, 'e'.repeat(64)))).rejects.toEqual(claimLost);
      expect(await store.readServer(mx1)).toMatchObject({ delivery: delivery(2), seq: 2 });
    });

    test('has its command on record, and is looked at soon', async () => {
      const me = await woken();
      await store.startDelivery(mx1, me, delivery(2));
      await store.recordCommand(mx1, me, delivery(2).hash, 'command', now + 3);
      expect(await store.readServer(mx1)).toMatchObject({
        delivery: { ...delivery(2), commandId: 'command', sentAt: now + 3 },
        dueAt: now + 3 + 2 * minute,
      });
      await expect(store.recordCommand(mx1, me, 'e'.repeat(64), 'other', now)).rejects.toEqual(claimLost);
    });

    test('ends once, with what was learnt', async () => {
      const me = await woken();
      await store.startDelivery(mx1, me, delivery(2));
      await expect(store.endDelivery(mx1, me, 'e'.repeat(64), {})).rejects.toEqual(claimLost);
      await store.endDelivery(mx1, me, delivery(2).hash, {
        ...{ capability: { os: ['Debian 12'] }, hostSecuredAt: now, held: undefined, failures: 0 },
      });
      const record = await store.readServer(mx1);
      expect(record).toMatchObject({ capability: { os: ['Debian 12'] }, hostSecuredAt: now, failures: 0, owner: me });
      expect(record).not.toHaveProperty('delivery');
      expect(record).not.toHaveProperty('held');
      await expect(store.endDelivery(mx1, me, delivery(2).hash, {})).rejects.toEqual(claimLost);
    });
  });

  describe(`work, in ${name}`, () => {
    test('comes in the order of the domains, so many as were asked for', async () => {
      await register(mx1);
      for (const name of ['c.example', 'a.example', 'b.example'])
        await store.commitWork({ domain: name, certificate: certificate(), servers: [mx1], now });
      expect((await store.work(mx1, 2)).map(work => work.domain)).toEqual(['a.example', 'b.example']);
      expect((await store.work(mx1, 10)).map(work => work.domain)).toEqual(['a.example', 'b.example', 'c.example']);
    });

    test('goes away when it was seen served', async () => {
      await worked();
      expect(await store.installed(mx1, domain)).toBeUndefined();
      await store.recordInstalled(mx1, { domain, v: now }, seen);
      expect(await store.installed(mx1, domain)).toMatchObject(seen);
      expect(await store.work(mx1, 10)).toEqual([]);
    });

    test('stays when it changed after the delivery was assembled; what is served is on record nevertheless', async () => {
      await worked(now + 1);
      await store.recordInstalled(mx1, { domain, v: now }, seen);
      expect(await store.installed(mx1, domain)).toMatchObject(seen);
      await store.recordRefused(mx1, { domain, v: now }, now + minute, 'CertificateUnusable: x');
      expect(await store.work(mx1, 10)).toEqual([{ domain, certificate: certificate(), v: now + 1 }]);
      await store.recordRemoved(mx1, { domain, v: now });
      expect(await store.work(mx1, 10)).toHaveLength(1);
      expect(await store.installed(mx1, domain)).toBeUndefined();
    });

    test('waits with its reason when the server refused it, until it changes', async () => {
      await worked();
      await store.recordRefused(mx1, { domain, v: now }, now + minute, 'CertificateUnusable: x');
      expect(await store.work(mx1, 10)).toMatchObject([{ notBefore: now + minute, reason: 'CertificateUnusable: x' }]);
      await store.commitWork({ domain, certificate: certificate(), servers: [mx1], now: now + 1 });
      expect(await store.work(mx1, 10)).toEqual([{ domain, certificate: certificate(), v: now + 1 }]);
    });

    test('that is gone is not made again by a late refusal', async () => {
      await register(mx1);
      await store.recordRefused(mx1, { domain, v: now }, now + minute, 'CertificateUnusable: x');
      expect(await store.work(mx1, 10)).toEqual([]);
    });
  });

  describe(`the release of a server, in ${name}`, () => {
    test('ends the claim', async () => {
      const me = await woken();
      expect(await store.releaseServer(mx1, me, 1, now + minute)).toBe(true);
      const record = await store.readServer(mx1);
      expect(record).toMatchObject({ done: 1, dueAt: now + minute });
      expect(record).not.toHaveProperty('owner');
    });

    test('is lost when work came meanwhile: the claim stays', async () => {
      const me = await woken();
      await store.commitWork({ domain, certificate: certificate(), servers: [mx1], now });
      expect(await store.releaseServer(mx1, me, 1, undefined)).toBe(false);
      expect(await store.readServer(mx1)).toMatchObject({ owner: me, wanted: 2, done: 0 });
    });

    test('is lost for one that is not its owner', async () => {
      const me = await woken();
      expect(await store.releaseServer(mx1, 'another', 1, undefined)).toBe(false);
      expect(await store.readServer(mx1)).toMatchObject({ owner: me });
    });
  });

  describe(`a token, in ${name}`, () => {
    test('is found by the delivery, and a later one takes its place', async () => {
      expect(await store.token('d'.repeat(64))).toBeUndefined();
      await store.putToken('d'.repeat(64), mx1, 'one');
      await store.putToken('d'.repeat(64), mx1, 'two');
      expect(await store.token('d'.repeat(64))).toEqual({ server: mx1, token: 'two' });
    });
  });

  describe(`what is due, in ${name}`, () => {
    test('comes from every shard, the longest due first, no more than asked for', async () => {
      const domains = Array.from({ length: 40 }, (_, i) => `d${i}.example`);
      for (const [i, name] of domains.entries()) {
        await store.acceptWish(wish({ domain: name }), now);
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

    test('is a domain whose execution died, when its lease ends', async () => {
      await claimed();
      expect(await store.due(now + LEASE_MS - 1, 10)).toEqual([]);
      expect(await store.due(now + LEASE_MS, 10)).toEqual([{ kind: 'domain', name: domain, dueAt: now + LEASE_MS }]);
    });
  });

  describe(`an issuer, in ${name}`, () => {
    test("keeps each directory's account", async () => {
      expect(await store.account('https://ca.example/dir')).toBeUndefined();
      await store.recordAccount('https://ca.example/dir', { accountUrl: 'https://ca.example/a/1' });
      await store.recordAccount('https://ca.example/dir', { accountUrl: 'https://ca.example/a/2' });
      expect(await store.account('https://ca.example/dir')).toMatchObject({ accountUrl: 'https://ca.example/a/2' });
      expect(await store.account('https://other.example/dir')).toBeUndefined();
    });

    const reserve = (at: number) => store.reserveOrder('ca', 10_000, 30_000, at);

    test('gives a burst of orders, then one each interval', async () => {
      expect([await reserve(now), await reserve(now), await reserve(now)]).toEqual([now, now, now]);
      expect(await reserve(now)).toBeUndefined();
      expect(await reserve(now + 1)).toBe(now + 1);
      expect(await reserve(now + 10_000)).toBeUndefined();
      expect(await reserve(now + 10_001)).toBe(now + 10_001);
      expect(await reserve(now + 20_000)).toBeUndefined();
    });

    test('gives the whole burst again after a rest, and no more than that', async () => {
      await reserve(now);
      const later = now + 86_400_000;
      const all = [await reserve(later), await reserve(later), await reserve(later), await reserve(later)];
      expect(all).toEqual([later, later, later, undefined]);
    });

    test.each(['a budget that was never used', 'one that has rested'])(
      'gives as many of twenty at once as the burst holds, from %s',
      async which => {
        if (which !== 'a budget that was never used') await reserve(now - 86_400_000);
        const all = await Promise.all(Array.from({ length: 20 }, () => reserve(now)));
        expect(all.filter(at => at !== undefined)).toHaveLength(3);
      },
    );

    test('counts each budget for itself', async () => {
      for (let i = 0; i < 3; i++) await reserve(now);
      expect(await store.reserveOrder('another', 10_000, 30_000, now)).toBe(now);
    });
  });
}
