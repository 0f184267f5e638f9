/** The writes of the renewal walk and of renewals, with their conditions (docs/protocol.md). */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Advice } from '../../core/ports/renewal-store.ts';
import type { Store } from '../../core/ports/store.ts';
import { certificate, deletion, domain, minute, mx1, now, stage, wish } from './store.stage.ts';

export function describeRenewalStore(name: string, make: () => Promise<Store>): void {
  let store: Store;

  beforeEach(async () => {
    store = await make();
  });
  const { register, commit } = stage(() => store);

  const issued = async (domain: string, dueAt: number) => {
    await store.acceptWish(wish({ domain }), { at: now }, now);
    await store.claimDomain({ domain, me: 'me', now });
    await store.commitCertificate({ domain, me: 'me', seen: 1, certificate: certificate(), servers: [mx1], now });
    await store.releaseDomain({ domain, me: 'me', seen: 1, now }, dueAt);
  };

  const all = async (limit: number) => {
    const pages: string[][] = [];
    let after: string | undefined;
    do {
      const page = await store.domains(limit, after);
      pages.push(page.domains.map(one => one.domain));
      after = page.after;
    } while (after !== undefined);
    return pages;
  };

  describe(`domains, in ${name}`, () => {
    const domains = Array.from({ length: 25 }, (_, i) => `d${i}.example`);

    test('are read page by page, each once, with their certificates and due times', async () => {
      await register(mx1);
      for (const [i, domain] of domains.entries()) await issued(domain, now + 1_000 - i);
      const pages = await all(10);
      expect(pages.flat().sort()).toEqual([...domains].sort());
      expect(Math.max(...pages.map(page => page.length))).toBeLessThanOrEqual(10);
      const { domains: known } = await store.domains(100);
      expect(known.find(one => one.domain === 'd7.example')).toEqual({
        domain: 'd7.example',
        dueAt: now + 993,
        current: certificate(),
      });
    });

    test('have no certificate at first, and are not listed once they are deleted', async () => {
      await register(mx1);
      await store.acceptWish(wish(), { at: now }, now);
      await issued('gone.example', now + minute);
      await store.acceptWish({ ...deletion(), domain: 'gone.example' }, { at: now + 1 }, now);
      expect((await store.domains(10)).domains).toEqual([{ domain, dueAt: now + minute }]);
    });
  });

  describe(`the renewal window of a CA, in ${name}`, () => {
    const window = { start: now + 59 * 86_400_000, end: now + 61 * 86_400_000 };
    const advice: Advice = { window, explanation: 'https://ca.example/incident', renewAt: now + 7, dueAt: now + 8 };
    const known = { domain, dueAt: now + minute, current: certificate() };

    beforeEach(async () => {
      await register(mx1);
      await issued(domain, now + minute);
    });

    test('is recorded with the certificate, and changes the due time', async () => {
      expect(await store.recordAdvice(known, advice)).toBe(true);
      const { current, dueAt } = (await store.readDomain(domain))!;
      const { dueAt: due, ...rest } = advice;
      expect({ current, dueAt }).toEqual({ current: certificate(rest), dueAt: due });
      expect((await store.domains(10)).domains).toEqual([{ domain, dueAt, current }]);
    });

    test('without an explanation deletes the last one', async () => {
      await store.recordAdvice(known, advice);
      const { explanation: _, ...without } = advice;
      expect(await store.recordAdvice({ ...known, dueAt: advice.dueAt }, without)).toBe(true);
      expect((await store.readDomain(domain))!.current!.explanation).toBeUndefined();
    });

    test('is not recorded for another certificate, nor if the due time has changed', async () => {
      expect(await store.recordAdvice({ ...known, current: certificate({ id: 'another' }) }, advice)).toBe(false);
      expect(await store.recordAdvice({ ...known, dueAt: now + 1 }, advice)).toBe(false);
      expect((await store.readDomain(domain))!.current).toEqual(certificate());
    });

    test('is not recorded while an execution has the claim, nor for a domain that is deleted', async () => {
      const claim = (await store.claimDomain({ domain, me: 'me', now: now + minute }))!;
      expect(await store.recordAdvice({ ...known, dueAt: claim.dueAt! }, advice)).toBe(false);
      await store.acceptWish(deletion(), { at: now + 1 }, now);
      const { dueAt } = (await store.readDomain(domain))!;
      expect(await store.recordAdvice({ ...known, dueAt: dueAt! }, advice)).toBe(false);
    });

    test('is replaced with the certificate', async () => {
      await store.recordAdvice(known, advice);
      await store.askReEvaluation(domain, now);
      await store.claimDomain({ domain, me: 'me', now });
      await commit({ me: 'me', seen: 2, certificate: certificate({ id: 'next' }) });
      expect((await store.readDomain(domain))!.current).toEqual(certificate({ id: 'next' }));
    });
  });

  describe(`a renewal that an operator asks for, in ${name}`, () => {
    test('makes the domain due at once, and marks its certificate with the first time', async () => {
      await register(mx1);
      await issued(domain, now + 5 * minute);
      await store.askRenewal(domain, now + 1);
      await store.askRenewal(domain, now + 2);
      expect(await store.readDomain(domain)).toMatchObject({
        wanted: 3,
        dueAt: now + 2,
        current: { id: certificate().id, askedAt: now + 1 },
      });
    });

    test('makes a domain without a certificate due now, and does not create a domain', async () => {
      await store.acceptWish(wish(), { at: now }, now);
      await store.askRenewal(domain, now + 1);
      expect(await store.readDomain(domain)).toMatchObject({ wanted: 2, dueAt: now + 1 });
      await store.askRenewal('other.example', now);
      expect(await store.readDomain('other.example')).toBeUndefined();
    });

    test('leaves the claim with its owner, whose release finds the counter changed', async () => {
      await register(mx1);
      await issued(domain, now);
      const { dueAt } = (await store.claimDomain({ domain, me: 'me', now }))!;
      await store.askRenewal(domain, now + 1);
      expect((await store.readDomain(domain))!.dueAt).toBe(dueAt);
      expect(await store.releaseDomain({ domain, me: 'me', seen: 1, now: now + 2 }, now + minute)).toBe(false);
    });
  });

  describe(`the position of the renewal walk, in ${name}`, () => {
    test('is recorded, and of two walks that continue from one position the second is refused', async () => {
      expect(await store.walkPosition()).toBeUndefined();
      const position = { step: 1, begunAt: now, paceMs: minute, passed: 500, after: 'somewhere' };
      expect(await store.recordWalk(position)).toBe(true);
      expect(await store.recordWalk({ ...position, passed: 400 })).toBe(false);
      expect(await store.walkPosition()).toEqual(position);
      expect(await store.recordWalk({ ...position, step: 2, ended: true })).toBe(true);
      expect(await store.walkPosition()).toEqual({ ...position, step: 2, ended: true });
    });
  });
}
