/** The writes about a domain that need no claim, with their conditions (docs/protocol.md). */
import { beforeEach, describe, expect, test } from 'vitest';
import { LEASE_MS, WAKE_MS } from '../../core/ports/lease.ts';
import type { Store } from '../../core/ports/store.ts';
import { afterLease, certificate, deletion, domain, minute, mx1, mx2, now, stage, wish } from './store.stage.ts';

/** @param make an empty store */
export function describeDomainStore(name: string, make: () => Promise<Store>): void {
  let store: Store;

  beforeEach(async () => {
    store = await make();
  });
  const { register, claimed, commit } = stage(() => store);

  describe(`a wish, in ${name}`, () => {
    test('is recorded once it is accepted', async () => {
      expect(await store.readDomain(domain)).toBeUndefined();
      expect(await store.acceptWish(wish(), { at: now }, now)).toBe(true);
      expect(await store.readDomain(domain)).toMatchObject({ domain, spec: wish(), specAt: now, wanted: 1, done: 0 });
    });

    test('reaches the sweep if no execution claims the domain, even one that was released long ago', async () => {
      await claimed();
      await store.releaseDomain({ domain, me: 'first', seen: 1, now }, now + 60 * 86_400_000);
      await store.acceptWish(wish({ mailServers: [mx2] }), { at: now + 1 }, now);
      expect(await store.due({ now: now + WAKE_MS, limit: 10 })).toMatchObject([{ kind: 'domain', name: domain }]);
    });

    test.each([
      ['the same one again', wish(), now],
      ['an older one', wish({ mailServers: [mx2] }), now - 1],
    ])('stays if %s comes', async (_, other, at) => {
      await store.acceptWish(wish(), { at: now }, now);
      expect(await store.acceptWish(other, { at: at }, now)).toBe(false);
      expect(await store.readDomain(domain)).toMatchObject({ spec: wish(), specAt: now, wanted: 1 });
    });

    test.each([
      ['a later one', now + 1],
      // EventBridge's times are whole seconds.
      ['another one of the same second', now],
    ])('is replaced by %s, with the fields that are left out', async (_, at) => {
      await store.acceptWish(wish({ webmailServer: mx2 }), { at: now }, now);
      expect(await store.acceptWish(wish({ mailServers: [mx2] }), { at: at }, now)).toBe(true);
      const record = await store.readDomain(domain);
      expect(record).toMatchObject({ specAt: at, wanted: 2 });
      expect(record!.spec).toEqual(wish({ mailServers: [mx2] }));
    });
  });

  describe(`the version of a wish, in ${name}`, () => {
    test.each([
      ['higher than that of the recorded wish, even if the event is earlier', 7, -minute, true],
      ['the same', 6, minute, false],
      ['lower, even if the event is later', 5, minute, false],
      ['there for the first time, and the wish is later', undefined, minute, true],
      ['there for the first time, and the wish is earlier', undefined, -minute, false],
    ])('decides if it is %s', async (_, version, later, isAccepted) => {
      // Without a version, the recorded wish is the one that has none.
      await store.acceptWish(wish(), { at: now, ...(version !== undefined && { version: 6 }) }, now);
      const other = wish({ mailServers: [mx2] });
      expect(await store.acceptWish(other, { at: now + later, version: version ?? 1 }, now)).toBe(isAccepted);
      expect((await store.readDomain(domain))!.spec).toEqual(isAccepted ? other : wish());
    });

    test('is deleted if a later wish comes without one', async () => {
      await store.acceptWish(wish(), { at: now, version: 6 }, now);
      expect(await store.acceptWish(wish({ mailServers: [mx2] }), { at: now - 1 }, now)).toBe(false);
      expect(await store.acceptWish(wish({ mailServers: [mx2] }), { at: now + 1 }, now)).toBe(true);
      expect(await store.readDomain(domain)).not.toHaveProperty('specVersion');
      expect(await store.acceptWish(wish(), { at: now + 2, version: 1 }, now)).toBe(true);
    });
  });

  describe(`a deletion, in ${name}`, () => {
    test('replaces the wish, with the time at which it came, and can be claimed', async () => {
      await store.acceptWish(wish(), { at: now }, now);
      expect(await store.acceptWish(deletion(), { at: now + 1 }, now + minute)).toBe(true);
      const record = await store.claimDomain({ domain, me: 'first', now: now + minute });
      expect(record).toMatchObject({ spec: deletion(), deletedAt: now + minute, wanted: 2, servers: [mx1] });
    });

    test('refuses an older wish that comes late, also for a domain that had no wish before', async () => {
      expect(await store.acceptWish(deletion(), { at: now }, now)).toBe(true);
      expect(await store.acceptWish(wish(), { at: now - 1 }, now)).toBe(false);
      expect(await store.readDomain(domain)).toMatchObject({ spec: deletion(), deletedAt: now });
    });

    test('is replaced by a later wish', async () => {
      await store.acceptWish(deletion(), { at: now }, now);
      expect(await store.acceptWish(wish(), { at: now + 1 }, now)).toBe(true);
      const record = await store.readDomain(domain);
      expect(record).toMatchObject({ spec: wish() });
      expect(record).not.toHaveProperty('deletedAt');
    });
  });

  describe(`a wish that is repeated, in ${name}`, () => {
    const again = (at: number, more = {}, version?: number) =>
      store.acceptWish(wish(more), { at, ...(version !== undefined && { version }) }, now);

    test('is not a new wish while an execution works on it: only its time changes', async () => {
      await claimed();
      expect(await again(now + 5)).toBe(true);
      expect(await store.readDomain(domain)).toMatchObject({ wanted: 1, specAt: now + 5 });
      expect(await again(now + 4, { mailServers: [mx2] })).toBe(false);
      expect(await store.releaseDomain({ domain, me: 'first', seen: 1, now }, now + minute)).toBe(true);
    });

    test('is a new wish if its content differs, or no execution has the claim', async () => {
      await claimed();
      await again(now + 5, { mailServers: [mx2] });
      expect(await store.readDomain(domain)).toMatchObject({ wanted: 2 });
      await again(now + 6);
      expect(await store.readDomain(domain)).toMatchObject({ wanted: 3 });
      await store.releaseDomain({ domain, me: 'first', seen: 3, now }, now + minute);
      await again(now + 7);
      expect(await store.readDomain(domain)).toMatchObject({ wanted: 4, specAt: now + 7 });
    });

    test('is a new wish after the lease of a killed execution', async () => {
      await claimed();
      expect(await store.acceptWish(wish(), { at: afterLease }, afterLease)).toBe(true);
      expect(await store.readDomain(domain)).toMatchObject({ wanted: 2 });
    });

    test('updates the version, too', async () => {
      await again(now, {}, 3);
      await store.claimDomain({ domain, me: 'first', now });
      expect(await again(now, {}, 3)).toBe(false);
      expect(await again(now, {}, 4)).toBe(true);
      expect(await store.readDomain(domain)).toMatchObject({ wanted: 1, specVersion: 4 });
    });
  });

  describe(`the servers of a domain, in ${name}`, () => {
    test('are all that its wishes have named', async () => {
      await store.acceptWish(wish({ webmailServer: mx2 }), { at: now }, now);
      await store.acceptWish(wish({ mailServers: ['mx3.provider.example'] }), { at: now + 1, version: 1 }, now);
      expect((await store.readDomain(domain))!.servers).toEqual([mx1, mx2, 'mx3.provider.example']);
      expect((await store.claimDomain({ domain, me: 'first', now }))!.servers).toHaveLength(3);
    });
  });

  describe(`a re-evaluation that is asked for, in ${name}`, () => {
    test('makes the domain due now', async () => {
      await claimed();
      await store.releaseDomain({ domain, me: 'first', seen: 1, now }, now + 86_400_000);
      await store.askReEvaluation(domain, now + 5);
      expect(await store.due({ now: now + 5, limit: 10 })).toEqual([{ kind: 'domain', name: domain, dueAt: now + 5 }]);
      expect(await store.claimDomain({ domain, me: 'second', now: now + 5 })).toMatchObject({ owner: 'second' });
    });

    test('leaves the claim with its owner, whose release finds the counter changed', async () => {
      await claimed();
      await store.askReEvaluation(domain, now + 5);
      expect(await store.readDomain(domain)).toMatchObject({ owner: 'first', dueAt: now + LEASE_MS });
      expect(await store.releaseDomain({ domain, me: 'first', seen: 1, now: now + 6 }, now + 86_400_000)).toBe(false);
      expect(await store.readDomain(domain)).toMatchObject({ dueAt: now + 6 });
    });

    test('does not create a domain without a wish', async () => {
      await store.askReEvaluation(domain, now);
      expect(await store.readDomain(domain)).toBeUndefined();
    });
  });

  describe(`superseded certificates, in ${name}`, () => {
    test('are recorded in their order, until all of them are deleted', async () => {
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

  describe(`a foreign certificate of a domain, in ${name}`, () => {
    const foreign = {
      ...{ fingerprint: 'e'.repeat(64), issuedBy: 'Another CA' },
      ...{ notAfter: now + 9, renewAt: now + 6, seenAt: now },
    };
    const known = async () => (await store.readDomain(domain))?.foreign;

    test('is recorded with the wish that it was seen for, which is due soon', async () => {
      expect(await store.acceptWish(wish(), { at: now }, now, foreign)).toBe(true);
      expect(await store.readDomain(domain)).toMatchObject({ foreign, spec: wish(), wanted: 1, dueAt: now + WAKE_MS });
      expect(await store.claimDomain({ domain, me: 'first', now })).toMatchObject({ foreign });
      expect(await store.renewDomain({ domain, me: 'first', now })).toMatchObject({ foreign });
    });

    test.each([
      ['another wish', () => wish({ mailServers: [mx2] })],
      ['the same wish again', () => wish()],
      ['its deletion', () => deletion()],
    ])('is deleted by %s', async (_, next) => {
      await store.acceptWish(wish(), { at: now }, now, foreign);
      expect(await store.acceptWish(next(), { at: now + 1 }, now)).toBe(true);
      expect(await known()).toBeUndefined();
    });

    test('is the one that was seen last', async () => {
      await store.acceptWish(wish(), { at: now }, now, foreign);
      await store.acceptWish(wish(), { at: now + 1 }, now, { ...foreign, issuedBy: 'A third CA' });
      expect(await known()).toMatchObject({ issuedBy: 'A third CA' });
    });

    test('is not recorded with a wish that comes too late', async () => {
      await store.acceptWish(wish({ mailServers: [mx2] }), { at: now + 1 }, now);
      expect(await store.acceptWish(wish(), { at: now }, now, foreign)).toBe(false);
      expect(await store.readDomain(domain)).toMatchObject({ spec: { mailServers: [mx2] }, wanted: 1 });
      expect(await known()).toBeUndefined();
    });

    test('stays while an execution works on the same wish that is repeated', async () => {
      await store.acceptWish(wish(), { at: now }, now, foreign);
      await store.claimDomain({ domain, me: 'first', now });
      expect(await store.acceptWish(wish(), { at: now + 1 }, now)).toBe(true);
      expect(await known()).toEqual(foreign);
    });

    test('is recorded with a wish after a deletion', async () => {
      await store.acceptWish(deletion(), { at: now }, now);
      await store.acceptWish(wish(), { at: now + 1 }, now, foreign);
      const record = await store.readDomain(domain);
      expect(record).toMatchObject({ foreign, spec: wish() });
      expect(record).not.toHaveProperty('deletedAt');
    });
  });

  describe(`a provided certificate, in ${name}`, () => {
    const mail = { ...certificate({ id: 'b'.repeat(64) }), told: 30 };

    test('is recorded, and the domain is re-evaluated', async () => {
      expect(await store.provide(domain, { provided: { mail }, before: undefined, now })).toBe(false);
      await claimed();
      await store.releaseDomain({ domain, me: 'first', seen: 1, now }, now + minute);
      expect(await store.provide(domain, { provided: { mail }, before: undefined, now })).toBe(true);
      expect(await store.readDomain(domain)).toMatchObject({ provided: { mail }, wanted: 2, dueAt: now });
    });

    test('is changed only if it is as it was read, and is withdrawn', async () => {
      await claimed();
      await store.provide(domain, { provided: { mail }, before: undefined, now });
      expect(await store.provide(domain, { provided: { webmail: mail }, before: undefined, now })).toBe(false);
      expect(await store.provide(domain, { provided: { mail, webmail: mail }, before: { mail }, now })).toBe(true);
      expect(await store.provide(domain, { provided: undefined, before: { mail, webmail: mail }, now })).toBe(true);
      const record = await store.readDomain(domain);
      expect(record).not.toHaveProperty('provided');
      expect(record).toMatchObject({ wanted: 4, owner: 'first' });
    });

    test('has its id recorded until the id is deleted, whatever is provided meanwhile', async () => {
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

    test('is deleted with the domain', async () => {
      await claimed();
      await store.provide(domain, { provided: { mail }, before: undefined, now });
      await store.acceptWish(deletion(), { at: now + 1 }, now);
      expect(await store.readDomain(domain)).not.toHaveProperty('provided');
      expect(await store.provide(domain, { provided: { mail }, before: undefined, now })).toBe(false);
    });
  });
}
