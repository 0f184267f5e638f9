/** Each write for a domain, with its condition (docs/protocol.md). */
import { beforeEach, describe, expect, test } from 'vitest';
import { LEASE_MS, WAKE_MS, type Store } from '../../core/ports/store.ts';
import { afterLease, certificate, deletion, domain, minute, mx1, mx2, now, stage, wish } from './store.stage.ts';

const claimLost = expect.objectContaining({ name: 'ClaimLost' });

/** @param make a store with nothing in it */
export function describeDomainStore(name: string, make: () => Promise<Store>): void {
  let store: Store;

  beforeEach(async () => {
    store = await make();
  });
  const { register, claimed, commit } = stage(() => store);

  describe(`a wish, in ${name}`, () => {
    test('is on record once it is accepted', async () => {
      expect(await store.readDomain(domain)).toBeUndefined();
      expect(await store.acceptWish(wish(), { at: now }, now)).toBe(true);
      expect(await store.readDomain(domain)).toMatchObject({ domain, spec: wish(), specAt: now, wanted: 1, done: 0 });
    });

    test('comes to the sweep where nobody lived to claim it, one for a domain that was released long ago too', async () => {
      await claimed();
      await store.releaseDomain(domain, 'first', 1, now + 60 * 86_400_000, now);
      await store.acceptWish(wish({ mailServers: [mx2] }), { at: now + 1 }, now);
      expect(await store.due(now + WAKE_MS, 10)).toMatchObject([{ kind: 'domain', name: domain }]);
    });

    test.each([
      ['the same one again', wish(), now],
      ['an older one', wish({ mailServers: [mx2] }), now - 1],
    ])('is kept when %s comes', async (_, other, at) => {
      await store.acceptWish(wish(), { at: now }, now);
      expect(await store.acceptWish(other, { at: at }, now)).toBe(false);
      expect(await store.readDomain(domain)).toMatchObject({ spec: wish(), specAt: now, wanted: 1 });
    });

    test.each([
      ['a later one', now + 1],
      // EventBridge's times are whole seconds.
      ['another one of the same second', now],
    ])('gives way to %s, members that are left out included', async (_, at) => {
      await store.acceptWish(wish({ webmailServer: mx2 }), { at: now }, now);
      expect(await store.acceptWish(wish({ mailServers: [mx2] }), { at: at }, now)).toBe(true);
      const record = await store.readDomain(domain);
      expect(record).toMatchObject({ specAt: at, wanted: 2 });
      expect(record!.spec).toEqual(wish({ mailServers: [mx2] }));
    });
  });

  describe(`the version of a wish, in ${name}`, () => {
    test.each([
      ['higher than that of the wish on record, however early it was said', 7, -minute, true],
      ['the same', 6, minute, false],
      ['lower, however late it was said', 5, minute, false],
      ['there for the first time, and the wish is later', undefined, minute, true],
      ['there for the first time, and the wish is earlier', undefined, -minute, false],
    ])('decides when it is %s', async (_, version, later, isAccepted) => {
      // Without a version, the wish on record is the one that has none.
      await store.acceptWish(wish(), { at: now, ...(version !== undefined && { version: 6 }) }, now);
      const other = wish({ mailServers: [mx2] });
      expect(await store.acceptWish(other, { at: now + later, version: version ?? 1 }, now)).toBe(isAccepted);
      expect((await store.readDomain(domain))!.spec).toEqual(isAccepted ? other : wish());
    });

    test('is forgotten when a later wish comes without one', async () => {
      await store.acceptWish(wish(), { at: now, version: 6 }, now);
      expect(await store.acceptWish(wish({ mailServers: [mx2] }), { at: now - 1 }, now)).toBe(false);
      expect(await store.acceptWish(wish({ mailServers: [mx2] }), { at: now + 1 }, now)).toBe(true);
      expect(await store.readDomain(domain)).not.toHaveProperty('specVersion');
      expect(await store.acceptWish(wish(), { at: now + 2, version: 1 }, now)).toBe(true);
    });
  });

  describe(`a deletion, in ${name}`, () => {
    test('takes the place of the wish, with the time at which it came, and can be claimed', async () => {
      await store.acceptWish(wish(), { at: now }, now);
      expect(await store.acceptWish(deletion(), { at: now + 1 }, now + minute)).toBe(true);
      const record = await store.claimDomain(domain, 'first', now + minute);
      expect(record).toMatchObject({ spec: deletion(), deletedAt: now + minute, wanted: 2, servers: [mx1] });
    });

    test('keeps out an older wish that comes late, one for a domain that nobody wished before too', async () => {
      expect(await store.acceptWish(deletion(), { at: now }, now)).toBe(true);
      expect(await store.acceptWish(wish(), { at: now - 1 }, now)).toBe(false);
      expect(await store.readDomain(domain)).toMatchObject({ spec: deletion(), deletedAt: now });
    });

    test('gives way to a later wish', async () => {
      await store.acceptWish(deletion(), { at: now }, now);
      expect(await store.acceptWish(wish(), { at: now + 1 }, now)).toBe(true);
      const record = await store.readDomain(domain);
      expect(record).toMatchObject({ spec: wish() });
      expect(record).not.toHaveProperty('deletedAt');
    });
  });

  describe(`the servers of a domain, in ${name}`, () => {
    test('are all that a wish has ever named', async () => {
      await store.acceptWish(wish({ webmailServer: mx2 }), { at: now }, now);
      await store.acceptWish(wish({ mailServers: ['mx3.provider.example'] }), { at: now + 1, version: 1 }, now);
      expect((await store.readDomain(domain))!.servers).toEqual([mx1, mx2, 'mx3.provider.example']);
      expect((await store.claimDomain(domain, 'first', now))!.servers).toHaveLength(3);
    });

    const remove = (servers: string[], wanted = 1) => store.commitRemoval({ domain, wanted, servers, now: now + 1 });

    test('are given work to remove it, in place of what else waited there', async () => {
      await register(mx1, mx2);
      await claimed();
      await commit();
      expect(await remove([mx1, mx2])).toBe(true);
      for (const server of [mx1, mx2]) {
        expect(await store.work(server, 10)).toEqual([{ domain, certificate: 'REMOVE', v: now + 1 }]);
        expect(await store.workFor(server, domain)).toEqual({ domain, certificate: 'REMOVE', v: now + 1 });
        expect(await store.readServer(server)).toMatchObject({ done: 0, dueAt: now + 1 + WAKE_MS });
      }
    });

    test.each([
      ['the wish has changed since', () => store.acceptWish(wish({ mailServers: [mx2] }), { at: now + 1 }, now), [mx1]],
      ['one of them is not registered', () => Promise.resolve(), [mx1, mx2]],
    ])('are given none when %s', async (_, meanwhile, servers) => {
      await register(mx1);
      await claimed();
      await meanwhile();
      expect(await remove(servers)).toBe(false);
      expect(await store.workFor(mx1, domain)).toBeUndefined();
      expect(await store.readServer(mx1)).toMatchObject({ wanted: 1 });
    });

    test('may be more than fit into one transaction', async () => {
      const servers = Array.from({ length: 95 }, (_, i) => `mx${i}.provider.example`);
      await register(...servers);
      await claimed();
      expect(await remove(servers)).toBe(true);
      expect((await Promise.all(servers.map(server => store.work(server, 10)))).flat()).toHaveLength(95);
    });
  });

  describe(`the end of a domain, in ${name}`, () => {
    test('leaves nothing of it', async () => {
      await claimed();
      expect(await store.forgetDomain(domain, 'first', 1)).toBe(true);
      expect(await store.readDomain(domain)).toBeUndefined();
      expect(await store.due(now + 86_400_000, 10)).toEqual([]);
    });

    test.each([
      ['a wish came meanwhile', 'first', () => store.acceptWish(wish({ mailServers: [mx2] }), { at: now + 1 }, now)],
      ['another execution tries it', 'second', () => Promise.resolve()],
    ])('does not come when %s', async (_, me, meanwhile) => {
      await claimed();
      await meanwhile();
      expect(await store.forgetDomain(domain, me, 1)).toBe(false);
      expect(await store.readDomain(domain)).toMatchObject({ owner: 'first' });
    });
  });

  describe(`a domain that is to be looked at again, in ${name}`, () => {
    test('is due now', async () => {
      await claimed();
      await store.releaseDomain(domain, 'first', 1, now + 86_400_000, now);
      await store.lookAgain(domain, now + 5);
      expect(await store.due(now + 5, 10)).toEqual([{ kind: 'domain', name: domain, dueAt: now + 5 }]);
      expect(await store.claimDomain(domain, 'second', now + 5)).toMatchObject({ owner: 'second' });
    });

    test('stays with whoever is at work for it, who finds at the end that it has changed', async () => {
      await claimed();
      await store.lookAgain(domain, now + 5);
      expect(await store.readDomain(domain)).toMatchObject({ owner: 'first', dueAt: now + LEASE_MS });
      expect(await store.releaseDomain(domain, 'first', 1, now + 86_400_000, now + 6)).toBe(false);
      expect(await store.readDomain(domain)).toMatchObject({ dueAt: now + 6 });
    });

    test('is not made by that where nobody wished it', async () => {
      await store.lookAgain(domain, now);
      expect(await store.readDomain(domain)).toBeUndefined();
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
      await expect(store.recordOrder(domain, 'first', { url: 'u', planned: [], issuer: 'ca' })).rejects.toEqual(
        claimLost,
      );
      await expect(store.recordPublished(domain, 'first', [])).rejects.toEqual(claimLost);
      await expect(store.releaseDomain(domain, 'first', 1, now, now)).rejects.toEqual(claimLost);
    });

    test('is one, however many come at once', async () => {
      await store.acceptWish(wish(), { at: now }, now);
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
      await store.acceptWish(wish({ mailServers: [mx2] }), { at: now + 1 }, now);
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
    const order = (url: string) => ({ url, planned: [domain], issuer: 'ca' });

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
    test('never puts what a staging issuer gave in the place of a certificate that is trusted', async () => {
      await register(mx1);
      await claimed();
      const trial = certificate({ id: 'd'.repeat(64), staging: true });
      expect(await commit({ certificate: trial })).toBe(true);
      expect(await commit({ certificate: { ...trial, id: 'e'.repeat(64) } })).toBe(true);
      expect(await commit()).toBe(true);
      const work = await store.work(mx1, 10);
      expect(await commit({ certificate: trial })).toBe(false);
      expect((await store.readDomain(domain))!.current).toEqual(certificate());
      expect(await store.work(mx1, 10)).toEqual(work);
    });

    test('makes it current, ends the order, and gives every server work', async () => {
      await register(mx1, mx2);
      await claimed();
      await store.recordOrder(domain, 'first', { url: 'one', planned: [domain], issuer: 'ca' });
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
      [
        'the wish has changed since',
        () => store.acceptWish(wish({ names: ['@'], policy: 'list' }), { at: now + 1 }, now),
        {},
      ],
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

    test('gives calm work that waits for its moment, and makes no earlier time of its server later', async () => {
      await register(mx1, mx2);
      await claimed();
      const quiet = now + 600 * minute;
      const mx3 = 'mx3.provider.example';
      // Released: nothing is due at one, and at the other something later.
      const others = { [mx2]: undefined, [mx3]: quiet + minute };
      await register(mx3);
      for (const [server, dueAt] of Object.entries(others)) {
        const me = (await store.wakeServer(server, now))!;
        await store.releaseServer(server, me, 1, dueAt);
      }
      await commit({ servers: [mx1, mx2, mx3], calm: { [mx1]: quiet, [mx2]: quiet, [mx3]: quiet } });
      for (const server of [mx1, mx2, mx3]) {
        expect(await store.work(server, 10)).toEqual([
          { domain, certificate: certificate(), v: now, calm: true, notBefore: quiet },
        ]);
        expect((await store.readServer(server))!.wanted).toBe(2);
      }
      expect((await store.readServer(mx1))!.dueAt).toBe(now + minute);
      for (const server of [mx2, mx3]) expect((await store.readServer(server))!.dueAt).toBe(quiet);
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

  describe(`a wish that is said again, in ${name}`, () => {
    const again = (at: number, more = {}, version?: number) =>
      store.acceptWish(wish(more), { at, ...(version !== undefined && { version }) }, now);

    test('is no other wish while an execution is at work for it: only its time moves', async () => {
      await claimed();
      expect(await again(now + 5)).toBe(true);
      expect(await store.readDomain(domain)).toMatchObject({ wanted: 1, specAt: now + 5 });
      expect(await again(now + 4, { mailServers: [mx2] })).toBe(false);
      expect(await store.releaseDomain(domain, 'first', 1, now + minute, now)).toBe(true);
    });

    test('is another one where its content differs, or nobody is at work', async () => {
      await claimed();
      await again(now + 5, { mailServers: [mx2] });
      expect(await store.readDomain(domain)).toMatchObject({ wanted: 2 });
      await again(now + 6);
      expect(await store.readDomain(domain)).toMatchObject({ wanted: 3 });
      await store.releaseDomain(domain, 'first', 3, now + minute, now);
      await again(now + 7);
      expect(await store.readDomain(domain)).toMatchObject({ wanted: 4, specAt: now + 7 });
    });

    test('is another one where who was at work is dead', async () => {
      await claimed();
      expect(await store.acceptWish(wish(), { at: afterLease }, afterLease)).toBe(true);
      expect(await store.readDomain(domain)).toMatchObject({ wanted: 2 });
    });

    test('moves the version too', async () => {
      await again(now, {}, 3);
      await store.claimDomain(domain, 'first', now);
      expect(await again(now, {}, 3)).toBe(false);
      expect(await again(now, {}, 4)).toBe(true);
      expect(await store.readDomain(domain)).toMatchObject({ wanted: 1, specVersion: 4 });
    });
  });

  describe(`a place in the budget, in ${name}`, () => {
    test('is kept until the order is on record, and that of a narrow limit until the certificate is', async () => {
      const reserved = { ca: { set: 'one', places: { exactSet: now, account: now + minute } } };
      const left = { ca: { set: 'one', places: { exactSet: now } } };
      await register(mx1);
      await claimed();
      await store.recordReservation(domain, 'first', reserved);
      await store.parkDomain(
        domain,
        'first',
        { reason: 'BudgetSpent', message: '', since: now, nextTry: now, tries: 0 },
        [],
      );
      expect(await store.claimDomain(domain, 'second', now)).toMatchObject({ reserved });
      await expect(store.recordReservation(domain, 'first', reserved)).rejects.toEqual(claimLost);
      const order = { url: 'https://ca.example/order/1', planned: [domain], issuer: 'ca' };
      await store.recordOrder(domain, 'second', order, left);
      expect((await store.readDomain(domain))!.reserved).toEqual(left);
      await store.recordOrder(domain, 'second', order);
      expect(await store.readDomain(domain)).not.toHaveProperty('reserved');
      await store.recordReservation(domain, 'second', left);
      expect(await commit({ me: 'second' })).toBe(true);
      expect(await store.readDomain(domain)).not.toHaveProperty('reserved');
    });
  });

  describe(`a domain that has left, in ${name}`, () => {
    const retired = { at: now, message: 'gone' };

    test.each([
      ['never', undefined],
      ['once more', now + minute],
    ])("is due %s, and nobody's", async (_, dueAt) => {
      await claimed();
      await store.parkDomain(
        domain,
        'first',
        { reason: 'DomainNotManaged', message: 'm', since: now, nextTry: now, tries: 9 },
        [],
      );
      await store.claimDomain(domain, 'first', now);
      expect(await store.retireDomain(domain, 'first', retired, dueAt)).toBe(true);
      const record = (await store.readDomain(domain))!;
      expect(record).toMatchObject({ retired, done: 1 });
      expect(record.dueAt).toBe(dueAt);
      for (const gone of ['owner', 'leaseUntil', 'parked']) expect(record).not.toHaveProperty(gone);
      expect(await store.claimDomain(domain, 'second', now)).toBeUndefined();
    });

    test('comes back with the next word about it, and is not retired when that came meanwhile', async () => {
      await claimed();
      await store.lookAgain(domain, now);
      expect(await store.retireDomain(domain, 'first', retired, undefined)).toBe(false);
      await store.claimDomain(domain, 'first', now);
      expect(await store.retireDomain(domain, 'other', retired, undefined)).toBe(false);
      expect(await store.retireDomain(domain, 'first', retired, undefined)).toBe(true);
      await store.lookAgain(domain, now);
      expect(await store.claimDomain(domain, 'second', now)).toMatchObject({ retired, seen: 3, done: 2 });
      await store.releaseDomain(domain, 'second', 3, now + minute, now);
      expect(await store.readDomain(domain)).not.toHaveProperty('retired');
    });

    test('is not retired any more once it is parked again', async () => {
      await claimed();
      await store.retireDomain(domain, 'first', retired, undefined);
      await store.lookAgain(domain, now);
      await store.claimDomain(domain, 'second', now);
      await store.parkDomain(
        domain,
        'second',
        { reason: 'DomainNotManaged', message: 'm', since: now, nextTry: now, tries: 1 },
        [],
      );
      expect(await store.readDomain(domain)).not.toHaveProperty('retired');
    });
  });

  describe(`superseded certificates, in ${name}`, () => {
    test('are on record in their order, until all of them are gone', async () => {
      await register(mx1);
      await claimed();
      await commit();
      expect(await store.readDomain(domain)).not.toHaveProperty('superseded');
      for (const id of ['d', 'e'])
        await commit({ certificate: certificate({ id: id.repeat(64) }), supersedes: id === 'd' ? 'c' : 'd' });
      expect((await store.readDomain(domain))!.superseded).toEqual(['c', 'd']);
      await store.forgetSuperseded(domain, ['c']);
      expect((await store.readDomain(domain))!.superseded).toEqual(['c', 'd']);
      await store.forgetSuperseded(domain, ['c', 'd']);
      expect(await store.readDomain(domain)).not.toHaveProperty('superseded');
    });

    test('are joined by the current one when its domain is forgotten', async () => {
      await register(mx1);
      await claimed();
      await commit();
      await expect(store.dropCurrent(domain, 'other', 'c')).rejects.toEqual(claimLost);
      await store.dropCurrent(domain, 'first', 'c');
      expect(await store.readDomain(domain)).toMatchObject({ superseded: ['c'] });
      expect(await store.readDomain(domain)).not.toHaveProperty('current');
    });
  });

  describe(`the certificate of a domain in ACM, in ${name}`, () => {
    const arn = 'arn:aws:acm:us-east-1:000000000000:certificate/1';

    test('is on record, and leads to its domain, until it is forgotten', async () => {
      await claimed();
      const acm = { arn, certificate: 'c'.repeat(64) };
      await store.recordAcm(domain, 'first', acm);
      expect(await store.readDomain(domain)).toMatchObject({ acm });
      expect(await store.domainOfArn(arn)).toBe(domain);
      const trouble = { reason: 'ImportInUse' as const, message: 'in use', since: now, tries: 1 };
      await store.recordAcm(domain, 'first', { ...acm, begunAt: undefined, trouble, nextTry: now + minute });
      expect((await store.readDomain(domain))!.acm).toEqual({ ...acm, trouble, nextTry: now + minute });
      await store.forgetAcm(domain, 'first', arn);
      expect(await store.readDomain(domain)).not.toHaveProperty('acm');
      expect(await store.domainOfArn(arn)).toBeUndefined();
    });

    test("is nobody else's to record or to forget", async () => {
      await claimed();
      await store.recordAcm(domain, 'first', { arn });
      await expect(store.recordAcm(domain, 'other', {})).rejects.toEqual(claimLost);
      await expect(store.forgetAcm(domain, 'other', arn)).rejects.toEqual(claimLost);
      await expect(store.recordRevoked(domain, 'other', 'c')).rejects.toEqual(claimLost);
      expect(await store.readDomain(domain)).toMatchObject({ acm: { arn } });
      expect(await store.domainOfArn(arn)).toBe(domain);
    });

    test('is counted with the others, and each import by its month, with the quotas of then', async () => {
      expect(await store.acmUse(true)).toEqual({ certificates: 0, imports: {} });
      await claimed();
      await store.acceptWish(wish({ domain: 'other.example' }), { at: now }, now);
      await store.claimDomain('other.example', 'first', now);
      const other = arn.replace(/1$/, '2');
      await store.recordAcm(domain, 'first', { arn });
      await store.recordAcm(domain, 'first', { arn, certificate: 'c'.repeat(64) });
      await store.recordAcm('other.example', 'first', { arn: other });
      const quotas = { certificates: 10, importsAYear: 20 };
      for (const month of ['202611', '202612', '202612'])
        await store.countImport(month, { ...quotas, certificates: month === '202612' ? 10 : 9 });
      const imports = { 202611: 1, 202612: 2 };
      expect(await store.acmUse(true)).toEqual({ certificates: 2, imports, quotas });
      await store.forgetAcm('other.example', 'first', other);
      expect(await store.acmUse(true)).toEqual({ certificates: 1, imports, quotas });
      expect(await store.acmUse(false)).toEqual({ certificates: 0, imports, quotas });
    });

    test('and that it was revoked, are known of it', async () => {
      await claimed();
      await store.recordRevoked(domain, 'first', 'c'.repeat(64));
      expect(await store.readDomain(domain)).toMatchObject({ revoked: 'c'.repeat(64) });
    });
  });

  describe(`a domain that is served under a server, in ${name}`, () => {
    test('is so on record while somebody says it who has the claim', async () => {
      await claimed();
      await store.recordServedUnder(domain, 'first', [{ server: mx1, webmail: true }, { server: mx2 }]);
      expect(await store.readDomain(domain)).toMatchObject({
        servedUnder: [{ server: mx1, webmail: true }, { server: mx2 }],
      });
      await store.recordServedUnder(domain, 'first', []);
      expect(await store.readDomain(domain)).not.toHaveProperty('servedUnder');
      await expect(store.recordServedUnder(domain, 'second', [])).rejects.toEqual(claimLost);
    });

    test('is looked at again, and again, as long as it hangs on the server', async () => {
      await claimed();
      await store.releaseDomain(domain, 'first', 1, now + 86_400_000, now);
      await store.dependOn(domain, [mx1, mx2]);
      expect(await store.wakeDependents(mx1, now + 5, 10)).toEqual({ woken: 1, first: [domain] });
      expect(await store.readDomain(domain)).toMatchObject({ wanted: 2, dueAt: now + 5 });
      expect(await store.wakeDependents(mx1, now + 6, 0)).toEqual({ woken: 1, first: [] });
      await store.dependNoMore(domain, [mx1]);
      expect(await store.wakeDependents(mx1, now + 7, 10)).toEqual({ woken: 0, first: [] });
      expect(await store.wakeDependents(mx2, now + 8, 10)).toMatchObject({ woken: 1 });
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
      await store.acceptWish(wish({ mailServers: [mx1, mx2] }), { at: now + 1 }, now);
      await store.parkDomain(domain, 'first', parked(now + 86_400_000), []);
      expect(await store.readDomain(domain)).toMatchObject({ wanted: 2, done: 1 });
      expect(await store.due(now + 2, 10)).toMatchObject([{ kind: 'domain', name: domain }]);
    });

    test('is not parked by one that lost the claim', async () => {
      await claimed();
      await expect(store.parkDomain(domain, 'second', parked(now + minute), [])).rejects.toEqual(claimLost);
      expect(await store.readDomain(domain)).toMatchObject({ owner: 'first' });
    });

    test('does not wait for a server that was registered while it was on its way there', async () => {
      await claimed();
      await register(mx2);
      await store.parkDomain(domain, 'first', parked(now + 86_400_000), [mx2]);
      expect(await store.due(now + 2, 10)).toContainEqual(expect.objectContaining({ kind: 'domain', name: domain }));
    });

    test('is due at once where the registration came between its note and its park', async () => {
      await claimed();
      await store.parkDomain(domain, 'first', parked(now + minute), [mx2]);
      await store.claimDomain(domain, 'second', now + minute);
      expect(await store.wakeWaitingDomains(mx2, now + minute, 10)).toMatchObject({ woken: 1 });
      await store.parkDomain(domain, 'second', parked(now + 86_400_000), []);
      expect(await store.due(now + minute, 10)).toMatchObject([{ kind: 'domain', name: domain }]);
    });

    test('is woken with all the others, however many wait, and the first of them are named', async () => {
      const domains = Array.from({ length: 60 }, (_, i) => `d${String(i).padStart(2, '0')}.example`);
      for (const name of domains) {
        await store.acceptWish(wish({ domain: name, mailServers: [mx2] }), { at: now }, now);
        await store.claimDomain(name, 'first', now);
        await store.parkDomain(name, 'first', parked(now + 86_400_000), [mx2]);
      }
      expect(await store.wakeWaitingDomains(mx2, now + 5, 3)).toEqual({ woken: 60, first: domains.slice(0, 3) });
      expect((await store.due(now + 5, 100)).map(item => item.name).sort()).toEqual(domains);
      expect(await store.readDomain('d59.example')).toMatchObject({ wanted: 2, done: 1 });
    });

    test('is due at once when the server that it waits for is registered, and once only', async () => {
      await claimed();
      await store.parkDomain(domain, 'first', parked(now + 86_400_000), [mx2, mx1]);
      expect(await store.wakeWaitingDomains(mx2, now + 5, 10)).toEqual({ woken: 1, first: [domain] });
      expect(await store.readDomain(domain)).toMatchObject({ dueAt: now + 5 });
      expect(await store.claimDomain(domain, 'second', now + 5)).toMatchObject({ owner: 'second' });
      expect(await store.wakeWaitingDomains(mx2, now + 6, 10)).toEqual({ woken: 0, first: [] });
      // The other server is registered while somebody works on the domain: the lease's end stays its time.
      await store.wakeWaitingDomains(mx1, now + 6, 10);
      expect(await store.readDomain(domain)).toMatchObject({ dueAt: now + 5 + LEASE_MS });
    });
  });

  describe(`what others serve for a domain, in ${name}`, () => {
    const foreign = {
      ...{ fingerprint: 'e'.repeat(64), issuedBy: 'Another CA' },
      ...{ notAfter: now + 9, renewAt: now + 6, seenAt: now },
    };
    const known = async () => (await store.readDomain(domain))?.foreign;

    test('is on record with the wish that it was seen for, which is due soon', async () => {
      expect(await store.acceptWish(wish(), { at: now }, now, foreign)).toBe(true);
      expect(await store.readDomain(domain)).toMatchObject({ foreign, spec: wish(), wanted: 1, dueAt: now + WAKE_MS });
      expect(await store.claimDomain(domain, 'first', now)).toMatchObject({ foreign });
      expect(await store.renewDomain(domain, 'first', now)).toMatchObject({ foreign });
    });

    test.each([
      ['another wish', () => wish({ mailServers: [mx2] })],
      ['the same one, said again', () => wish()],
      ['its deletion', () => deletion()],
    ])('is forgotten by %s', async (_, next) => {
      await store.acceptWish(wish(), { at: now }, now, foreign);
      expect(await store.acceptWish(next(), { at: now + 1 }, now)).toBe(true);
      expect(await known()).toBeUndefined();
    });

    test('follows what was seen last', async () => {
      await store.acceptWish(wish(), { at: now }, now, foreign);
      await store.acceptWish(wish(), { at: now + 1 }, now, { ...foreign, issuedBy: 'A third CA' });
      expect(await known()).toMatchObject({ issuedBy: 'A third CA' });
    });

    test('is not written with a wish that comes too late', async () => {
      await store.acceptWish(wish({ mailServers: [mx2] }), { at: now + 1 }, now);
      expect(await store.acceptWish(wish(), { at: now }, now, foreign)).toBe(false);
      expect(await store.readDomain(domain)).toMatchObject({ spec: { mailServers: [mx2] }, wanted: 1 });
      expect(await known()).toBeUndefined();
    });

    test('stays while an execution is at work for the very wish that is said again', async () => {
      await store.acceptWish(wish(), { at: now }, now, foreign);
      await store.claimDomain(domain, 'first', now);
      expect(await store.acceptWish(wish(), { at: now + 1 }, now)).toBe(true);
      expect(await known()).toEqual(foreign);
    });

    test('comes back with a domain whose deletion stands', async () => {
      await store.acceptWish(deletion(), { at: now }, now);
      await store.acceptWish(wish(), { at: now + 1 }, now, foreign);
      const record = await store.readDomain(domain);
      expect(record).toMatchObject({ foreign, spec: wish() });
      expect(record).not.toHaveProperty('deletedAt');
    });
  });

  describe(`what is provided for a domain, in ${name}`, () => {
    const mail = { ...certificate({ id: 'b'.repeat(64) }), told: 30 };

    test('is on record, and the domain is looked at again', async () => {
      expect(await store.provide(domain, { mail }, undefined, now)).toBe(false);
      await claimed();
      await store.releaseDomain(domain, 'first', 1, now + minute, now);
      expect(await store.provide(domain, { mail }, undefined, now)).toBe(true);
      expect(await store.readDomain(domain)).toMatchObject({ provided: { mail }, wanted: 2, dueAt: now });
    });

    test('is changed only as it was read, and withdrawn', async () => {
      await claimed();
      await store.provide(domain, { mail }, undefined, now);
      expect(await store.provide(domain, { webmail: mail }, undefined, now)).toBe(false);
      expect(await store.provide(domain, { mail, webmail: mail }, { mail }, now)).toBe(true);
      expect(await store.provide(domain, undefined, { mail, webmail: mail }, now)).toBe(true);
      const record = await store.readDomain(domain);
      expect(record).not.toHaveProperty('provided');
      expect(record).toMatchObject({ wanted: 4, owner: 'first' });
    });

    test('is known by its id until that is forgotten, whatever is provided meanwhile', async () => {
      const [bought, next] = ['b', 'd'].map(letter => letter.repeat(64)) as [string, string];
      const webmail = { ...mail, id: next };
      await claimed();
      await store.provide(domain, { mail, webmail: mail }, undefined, now);
      await store.provide(domain, { webmail }, { mail, webmail: mail }, now);
      expect((await store.readDomain(domain))!.elsewhere).toEqual([bought, next]);
      await store.provide(domain, undefined, { webmail }, now);
      await store.forgetElsewhere(domain, [bought]);
      expect((await store.readDomain(domain))!.elsewhere).toEqual([next]);
      await store.acceptWish(deletion(), { at: now + 1 }, now);
      expect((await store.readDomain(domain))!.elsewhere).toEqual([next]);
      await store.forgetElsewhere(domain, [next]);
      expect(await store.readDomain(domain)).not.toHaveProperty('elsewhere');
      await store.forgetElsewhere('nobody.example', [next]);
      expect(await store.readDomain('nobody.example')).toBeUndefined();
    });

    test('is told of by the owner alone, and not of another one', async () => {
      await claimed();
      await store.provide(domain, { mail }, undefined, now);
      await store.recordTold(domain, 'first', 'mail', mail.id, 14);
      await store.recordTold(domain, 'first', 'mail', 'd'.repeat(64), 7);
      expect(await store.readDomain(domain)).toMatchObject({ provided: { mail: { told: 14 } } });
      await expect(store.recordTold(domain, 'second', 'mail', mail.id, 7)).rejects.toThrow(claimLost);
    });

    test('is gone with the domain, whoever has it next', async () => {
      await claimed();
      await store.provide(domain, { mail }, undefined, now);
      await store.acceptWish(deletion(), { at: now + 1 }, now);
      expect(await store.readDomain(domain)).not.toHaveProperty('provided');
      expect(await store.provide(domain, { mail }, undefined, now)).toBe(false);
    });

    test('goes to servers with ours, or without one', async () => {
      await register(mx1, mx2);
      await claimed();
      await commit({ provided: { mail } });
      await store.commitWork({ domain, provided: { mail, webmail: mail }, servers: [mx2], now });
      expect(await store.workFor(mx1, domain)).toMatchObject({ certificate: certificate(), provided: { mail } });
      const work = await store.workFor(mx2, domain);
      expect(work).toMatchObject({ provided: { mail, webmail: mail } });
      expect(work).not.toHaveProperty('certificate');
    });
  });
}
