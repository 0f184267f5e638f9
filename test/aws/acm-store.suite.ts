/** The writes about a certificate in ACM, with their conditions (docs/protocol.md). */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../core/ports/store.ts';
import { domain, minute, now, stage, wish } from './store.stage.ts';

const claimLost = expect.objectContaining({ name: 'ClaimLost' });

/** @param make an empty store */
export function describeAcmStore(name: string, make: () => Promise<Store>): void {
  let store: Store;

  beforeEach(async () => {
    store = await make();
  });
  const { claimed } = stage(() => store);

  describe(`the certificate of a domain in ACM, in ${name}`, () => {
    const arn = 'arn:aws:acm:us-east-1:000000000000:certificate/1';

    test('is recorded, and leads to its domain, until it is deleted', async () => {
      await claimed();
      const acm = { arn, certificate: 'c'.repeat(64) };
      await store.recordAcm({ domain, me: 'first' }, acm);
      expect(await store.readDomain(domain)).toMatchObject({ acm });
      expect(await store.domainOfArn(arn)).toBe(domain);
      const trouble = { reason: 'ImportInUse' as const, message: 'in use', since: now, tries: 1 };
      await store.recordAcm({ domain, me: 'first' }, { ...acm, begunAt: undefined, trouble, nextTry: now + minute });
      expect((await store.readDomain(domain))!.acm).toEqual({ ...acm, trouble, nextTry: now + minute });
      await store.forgetAcm({ domain, me: 'first' }, arn);
      expect(await store.readDomain(domain)).not.toHaveProperty('acm');
      expect(await store.domainOfArn(arn)).toBeUndefined();
    });

    test('is recorded and deleted by the owner of the claim only', async () => {
      await claimed();
      await store.recordAcm({ domain, me: 'first' }, { arn });
      await expect(store.recordAcm({ domain, me: 'other' }, {})).rejects.toEqual(claimLost);
      await expect(store.forgetAcm({ domain, me: 'other' }, arn)).rejects.toEqual(claimLost);
      await expect(store.recordRevoked({ domain, me: 'other' }, 'c')).rejects.toEqual(claimLost);
      expect(await store.readDomain(domain)).toMatchObject({ acm: { arn } });
      expect(await store.domainOfArn(arn)).toBe(domain);
    });

    test('is counted with the others, and each import by its month, with the quotas of that moment', async () => {
      expect(await store.acmUse({ withCertificates: true })).toEqual({ certificates: 0, imports: {} });
      await claimed();
      await store.acceptWish(wish({ domain: 'other.example' }), { at: now }, now);
      await store.claimDomain({ domain: 'other.example', me: 'first', now });
      const other = arn.replace(/1$/, '2');
      await store.recordAcm({ domain, me: 'first' }, { arn });
      await store.recordAcm({ domain, me: 'first' }, { arn, certificate: 'c'.repeat(64) });
      await store.recordAcm({ domain: 'other.example', me: 'first' }, { arn: other });
      const quotas = { certificates: 10, importsAYear: 20 };
      for (const month of ['202611', '202612', '202612'])
        await store.countImport(month, { ...quotas, certificates: month === '202612' ? 10 : 9 });
      const imports = { 202611: 1, 202612: 2 };
      expect(await store.acmUse({ withCertificates: true })).toEqual({ certificates: 2, imports, quotas });
      await store.forgetAcm({ domain: 'other.example', me: 'first' }, other);
      expect(await store.acmUse({ withCertificates: true })).toEqual({ certificates: 1, imports, quotas });
      expect(await store.acmUse({ withCertificates: false })).toEqual({ certificates: 0, imports, quotas });
    });
  });
}
