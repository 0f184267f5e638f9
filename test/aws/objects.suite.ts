import { expect, test, describe, beforeAll } from 'vitest';
import type { CertificateObjects, DeliveryObjects } from '../../core/ports/objects.ts';

export function describeObjects(
  name: string,
  make: () => Promise<{
    certificates: CertificateObjects;
    deliveries: DeliveryObjects;
    /** True if the delivery bucket has an object of this key. */
    exists(key: string): Promise<boolean>;
  }>,
): void {
  let certificates: CertificateObjects;
  let deliveries: DeliveryObjects;
  let exists: (key: string) => Promise<boolean>;
  const [domain, id, hash] = ['example.com', 'c'.repeat(64), 'd'.repeat(64)];

  beforeAll(async () => {
    ({ certificates, deliveries, exists } = await make());
  });

  describe(`keys and chains, in ${name}`, () => {
    test('keep the first key of an order, so that a killed step resumes with it', async () => {
      expect(await certificates.putKeyOnce({ domain, id }, 'first\n')).toEqual({ keyPem: 'first\n', isNew: true });
      expect(await certificates.putKeyOnce({ domain, id }, 'second\n')).toEqual({ keyPem: 'first\n', isNew: false });
      expect(await certificates.readKey({ domain, id })).toBe('first\n');
    });

    test('that are gone are unusable, each part by itself', async () => {
      const gone = { name: 'CertificateUnusable', message: expect.stringContaining('is gone from the bucket') };
      const at = { domain, id: 'f'.repeat(64) };
      await expect(certificates.readKey(at)).rejects.toMatchObject(gone);
      await certificates.putKeyOnce(at, 'key');
      await expect(certificates.readChain(at)).rejects.toMatchObject(gone);
      await certificates.remove(at);
      await expect(certificates.readKey(at)).rejects.toMatchObject(gone);
    });

    test('agree on one key if two steps write at once', async () => {
      const both = await Promise.all(
        ['a', 'b'].map(key => certificates.putKeyOnce({ domain, id: 'e'.repeat(64) }, key).catch(error => error)),
      );
      const stored = await certificates.readKey({ domain, id: 'e'.repeat(64) });
      // S3 may make one of the two try again.
      for (const one of both) expect(one.keyPem ?? one.name).toBeOneOf([stored, 'Throttled']);
      expect(both.filter(one => one.isNew)).toHaveLength(1);
    });

    test('keep the last chain', async () => {
      await certificates.putChain({ domain, id }, 'one');
      await certificates.putChain({ domain, id }, 'two');
      expect(await certificates.readChain({ domain, id })).toBe('two');
    });

    test('are separate for each domain and order', async () => {
      await certificates.putKeyOnce({ domain: 'other.example', id }, 'its own');
      expect(await certificates.readKey({ domain, id })).toBe('first\n');
      await expect(certificates.readKey({ domain, id: '0'.repeat(64) })).rejects.toThrow();
    });
  });

  test(`a key is deleted with its chain, also twice, and other certificates stay, in ${name}`, async () => {
    const [gone, kept] = ['1'.repeat(64), '2'.repeat(64)];
    for (const id of [gone, kept]) {
      await certificates.putKeyOnce({ domain: 'gone.example', id }, 'key');
      await certificates.putChain({ domain: 'gone.example', id }, 'chain');
    }
    for (let i = 0; i < 2; i++) await certificates.remove({ domain: 'gone.example', id: gone });
    await expect(certificates.readKey({ domain: 'gone.example', id: gone })).rejects.toThrow();
    await expect(certificates.readChain({ domain: 'gone.example', id: gone })).rejects.toThrow();
    expect(await certificates.readKey({ domain: 'gone.example', id: kept })).toBe('key');
    await certificates.remove({ domain: 'gone.example', id: kept });
  });

  describe(`deliveries, in ${name}`, () => {
    test('have a manifest that is read as it was written', async () => {
      const manifest = [
        { domain, v: 1_800_000_000_000, host: true, certificate: id, fingerprint: 'f' },
        { domain: 'old.example', v: 2 },
      ];
      await deliveries.putManifest(hash, manifest);
      expect(await deliveries.readManifest(hash)).toEqual(manifest);
      await expect(deliveries.readManifest('0'.repeat(64))).rejects.toThrow();
    });

    test('have audit rows that are read as they were written', async () => {
      const rows = [
        { domain, leaf: 'f'.repeat(64), mail: `mail.${domain}`, webmail: `webmail.${domain}` },
        { domain, leaf: 'f'.repeat(64), default: true as const },
      ];
      await deliveries.putLooks(hash, { rows, audit: { isLast: false } });
      expect(await deliveries.readLooks(hash)).toEqual({ rows, audit: { isLast: false } });
    });

    test('are deleted, also twice, and other deliveries stay', async () => {
      const prefix = 'AROAEXAMPLE:mi-0123456789abcdef0';
      for (const name of [hash, 'e'.repeat(64)])
        await deliveries.putDelivery({ prefix, hash: name }, 'sealpost-delivery 1\n');
      for (let i = 0; i < 2; i++) await deliveries.removeDelivery({ prefix, hash });
      expect(await exists(`deliveries/${prefix}/${hash}`)).toBe(false);
      expect(await exists(`deliveries/${prefix}/${'e'.repeat(64)}`)).toBe(true);
    });

    test('may be written again, and so may an installer', async () => {
      for (let i = 0; i < 2; i++) {
        await deliveries.putDelivery({ prefix: 'AROAEXAMPLE:mi-0123456789abcdef0', hash }, 'sealpost-delivery 1\n');
        await deliveries.putInstaller({ sha256: 'a'.repeat(64), text: '#!/bin/sh\n' });
      }
    });
  });
}
