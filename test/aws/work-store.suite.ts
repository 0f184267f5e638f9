/** The writes of work and of what is installed, with their conditions (docs/protocol.md). */
import { beforeEach, describe, expect, test } from 'vitest';
import { WAKE_MS } from '../../core/ports/lease.ts';
import type { Store } from '../../core/ports/store.ts';
import { afterLease, certificate, domain, minute, mx1, mx2, now, stage, wish } from './store.stage.ts';

const node = 'mi-0123456789abcdef0';
const another = 'mi-0fedcba9876543210';
const seen = { domain, certificate: 'c'.repeat(64), fingerprint: 'f'.repeat(64), seenAt: now, node };

/** @param make an empty store */
export function describeWorkStore(name: string, make: () => Promise<Store>): void {
  let store: Store;

  beforeEach(async () => {
    store = await make();
  });
  const { register, claimed, commit, worked } = stage(() => store);

  describe(`a certificate's commit, in ${name}`, () => {
    test('never replaces a trusted certificate by one from a staging issuer', async () => {
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

    test('makes the certificate current, ends the order, and gives work to every server', async () => {
      await register(mx1, mx2);
      await claimed();
      await store.recordOrder({ domain, me: 'first' }, { url: 'one', planned: [domain], issuer: 'ca' });
      expect(await commit({ servers: [mx1, mx2] })).toBe(true);
      const record = await store.readDomain(domain);
      expect(record).toMatchObject({ current: certificate(), owner: 'first' });
      expect(record).not.toHaveProperty('order');
      for (const server of [mx1, mx2]) {
        expect(await store.work(server, 10)).toEqual([{ domain, certificate: certificate(), v: now }]);
        expect(await store.readServer(server)).toMatchObject({ wanted: 2, done: 0, dueAt: now + WAKE_MS });
      }
    });

    test("marks the work if the certificate is for the server's own host name", async () => {
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
      ['the claim was taken over', () => store.claimDomain({ domain, me: 'second', now: afterLease }), {}],
      ['another execution tries it', async () => undefined, { me: 'second' }],
    ];
    test.each(lost)('writes nothing if %s', async (_, meanwhile, more) => {
      await register(mx1);
      await claimed();
      await meanwhile();
      expect(await commit(more)).toBe(false);
      expect(await store.readDomain(domain)).not.toHaveProperty('current');
      expect(await store.work(mx1, 10)).toEqual([]);
      expect(await store.readServer(mx1)).toMatchObject({ wanted: 1 });
    });

    test('writes nothing if one of the servers is not registered, and throws ServerNotRegistered', async () => {
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

    test('gives calm work that waits for its moment, and puts off no earlier due time of its server', async () => {
      await register(mx1, mx2);
      await claimed();
      const quiet = now + 600 * minute;
      const mx3 = 'mx3.provider.example';
      // After their release, the first server is not due, and the second is due later.
      const others = { [mx2]: undefined, [mx3]: quiet + minute };
      await register(mx3);
      for (const [server, dueAt] of Object.entries(others)) {
        const me = (await store.wakeServer(server, now))!;
        await store.releaseServer({ server, me, now }, { wanted: 1, dueAt });
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

    test('may be repeated: the work then has the later version', async () => {
      await register(mx1);
      await claimed();
      await commit();
      expect(await commit({ now: now + 1 })).toBe(true);
      expect(await store.work(mx1, 10)).toMatchObject([{ v: now + 1 }]);
    });

    test('without an order gives only work', async () => {
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

  describe(`the servers of a domain, in ${name}`, () => {
    const remove = (servers: string[], wanted = 1) => store.commitRemoval({ domain, wanted, servers, now: now + 1 });

    test('are given work to remove the domain, in place of other work for the domain', async () => {
      await register(mx1, mx2);
      await claimed();
      await commit();
      expect(await remove([mx1, mx2])).toBe(true);
      for (const server of [mx1, mx2]) {
        expect(await store.work(server, 10)).toEqual([{ domain, certificate: 'REMOVE', v: now + 1 }]);
        expect(await store.workFor({ server, domain })).toEqual({ domain, certificate: 'REMOVE', v: now + 1 });
        expect(await store.readServer(server)).toMatchObject({ done: 0, dueAt: now + 1 + WAKE_MS });
      }
    });

    test.each([
      ['the wish has changed since', () => store.acceptWish(wish({ mailServers: [mx2] }), { at: now + 1 }, now), [mx1]],
      ['one of them is not registered', () => Promise.resolve(), [mx1, mx2]],
    ])('are given no work if %s', async (_, meanwhile, servers) => {
      await register(mx1);
      await claimed();
      await meanwhile();
      expect(await remove(servers)).toBe(false);
      expect(await store.workFor({ server: mx1, domain })).toBeUndefined();
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

  describe(`a provided certificate, in ${name}`, () => {
    const mail = { ...certificate({ id: 'b'.repeat(64) }), told: 30 };

    test('is given to servers with ours, or without ours', async () => {
      await register(mx1, mx2);
      await claimed();
      await commit({ provided: { mail } });
      await store.commitWork({ domain, provided: { mail, webmail: mail }, servers: [mx2], now });
      expect(await store.workFor({ server: mx1, domain })).toMatchObject({
        certificate: certificate(),
        provided: { mail },
      });
      const work = await store.workFor({ server: mx2, domain });
      expect(work).toMatchObject({ provided: { mail, webmail: mail } });
      expect(work).not.toHaveProperty('certificate');
    });
  });

  describe(`work, in ${name}`, () => {
    test('is sorted by domain, and no more than asked for', async () => {
      await register(mx1);
      for (const name of ['c.example', 'a.example', 'b.example'])
        await store.commitWork({ domain: name, certificate: certificate(), servers: [mx1], now });
      expect((await store.work(mx1, 2)).map(work => work.domain)).toEqual(['a.example', 'b.example']);
      expect((await store.work(mx1, 10)).map(work => work.domain)).toEqual(['a.example', 'b.example', 'c.example']);
      expect((await store.work(mx1, 1, 'a.example')).map(work => work.domain)).toEqual(['b.example']);
      expect(await store.work(mx1, 10, 'c.example')).toEqual([]);
    });

    test('is deleted after its certificate was recorded as seen served, and not with it', async () => {
      await worked();
      expect(await store.installed({ server: mx1, domain })).toBeUndefined();
      await store.recordInstalled(mx1, { domain, v: now }, seen);
      expect(await store.installed({ server: mx1, domain })).toMatchObject({ ...seen, v: now });
      expect(await store.work(mx1, 10)).toHaveLength(1);
      await store.endWork(mx1, { domain, v: now });
      expect(await store.work(mx1, 10)).toEqual([]);
    });

    test('stays if it changed after the delivery was assembled, and what is served is recorded', async () => {
      await worked(now + 1);
      await store.recordInstalled(mx1, { domain, v: now }, seen);
      await store.endWork(mx1, { domain, v: now });
      expect(await store.installed({ server: mx1, domain })).toMatchObject(seen);
      await store.recordRefused(mx1, { domain, v: now }, now + minute, 'CertificateUnusable: x');
      expect(await store.work(mx1, 10)).toEqual([{ domain, certificate: certificate(), v: now + 1 }]);
      await store.recordRemoved(mx1, { domain, v: now }, { node, begun: now });
      expect(await store.work(mx1, 10)).toHaveLength(1);
      expect(await store.installed({ server: mx1, domain })).toBeUndefined();
    });

    test('has a later version than the work that it replaces, whatever the clock says', async () => {
      await worked(now + 1);
      await store.commitWork({ domain, certificate: certificate(), servers: [mx1], now });
      expect(await store.work(mx1, 10)).toMatchObject([{ v: now + 2 }]);
      await store.giveAgain({ server: mx1, node }, [{ domain, certificate: certificate(), over: now + 2 }], now);
      expect(await store.work(mx1, 10)).toMatchObject([{ v: now + 3 }]);
    });

    test('waits with its reason if the server refused it, until it changes', async () => {
      await worked();
      await store.recordRefused(mx1, { domain, v: now }, now + minute, 'CertificateUnusable: x');
      const refused = { notBefore: now + minute, reason: 'CertificateUnusable: x' };
      expect(await store.work(mx1, 10)).toMatchObject([{ ...refused, refusals: 1 }]);
      await store.recordRefused(mx1, { domain, v: now }, now + minute, 'CertificateUnusable: x');
      expect(await store.work(mx1, 10)).toMatchObject([{ ...refused, refusals: 2 }]);
      await store.commitWork({ domain, certificate: certificate(), servers: [mx1], now: now + 1 });
      expect(await store.work(mx1, 10)).toEqual([{ domain, certificate: certificate(), v: now + 1 }]);
    });

    test('is no longer calm if the server refused it, so it is in no delivery before its time', async () => {
      await register(mx1);
      await store.acceptWish({ domain, mailServers: [mx1], policy: 'wildcard' }, { at: now }, now);
      await store.claimDomain({ domain, me: 'first', now });
      await store.commitCertificate({
        ...{ domain, me: 'first', seen: 1, certificate: certificate(), servers: [mx1], now },
        calm: { [mx1]: now + 2 * minute },
      });
      await store.recordRefused(mx1, { domain, v: now }, now + minute, 'CertificateUnusable: x');
      const [work] = await store.work(mx1, 10);
      expect(work).toMatchObject({ notBefore: now + minute });
      expect(work).not.toHaveProperty('calm');
    });

    test('that is deleted is not created again by a late refusal', async () => {
      await register(mx1);
      await store.recordRefused(mx1, { domain, v: now }, now + minute, 'CertificateUnusable: x');
      expect(await store.work(mx1, 10)).toEqual([]);
    });
  });

  describe(`work that is redelivered, in ${name}`, () => {
    const other = 'mi-0fedcba9876543210';
    const again = (works: Parameters<Store['giveAgain']>[1], by = node) =>
      store.giveAgain({ server: mx1, node: by }, works, now + 1);
    const one = { domain, certificate: certificate() };

    test('replaces what was seen there, for this node, and the server is due', async () => {
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

    test('is not deleted by an answer to earlier work', async () => {
      await worked();
      await again([{ ...one, over: now }]);
      await store.recordInstalled(mx1, { domain, v: now }, seen);
      await store.endWork(mx1, { domain, v: now });
      expect(await store.workFor({ server: mx1, domain })).toMatchObject({ v: now + 1 });
    });

    test('does not replace newer work', async () => {
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

    test('is not given if another node has the name by now', async () => {
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
      expect(await store.allInstalled(mx1)).toEqual(all.map(one => ({ ...one, v: now })));
    });

    test('is deleted if the node that served it has removed it, and not if another node has', async () => {
      await register(mx1);
      await store.recordInstalled(mx1, { domain, v: now }, seen);
      await store.recordRemoved(mx1, { domain, v: now }, { node: another, begun: now });
      expect(await store.installed({ server: mx1, domain })).toMatchObject({ node });
      await store.recordRemoved(mx1, { domain, v: now }, { node, begun: now });
      expect(await store.installed({ server: mx1, domain })).toBeUndefined();
    });

    test('of an earlier node is deleted if the node of today has removed it', async () => {
      await register(mx1);
      await store.recordInstalled(mx1, { domain, v: now }, seen);
      await store.recordRemoved(mx1, { domain, v: now }, { node: another, begun: now + 1 });
      expect(await store.installed({ server: mx1, domain })).toBeUndefined();
    });

    test('stays without its node if its server is retired, unless it was seen since then; its work goes', async () => {
      await worked();
      await store.recordInstalled(mx1, { domain, v: now - 1 }, seen);
      await store.recordRetired(mx1, { domain, v: now }, { begun: now });
      expect(await store.installed({ server: mx1, domain })).toMatchObject({ node });
      expect(await store.work(mx1, 10)).toEqual([]);
      await store.recordRetired(mx1, { domain, v: now }, { begun: now + 1 });
      expect(await store.installed({ server: mx1, domain })).not.toHaveProperty('node');
      await store.recordRemoved(mx1, { domain, v: now }, { node: another, begun: now });
      expect(await store.installed({ server: mx1, domain })).toBeUndefined();
      await store.recordRetired(mx1, { domain, v: now }, { begun: now + 1 });
      expect(await store.installed({ server: mx1, domain })).toBeUndefined();
    });
  });
}
