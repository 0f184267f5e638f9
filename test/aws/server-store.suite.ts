/** Each write for a server, with its condition (docs/protocol.md). */
import { beforeEach, describe, expect, test } from 'vitest';
import { LEASE_MS, WAKE_MS, type Store } from '../../core/ports/store.ts';
import { afterLease, certificate, domain, minute, mx1, mx2, now, stage } from './store.stage.ts';

const claimLost = expect.objectContaining({ name: 'ClaimLost' });
const delivery = (seq: number, hash = 'd'.repeat(64)) => ({ hash, seq, mode: 'install' as const });
const node = 'mi-0123456789abcdef0';
const seen = { domain, certificate: 'c'.repeat(64), fingerprint: 'f'.repeat(64), seenAt: now, node };

/** @param make a store with nothing in it */
export function describeServerStore(name: string, make: () => Promise<Store>): void {
  let store: Store;

  beforeEach(async () => {
    store = await make();
  });
  const { register, woken, worked } = stage(() => store);

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
      const record = await store.readServer(mx1);
      expect(record).toMatchObject({ held: 'it is broken', failures: 1, wanted: 2 });
      // Whatever was given to it: no sweep finds it again and again.
      expect(record).not.toHaveProperty('dueAt');
      expect(await store.due(afterLease, 10)).toEqual([]);
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

    test('that is audited before its time is due soon, and counts as something to do', async () => {
      const me = await woken();
      await store.releaseServer(mx1, me, 1, undefined);
      expect(await store.askAudit(mx1, now + 5, now + 5)).toBe(true);
      expect(await store.readServer(mx1)).toMatchObject({ auditAsked: now + 5, wanted: 2, dueAt: now + 5 + WAKE_MS });
      expect(await store.askAudit(mx2, now, now)).toBe(false);
      expect(await store.readServer(mx2)).toBeUndefined();
    });

    test('has what an audit came to, forgets what is so no more, and all of it when it is registered anew', async () => {
      const me = await woken();
      await store.askAudit(mx1, now, now);
      await store.startDelivery(mx1, me, delivery(2));
      const audit = { at: now, oldest: now, endpoints: 412, dead: { '443': 2 } };
      await store.endDelivery(mx1, me, delivery(2).hash, { audit, capability: { ports: ['25'] } }, ['auditAsked']);
      expect(await store.readServer(mx1)).toMatchObject({ audit, capability: { ports: ['25'] } });
      expect(await store.readServer(mx1)).not.toHaveProperty('auditAsked');
      await store.startDelivery(mx1, me, delivery(3));
      await store.endDelivery(mx1, me, delivery(3).hash, { auditAsked: now }, ['capability']);
      expect(await store.readServer(mx1)).not.toHaveProperty('capability');
      await store.registerServer(
        { server: mx1, node: 'i-0123456789abcdef0', roleId: 'AROAOTHER', adopt: false },
        now + 1,
        now,
      );
      for (const gone of ['audit', 'auditAsked']) expect(await store.readServer(mx1)).not.toHaveProperty(gone);
    });

    test('may be looked at from outside: begun once, written by one at a time, and forgotten', async () => {
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

    test('of a rebuilt server frees it at once and forgets what was found, but never its sequence', async () => {
      const me = await woken();
      await store.startDelivery(mx1, me, delivery(2));
      await store.endDelivery(mx1, me, delivery(2).hash, { capability: { postfix: ['3.7'] }, held: 'it is broken' });
      await store.startDelivery(mx1, me, delivery(3));
      await store.registerServer(
        { server: mx1, node: 'i-0123456789abcdef0', roleId: 'AROAOTHER', adopt: false },
        now + 1,
        now,
      );
      const record = await store.readServer(mx1);
      expect(record).toMatchObject({ node: 'i-0123456789abcdef0', roleId: 'AROAOTHER', adopt: false, seq: 3 });
      for (const gone of ['capability', 'delivery', 'held']) expect(record).not.toHaveProperty(gone);
      expect(await store.wakeServer(mx1, now)).toBeDefined();
      await expect(store.renewServer(mx1, me, now)).rejects.toEqual(claimLost);
    });
  });

  describe(`a registration that was said before, in ${name}`, () => {
    const rebuilt = { server: mx1, node: 'i-0123456789abcdef0', roleId: 'AROAOTHER', adopt: false };

    test.each([
      ['the same one again', now],
      ['an earlier one that comes late', now - 1],
    ])('changes nothing: %s', async (_, at) => {
      await register(mx1);
      const before = await store.readServer(mx1);
      expect(await store.registerServer(rebuilt, at, now + 1)).toBe(false);
      expect(await store.readServer(mx1)).toEqual(before);
    });

    test('gives way to a later one', async () => {
      await register(mx1);
      expect(await store.registerServer(rebuilt, now + 1, now)).toBe(true);
      expect(await store.readServer(mx1)).toMatchObject({ node: rebuilt.node, registeredAt: now + 1, wanted: 2 });
    });

    test('says whether it serves by name, and the next one says it anew', async () => {
      await store.registerServer({ ...rebuilt, servesByName: false }, now, now);
      expect(await store.readServer(mx1)).toMatchObject({ servesByName: false });
      await store.registerServer(rebuilt, now + 1, now);
      expect(await store.readServer(mx1)).not.toHaveProperty('servesByName');
    });

    test('says its platform where that is not Linux, and the next one says it anew', async () => {
      await store.registerServer({ ...rebuilt, platform: 'Windows', servesByName: false }, now, now);
      expect(await store.readServer(mx1)).toMatchObject({ platform: 'Windows', servesByName: false });
      await store.registerServer({ ...rebuilt, platform: 'Windows' }, now + 1, now);
      expect(await store.readServer(mx1)).not.toHaveProperty('servesByName');
      expect(await store.readServer(mx1)).toMatchObject({ platform: 'Windows' });
      await store.registerServer(rebuilt, now + 2, now);
      expect(await store.readServer(mx1)).not.toHaveProperty('platform');
    });

    test('has its own host name to be seen served anew', async () => {
      const me = await woken();
      await store.startDelivery(mx1, me, delivery(2));
      await store.endDelivery(mx1, me, delivery(2).hash, { hostSecuredAt: now });
      await store.registerServer(rebuilt, now + 1, now);
      expect(await store.readServer(mx1)).not.toHaveProperty('hostSecuredAt');
    });
  });

  describe(`a server that is retired, in ${name}`, () => {
    test('is as if nobody had registered it: it is not due, is not woken, and is given no work', async () => {
      await register(mx1);
      await store.retireServer(mx1, now + 1);
      expect(await store.readServer(mx1)).toBeUndefined();
      expect(await store.due(afterLease, 10)).toEqual([]);
      expect(await store.wakeServer(mx1, afterLease)).toBeUndefined();
      const work = { domain, certificate: certificate(), servers: [mx1], now };
      await expect(store.commitWork(work)).rejects.toMatchObject({ name: 'ServerNotRegistered' });
      expect(await store.work(mx1, 10)).toEqual([]);
    });

    test('is lost for the execution that has a delivery under way', async () => {
      const me = await woken();
      await store.startDelivery(mx1, me, delivery(2));
      await store.retireServer(mx1, now + 1);
      await expect(store.renewServer(mx1, me, now)).rejects.toEqual(claimLost);
      await expect(store.endDelivery(mx1, me, delivery(2).hash, {})).rejects.toEqual(claimLost);
    });

    test('comes back with its sequence, and nothing else of what was known', async () => {
      const me = await woken();
      await store.startDelivery(mx1, me, delivery(2));
      await store.endDelivery(mx1, me, delivery(2).hash, { capability: {}, hostSecuredAt: now, held: 'it is broken' });
      await store.retireServer(mx1, now + 1);
      await store.registerServer({ server: mx1, node: 'i-0abc1234', roleId: 'AROAOTHER', adopt: false }, now + 2, now);
      const record = await store.readServer(mx1);
      expect(record).toMatchObject({ node: 'i-0abc1234', seq: 2, registeredAt: now + 2 });
      for (const gone of ['capability', 'hostSecuredAt', 'held', 'delivery', 'owner', 'retiredAt'])
        expect(record).not.toHaveProperty(gone);
      expect(await store.wakeServer(mx1, now)).toBeDefined();
    });

    const again = (at: number) =>
      store.registerServer({ server: mx1, node: 'i-0abc1234', roleId: 'AROAOTHER', adopt: false }, at, now);

    test.each([
      ['was said later', now + 1, true],
      ['was said in the same second', now, true],
      ['was said before, and comes late', now - 1, false],
    ])('is registered by a word that %s: %s', async (_, at, isRegistered) => {
      // Nobody registered it before: the words came in the wrong order.
      await store.retireServer(mx1, now);
      expect(await again(at)).toBe(isRegistered);
      expect((await store.readServer(mx1)) !== undefined).toBe(isRegistered);
    });

    test.each([now, now - 1])('stays registered where that was said last', async at => {
      await register(mx1);
      await store.retireServer(mx1, at);
      expect(await store.readServer(mx1)).toBeDefined();
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

  describe(`the end of a delivery, in ${name}`, () => {
    test('goes on from the number that the host knows, and forgets the token', async () => {
      const me = await woken();
      await store.startDelivery(mx1, me, delivery(2));
      await store.putToken(delivery(2).hash, mx1, 'token');
      await store.endDelivery(mx1, me, delivery(2).hash, { seq: 40 });
      expect(await store.token(delivery(2).hash)).toBeUndefined();
      expect(await store.readServer(mx1)).toMatchObject({ seq: 40 });
      await store.startDelivery(mx1, me, delivery(41));
    });

    test('leaves the token where another execution has it', async () => {
      const me = await woken();
      await store.startDelivery(mx1, me, delivery(2));
      await store.putToken(delivery(2).hash, mx1, 'token');
      await expect(store.endDelivery(mx1, 'another', delivery(2).hash, {})).rejects.toEqual(claimLost);
      expect(await store.token(delivery(2).hash)).toMatchObject({ token: 'token' });
    });
  });

  describe(`work that is given again, in ${name}`, () => {
    const other = 'mi-0fedcba9876543210';
    const again = (works: Parameters<Store['giveAgain']>[2], by = node) => store.giveAgain(mx1, by, works, now + 1);
    const one = { domain, certificate: certificate() };

    test('stands in place of what was seen there, for this node, and the server is due', async () => {
      await worked();
      expect(
        await again([
          { ...one, over: now },
          { ...one, domain: 'other.example', host: true },
        ]),
      ).toBe(true);
      expect(await store.work(mx1, 10)).toEqual([
        { ...one, v: now + 1, node },
        { ...one, domain: 'other.example', host: true, v: now + 1, node },
      ]);
      expect(await store.readServer(mx1)).toMatchObject({ wanted: 3, dueAt: now + 1 + minute });
    });

    test('is not taken away by an answer to what was there before', async () => {
      await worked();
      await again([{ ...one, over: now }]);
      await store.recordInstalled(mx1, { domain, v: now }, seen);
      expect(await store.workFor(mx1, domain)).toMatchObject({ v: now + 1 });
    });

    test('leaves alone what came meanwhile', async () => {
      await worked();
      expect(
        await again([
          { ...one, over: now - 1 },
          { ...one, domain: 'other.example' },
        ]),
      ).toBe(true);
      expect(await again([{ ...one, domain: 'other.example' }])).toBe(true);
      expect(await store.work(mx1, 10)).toMatchObject([{ v: now }, { domain: 'other.example', v: now + 1 }]);
    });

    test('is nothing where another node has the name by now', async () => {
      await register(mx1);
      expect(await again([one], other)).toBe(false);
      expect(await store.work(mx1, 10)).toEqual([]);
    });

    test('may be more than a transaction takes', async () => {
      await register(mx1);
      const works = Array.from({ length: 250 }, (_, i) => ({ ...one, domain: `d${i}.example` }));
      expect(await again(works)).toBe(true);
      expect(await store.work(mx1, 1_000)).toHaveLength(250);
    });
  });

  describe(`what is installed, in ${name}`, () => {
    test('is all that was seen served on that server, and on no other', async () => {
      await register(mx1);
      expect(await store.allInstalled(mx1)).toEqual([]);
      const all = ['a.example', 'b.example'].map(name => ({ ...seen, domain: name }));
      for (const one of all) await store.recordInstalled(mx1, { domain: one.domain, v: now }, one);
      await store.recordInstalled(mx2, { domain, v: now }, seen);
      expect(await store.allInstalled(mx1)).toEqual(all);
    });

    test('is forgotten when the node that served it has removed it, and not when another one has', async () => {
      await register(mx1);
      await store.recordInstalled(mx1, { domain, v: now }, seen);
      await store.recordRemoved(mx1, { domain, v: now }, 'mi-0fedcba9876543210');
      expect(await store.installed(mx1, domain)).toMatchObject({ node });
      await store.recordRemoved(mx1, { domain, v: now }, node);
      expect(await store.installed(mx1, domain)).toBeUndefined();
    });
  });

  describe(`work, in ${name}`, () => {
    test('comes in the order of the domains, so many as were asked for', async () => {
      await register(mx1);
      for (const name of ['c.example', 'a.example', 'b.example'])
        await store.commitWork({ domain: name, certificate: certificate(), servers: [mx1], now });
      expect((await store.work(mx1, 2)).map(work => work.domain)).toEqual(['a.example', 'b.example']);
      expect((await store.work(mx1, 10)).map(work => work.domain)).toEqual(['a.example', 'b.example', 'c.example']);
      expect((await store.work(mx1, 1, 'a.example')).map(work => work.domain)).toEqual(['b.example']);
      expect(await store.work(mx1, 10, 'c.example')).toEqual([]);
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

    test('is calm no more when the server refused it: it goes along with nothing before its time', async () => {
      await register(mx1);
      await store.acceptWish({ domain, mailServers: [mx1], policy: 'wildcard' }, { at: now }, now);
      await store.claimDomain(domain, 'first', now);
      await store.commitCertificate({
        ...{ domain, me: 'first', seen: 1, certificate: certificate(), servers: [mx1], now },
        calm: { [mx1]: now + 2 * minute },
      });
      await store.recordRefused(mx1, { domain, v: now }, now + minute, 'CertificateUnusable: x');
      const [work] = await store.work(mx1, 10);
      expect(work).toMatchObject({ notBefore: now + minute });
      expect(work).not.toHaveProperty('calm');
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

    test('counts one more failure, and a delivery that is over may end the count', async () => {
      const me = await woken();
      expect(await store.releaseServer(mx1, me, 1, now, 3)).toBe(true);
      expect(await store.readServer(mx1)).toMatchObject({ failures: 3, dueAt: now });
      const next = (await store.wakeServer(mx1, now))!;
      await store.startDelivery(mx1, next, delivery(3));
      await store.endDelivery(mx1, next, delivery(3).hash, { failures: 0 });
      expect(await store.releaseServer(mx1, next, 1, undefined)).toBe(true);
      expect(await store.readServer(mx1)).toMatchObject({ failures: 0 });
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
}
