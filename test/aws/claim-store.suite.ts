/** The writes of a claim's owner, with their conditions (docs/protocol.md). */
import { beforeEach, describe, expect, test } from 'vitest';
import { LEASE_MS } from '../../core/ports/lease.ts';
import type { Store } from '../../core/ports/store.ts';
import { afterLease, certificate, domain, minute, mx1, mx2, now, stage, wish } from './store.stage.ts';

const claimLost = expect.objectContaining({ name: 'ClaimLost' });

/** @param make an empty store */
export function describeClaimStore(name: string, make: () => Promise<Store>): void {
  let store: Store;

  beforeEach(async () => {
    store = await make();
  });
  const { register, claimed, commit } = stage(() => store);

  describe(`the claim on a domain, in ${name}`, () => {
    test('is given to the first that asks, with the wish', async () => {
      expect(await claimed()).toMatchObject({
        ...{ domain, spec: wish(), wanted: 1, seen: 1, owner: 'first' },
        ...{ leaseUntil: now + LEASE_MS, dueAt: now + LEASE_MS },
      });
    });

    test('is refused for a domain without a wish', async () => {
      expect(await store.claimDomain({ domain, me: 'first', now })).toBeUndefined();
      expect(await store.readDomain(domain)).toBeUndefined();
    });

    test('is refused to another execution during the lease, and given to its owner again', async () => {
      await claimed();
      expect(await store.claimDomain({ domain, me: 'second', now: now + LEASE_MS })).toBeUndefined();
      expect(await store.claimDomain({ domain, me: 'first', now: now + 1 })).toMatchObject({
        leaseUntil: now + 1 + LEASE_MS,
      });
    });

    test('is taken over after the lease, and its first owner gets ClaimLost', async () => {
      await claimed();
      expect(await store.claimDomain({ domain, me: 'second', now: afterLease })).toMatchObject({ owner: 'second' });
      await expect(store.renewDomain({ domain, me: 'first', now: afterLease })).rejects.toEqual(claimLost);
      await expect(store.recordOrder({ domain, me: 'first' }, { url: 'u', planned: [], issuer: 'ca' })).rejects.toEqual(
        claimLost,
      );
      await expect(store.recordPublished({ domain, me: 'first' }, [])).rejects.toEqual(claimLost);
      await expect(store.releaseDomain({ domain, me: 'first', seen: 1, now }, now)).rejects.toEqual(claimLost);
    });

    test('is given once, however many executions ask at once', async () => {
      await store.acceptWish(wish(), { at: now }, now);
      const all = await Promise.all(
        Array.from({ length: 20 }, (_, i) => store.claimDomain({ domain, me: `e${i}`, now })),
      );
      expect(all.filter(record => record !== undefined)).toHaveLength(1);
    });

    test('is refused while there is nothing to do, until the domain is due', async () => {
      await claimed();
      await store.releaseDomain({ domain, me: 'first', seen: 1, now }, now + minute);
      expect(await store.claimDomain({ domain, me: 'second', now: now + minute - 1 })).toBeUndefined();
      expect(await store.claimDomain({ domain, me: 'second', now: now + minute })).toMatchObject({ owner: 'second' });
    });

    test('is given if a wish came during the last claim', async () => {
      await claimed();
      await store.acceptWish(wish({ mailServers: [mx2] }), { at: now + 1 }, now);
      expect(await store.releaseDomain({ domain, me: 'first', seen: 1, now: now + 2 }, now + minute)).toBe(false);
      const record = await store.readDomain(domain);
      expect(record).toMatchObject({ wanted: 2, done: 1, dueAt: now + 2 });
      expect(record).not.toHaveProperty('owner');
      expect(await store.claimDomain({ domain, me: 'second', now: now + 2 })).toMatchObject({ seen: 2 });
    });

    test('lasts another lease if it is renewed', async () => {
      await claimed();
      expect(await store.renewDomain({ domain, me: 'first', now: now + minute })).toMatchObject({
        ...{ leaseUntil: now + minute + LEASE_MS, dueAt: now + minute + LEASE_MS, seen: 1 },
      });
      expect(await store.claimDomain({ domain, me: 'second', now: afterLease })).toBeUndefined();
    });
  });

  describe(`an order, in ${name}`, () => {
    const order = (url: string) => ({ url, planned: [domain], issuer: 'ca' });

    test('stays the first one that was recorded', async () => {
      await claimed();
      expect(await store.recordOrder({ domain, me: 'first' }, order('one'))).toEqual(order('one'));
      expect(await store.recordOrder({ domain, me: 'first' }, order('two'))).toEqual(order('one'));
      expect((await store.readDomain(domain))!.order).toEqual(order('one'));
    });

    test('is deleted by its owner only, and only if the URL is the recorded one', async () => {
      await claimed();
      await store.recordOrder({ domain, me: 'first' }, order('one'));
      await store.forgetOrder({ domain, me: 'first' }, order('two'));
      await store.forgetOrder({ domain, me: 'second' }, order('one'));
      expect((await store.readDomain(domain))!.order).toEqual(order('one'));
      await store.forgetOrder({ domain, me: 'first' }, order('one'));
      expect(await store.readDomain(domain)).not.toHaveProperty('order');
      expect(await store.readDomain(domain)).not.toHaveProperty('superseded');
      expect(await store.recordOrder({ domain, me: 'first' }, order('two'))).toEqual(order('two'));
    });

    test('leaves the id of its certificate in `superseded` if a key was stored for it', async () => {
      const me = { domain, me: 'first' };
      const keyed = { ...order('one'), certificate: 'c'.repeat(64), keyed: true as const };
      await claimed();
      await store.recordOrder(me, { ...order('one'), certificate: 'c'.repeat(64) });
      await store.recordKeyed(me, keyed);
      expect((await store.readDomain(domain))!.order).toEqual(keyed);
      await store.forgetOrder(me, keyed);
      expect(await store.readDomain(domain)).not.toHaveProperty('order');
      expect(await store.readDomain(domain)).toMatchObject({ superseded: ['c'.repeat(64)] });
      await expect(store.recordKeyed(me, keyed)).rejects.toEqual(claimLost);
    });

    test('survives a take-over of the claim with the values that were published for it', async () => {
      const published = [{ zoneId: 'Z1', recordName: `_acme-challenge.${domain}`, values: ['a', 'b'] }];
      await claimed();
      await store.recordOrder({ domain, me: 'first' }, order('one'));
      await store.recordPublished({ domain, me: 'first' }, published);
      expect(await store.claimDomain({ domain, me: 'second', now: afterLease })).toMatchObject({
        order: order('one'),
        published,
      });
      await store.recordPublished({ domain, me: 'second' }, []);
      expect(await store.readDomain(domain)).not.toHaveProperty('published');
    });
  });

  describe(`a slot of a budget, in ${name}`, () => {
    test('is kept until the order is recorded, or for a narrow limit until the certificate is', async () => {
      const reserved = { ca: { set: 'one', places: { exactSet: now, account: now + minute } } };
      const left = { ca: { set: 'one', places: { exactSet: now } } };
      await register(mx1);
      await claimed();
      await store.recordReservation({ domain, me: 'first' }, reserved);
      await store.parkDomain(
        { domain, me: 'first', seen: 1 },
        { reason: 'BudgetSpent', message: '', since: now, nextTry: now, tries: 0 },
        [],
      );
      expect(await store.claimDomain({ domain, me: 'second', now })).toMatchObject({ reserved });
      await expect(store.recordReservation({ domain, me: 'first' }, reserved)).rejects.toEqual(claimLost);
      const order = { url: 'https://ca.example/order/1', planned: [domain], issuer: 'ca' };
      await store.recordOrder({ domain, me: 'second' }, order, left);
      expect((await store.readDomain(domain))!.reserved).toEqual(left);
      await store.recordOrder({ domain, me: 'second' }, order);
      expect(await store.readDomain(domain)).not.toHaveProperty('reserved');
      await store.recordReservation({ domain, me: 'second' }, left);
      expect(await commit({ me: 'second' })).toBe(true);
      expect(await store.readDomain(domain)).not.toHaveProperty('reserved');
    });
  });

  describe(`a parked domain, in ${name}`, () => {
    const parked = (nextTry: number) => ({
      ...{ reason: 'ServerNotRegistered' as const, message: `${mx2} is not registered`, since: now, nextTry, tries: 1 },
    });

    test('waits with its reason until its next try', async () => {
      await claimed();
      await store.parkDomain({ domain, me: 'first', seen: 1 }, parked(now + minute), []);
      const record = await store.readDomain(domain);
      expect(record).toMatchObject({ parked: parked(now + minute), done: 1, dueAt: now + minute });
      expect(record).not.toHaveProperty('owner');
      expect(await store.claimDomain({ domain, me: 'second', now: now + minute - 1 })).toBeUndefined();
      expect(await store.claimDomain({ domain, me: 'second', now: now + minute })).toMatchObject({
        parked: { tries: 1 },
      });
      await store.releaseDomain({ domain, me: 'second', seen: 1, now }, now + minute);
      expect(await store.readDomain(domain)).not.toHaveProperty('parked');
    });

    test('does not wait if its wish changed during the park', async () => {
      await claimed();
      await store.acceptWish(wish({ mailServers: [mx1, mx2] }), { at: now + 1 }, now);
      await store.parkDomain({ domain, me: 'first', seen: 1 }, parked(now + 86_400_000), []);
      expect(await store.readDomain(domain)).toMatchObject({ wanted: 2, done: 1 });
      expect(await store.due({ now: now + 2, limit: 10 })).toMatchObject([{ kind: 'domain', name: domain }]);
    });

    test('is not parked by an execution that lost the claim', async () => {
      await claimed();
      await expect(store.parkDomain({ domain, me: 'second', seen: 1 }, parked(now + minute), [])).rejects.toEqual(
        claimLost,
      );
      expect(await store.readDomain(domain)).toMatchObject({ owner: 'first' });
    });

    test('does not wait for a server that was registered during the park', async () => {
      await claimed();
      await register(mx2);
      await store.parkDomain({ domain, me: 'first', seen: 1 }, parked(now + 86_400_000), [mx2]);
      expect(await store.due({ now: now + 2, limit: 10 })).toContainEqual(
        expect.objectContaining({ kind: 'domain', name: domain }),
      );
    });

    test('is due at once if the registration came between its note and its park', async () => {
      await claimed();
      await store.parkDomain({ domain, me: 'first', seen: 1 }, parked(now + minute), [mx2]);
      await store.claimDomain({ domain, me: 'second', now: now + minute });
      expect(await store.wakeWaitingDomains(mx2, { now: now + minute, first: 10 })).toMatchObject({ woken: 1 });
      await store.parkDomain({ domain, me: 'second', seen: 1 }, parked(now + 86_400_000), []);
      expect(await store.due({ now: now + minute, limit: 10 })).toMatchObject([{ kind: 'domain', name: domain }]);
    });
  });

  describe(`a retired domain, in ${name}`, () => {
    const retired = { at: now, message: 'gone' };

    test.each([
      ['never', undefined],
      ['once more', now + minute],
    ])('is due %s, and has no owner', async (_, dueAt) => {
      await claimed();
      await store.parkDomain(
        { domain, me: 'first', seen: 1 },
        { reason: 'DomainNotManaged', message: 'm', since: now, nextTry: now, tries: 9 },
        [],
      );
      await store.claimDomain({ domain, me: 'first', now });
      expect(await store.retireDomain({ domain, me: 'first', seen: 1 }, retired, dueAt)).toBe(true);
      const record = (await store.readDomain(domain))!;
      expect(record).toMatchObject({ retired, done: 1 });
      expect(record.dueAt).toBe(dueAt);
      for (const gone of ['owner', 'leaseUntil', 'parked']) expect(record).not.toHaveProperty(gone);
      expect(await store.claimDomain({ domain, me: 'second', now })).toBeUndefined();
    });

    test('returns with the next event for it, and is not retired if an event came meanwhile', async () => {
      await claimed();
      await store.askReEvaluation(domain, now);
      expect(await store.retireDomain({ domain, me: 'first', seen: 1 }, retired, undefined)).toBe(false);
      await store.claimDomain({ domain, me: 'first', now });
      expect(await store.retireDomain({ domain, me: 'other', seen: 1 }, retired, undefined)).toBe(false);
      expect(await store.retireDomain({ domain, me: 'first', seen: 2 }, retired, undefined)).toBe(true);
      await store.askReEvaluation(domain, now);
      expect(await store.claimDomain({ domain, me: 'second', now })).toMatchObject({ retired, seen: 3, done: 2 });
      await store.releaseDomain({ domain, me: 'second', seen: 3, now }, now + minute);
      expect(await store.readDomain(domain)).not.toHaveProperty('retired');
    });

    test('is no longer retired once it is parked again', async () => {
      await claimed();
      await store.retireDomain({ domain, me: 'first', seen: 1 }, retired, undefined);
      await store.askReEvaluation(domain, now);
      await store.claimDomain({ domain, me: 'second', now });
      await store.parkDomain(
        { domain, me: 'second', seen: 2 },
        { reason: 'DomainNotManaged', message: 'm', since: now, nextTry: now, tries: 1 },
        [],
      );
      expect(await store.readDomain(domain)).not.toHaveProperty('retired');
    });
  });

  describe(`the deletion of a domain's item, in ${name}`, () => {
    test('leaves nothing of the domain', async () => {
      await claimed();
      expect(await store.forgetDomain({ domain, me: 'first', seen: 1 })).toBe(true);
      expect(await store.readDomain(domain)).toBeUndefined();
      expect(await store.due({ now: now + 86_400_000, limit: 10 })).toEqual([]);
    });

    test.each([
      ['a wish came meanwhile', 'first', () => store.acceptWish(wish({ mailServers: [mx2] }), { at: now + 1 }, now)],
      ['another execution asks for it', 'second', () => Promise.resolve()],
    ])('is refused if %s', async (_, me, meanwhile) => {
      await claimed();
      await meanwhile();
      expect(await store.forgetDomain({ domain, me, seen: 1 })).toBe(false);
      expect(await store.readDomain(domain)).toMatchObject({ owner: 'first' });
    });
  });

  describe(`superseded certificates, in ${name}`, () => {
    test('include the current one when its domain is to be deleted', async () => {
      await register(mx1);
      await claimed();
      await commit();
      await expect(store.dropCurrent({ domain, me: 'other' }, 'c')).rejects.toEqual(claimLost);
      await store.dropCurrent({ domain, me: 'first' }, 'c');
      expect(await store.readDomain(domain)).toMatchObject({ superseded: ['c'] });
      expect(await store.readDomain(domain)).not.toHaveProperty('current');
    });
  });

  describe(`a domain that is served under a server, in ${name}`, () => {
    test('is recorded as such by the owner of the claim only', async () => {
      await claimed();
      await store.recordServedUnder({ domain, me: 'first' }, [{ server: mx1, webmail: true }, { server: mx2 }]);
      expect(await store.readDomain(domain)).toMatchObject({
        servedUnder: [{ server: mx1, webmail: true }, { server: mx2 }],
      });
      await store.recordServedUnder({ domain, me: 'first' }, []);
      expect(await store.readDomain(domain)).not.toHaveProperty('servedUnder');
      await expect(store.recordServedUnder({ domain, me: 'second' }, [])).rejects.toEqual(claimLost);
    });
  });

  describe(`a revoked certificate, in ${name}`, () => {
    test('is recorded', async () => {
      await claimed();
      await store.recordRevoked({ domain, me: 'first' }, 'c'.repeat(64));
      expect(await store.readDomain(domain)).toMatchObject({ revoked: 'c'.repeat(64) });
    });
  });

  describe(`a provided certificate, in ${name}`, () => {
    const mail = { ...certificate({ id: 'b'.repeat(64) }), told: 30 };

    test('has its last notice recorded by the owner only, and only for the certificate of this id', async () => {
      await claimed();
      await store.provide(domain, { provided: { mail }, before: undefined, now });
      await store.recordTold({ domain, me: 'first' }, { use: 'mail', id: mail.id, days: 14 });
      await store.recordTold({ domain, me: 'first' }, { use: 'mail', id: 'd'.repeat(64), days: 7 });
      expect(await store.readDomain(domain)).toMatchObject({ provided: { mail: { told: 14 } } });
      await expect(store.recordTold({ domain, me: 'second' }, { use: 'mail', id: mail.id, days: 7 })).rejects.toThrow(
        claimLost,
      );
    });
  });
}
