/** Each write for a domain that needs no claim, with its condition (docs/protocol.md). */
import { beforeEach, describe, expect, test } from 'vitest';
import { LEASE_MS, WAKE_MS } from '../../core/ports/lease.ts';
import type { Store } from '../../core/ports/store.ts';
import { afterLease, certificate, deletion, domain, minute, mx1, mx2, now, stage, wish } from './store.stage.ts';

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
      await store.releaseDomain({ domain, me: 'first', seen: 1, now }, now + 60 * 86_400_000);
      await store.acceptWish(wish({ mailServers: [mx2] }), { at: now + 1 }, now);
      expect(await store.due({ now: now + WAKE_MS, limit: 10 })).toMatchObject([{ kind: 'domain', name: domain }]);
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
      const record = await store.claimDomain({ domain, me: 'first', now: now + minute });
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

  describe(`a wish that is said again, in ${name}`, () => {
    const again = (at: number, more = {}, version?: number) =>
      store.acceptWish(wish(more), { at, ...(version !== undefined && { version }) }, now);

    test('is no other wish while an execution is at work for it: only its time moves', async () => {
      await claimed();
      expect(await again(now + 5)).toBe(true);
      expect(await store.readDomain(domain)).toMatchObject({ wanted: 1, specAt: now + 5 });
      expect(await again(now + 4, { mailServers: [mx2] })).toBe(false);
      expect(await store.releaseDomain({ domain, me: 'first', seen: 1, now }, now + minute)).toBe(true);
    });

    test('is another one where its content differs, or nobody is at work', async () => {
      await claimed();
      await again(now + 5, { mailServers: [mx2] });
      expect(await store.readDomain(domain)).toMatchObject({ wanted: 2 });
      await again(now + 6);
      expect(await store.readDomain(domain)).toMatchObject({ wanted: 3 });
      await store.releaseDomain({ domain, me: 'first', seen: 3, now }, now + minute);
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
      await store.claimDomain({ domain, me: 'first', now });
      expect(await again(now, {}, 3)).toBe(false);
      expect(await again(now, {}, 4)).toBe(true);
      expect(await store.readDomain(domain)).toMatchObject({ wanted: 1, specVersion: 4 });
    });
  });

  describe(`the servers of a domain, in ${name}`, () => {
    test('are all that a wish has ever named', async () => {
      await store.acceptWish(wish({ webmailServer: mx2 }), { at: now }, now);
      await store.acceptWish(wish({ mailServers: ['mx3.provider.example'] }), { at: now + 1, version: 1 }, now);
      expect((await store.readDomain(domain))!.servers).toEqual([mx1, mx2, 'mx3.provider.example']);
      expect((await store.claimDomain({ domain, me: 'first', now }))!.servers).toHaveLength(3);
    });
  });

  describe(`a domain that is to be looked at again, in ${name}`, () => {
    test('is due now', async () => {
      await claimed();
      await store.releaseDomain({ domain, me: 'first', seen: 1, now }, now + 86_400_000);
      await store.askReEvaluation(domain, now + 5);
      expect(await store.due({ now: now + 5, limit: 10 })).toEqual([{ kind: 'domain', name: domain, dueAt: now + 5 }]);
      expect(await store.claimDomain({ domain, me: 'second', now: now + 5 })).toMatchObject({ owner: 'second' });
    });

    test('stays with whoever is at work for it, who finds at the end that it has changed', async () => {
      await claimed();
      await store.askReEvaluation(domain, now + 5);
      expect(await store.readDomain(domain)).toMatchObject({ owner: 'first', dueAt: now + LEASE_MS });
      expect(await store.releaseDomain({ domain, me: 'first', seen: 1, now: now + 6 }, now + 86_400_000)).toBe(false);
      expect(await store.readDomain(domain)).toMatchObject({ dueAt: now + 6 });
    });

    test('is not made by that where nobody wished it', async () => {
      await store.askReEvaluation(domain, now);
      expect(await store.readDomain(domain)).toBeUndefined();
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
      expect(await store.claimDomain({ domain, me: 'first', now })).toMatchObject({ foreign });
      expect(await store.renewDomain({ domain, me: 'first', now })).toMatchObject({ foreign });
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
      await store.claimDomain({ domain, me: 'first', now });
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
      expect(await store.provide(domain, { provided: { mail }, before: undefined, now })).toBe(false);
      await claimed();
      await store.releaseDomain({ domain, me: 'first', seen: 1, now }, now + minute);
      expect(await store.provide(domain, { provided: { mail }, before: undefined, now })).toBe(true);
      expect(await store.readDomain(domain)).toMatchObject({ provided: { mail }, wanted: 2, dueAt: now });
    });

    test('is changed only as it was read, and withdrawn', async () => {
      await claimed();
      await store.provide(domain, { provided: { mail }, before: undefined, now });
      expect(await store.provide(domain, { provided: { webmail: mail }, before: undefined, now })).toBe(false);
      expect(await store.provide(domain, { provided: { mail, webmail: mail }, before: { mail }, now })).toBe(true);
      expect(await store.provide(domain, { provided: undefined, before: { mail, webmail: mail }, now })).toBe(true);
      const record = await store.readDomain(domain);
      expect(record).not.toHaveProperty('provided');
      expect(record).toMatchObject({ wanted: 4, owner: 'first' });
    });

    test('is known by its id until that is forgotten, whatever is provided meanwhile', async () => {
      const [bought, next] = ['b', 'd'].map(letter => letter.repeat(64)) as [string, string];
      const webmail = { ...mail, id: next };
      await claimed();
      await store.provide(domain, { provided: { mail, webmail: mail }, before: undefined, now });
      await store.provide(domain, { provided: { webmail }, before: { mail, webmail: mail }, now });
      expect((await store.readDomain(domain))!.elsewhere).toEqual([bought, next]);
      await store.provide(domain, { provided: undefined, before: { webmail }, now });
      await store.forgetElsewhere(domain, [bought]);
      expect((await store.readDomain(domain))!.elsewhere).toEqual([next]);
      await store.acceptWish(deletion(), { at: now + 1 }, now);
      expect((await store.readDomain(domain))!.elsewhere).toEqual([next]);
      await store.forgetElsewhere(domain, [next]);
      expect(await store.readDomain(domain)).not.toHaveProperty('elsewhere');
      await store.forgetElsewhere('nobody.example', [next]);
      expect(await store.readDomain('nobody.example')).toBeUndefined();
    });

    test('is gone with the domain, whoever has it next', async () => {
      await claimed();
      await store.provide(domain, { provided: { mail }, before: undefined, now });
      await store.acceptWish(deletion(), { at: now + 1 }, now);
      expect(await store.readDomain(domain)).not.toHaveProperty('provided');
      expect(await store.provide(domain, { provided: { mail }, before: undefined, now })).toBe(false);
    });
  });
}
