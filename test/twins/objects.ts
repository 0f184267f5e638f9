/** Both buckets in memory. */
import { SealpostError } from '../../core/errors.ts';
import type { CertificateId, CertificateObjects, DeliveryObjects } from '../../core/ports/objects.ts';

/** Every object by its key, for tests that check the objects. */
export type Objects = Map<string, string>;

export function memoryCertificates(objects: Objects = new Map()): CertificateObjects {
  const at = ({ domain, id }: CertificateId, part: 'key' | 'chain') => `certificates/${domain}/${id}/${part}`;
  return {
    async putKeyOnce(certificate, keyPem) {
      const key = at(certificate, 'key');
      const isNew = !objects.has(key);
      if (isNew) objects.set(key, keyPem);
      return { keyPem: objects.get(key)!, isNew };
    },
    async putChain(certificate, chainPem) {
      objects.set(at(certificate, 'chain'), chainPem);
    },
    readKey: async certificate => read(objects, at(certificate, 'key')),
    async remove(certificate) {
      for (const part of ['key', 'chain'] as const) objects.delete(at(certificate, part));
    },
    readChain: async certificate => read(objects, at(certificate, 'chain')),
  };
}

export function memoryDeliveries(objects: Objects = new Map()): DeliveryObjects {
  return {
    async putDelivery({ prefix, hash }, text) {
      objects.set(`deliveries/${prefix}/${hash}`, text);
    },
    async removeDelivery({ prefix, hash }) {
      objects.delete(`deliveries/${prefix}/${hash}`);
    },
    async putManifest(hash, manifest) {
      objects.set(`manifests/${hash}`, JSON.stringify(manifest));
    },
    readManifest: async hash => JSON.parse(read(objects, `manifests/${hash}`)),
    async putLooks(hash, looks) {
      objects.set(`manifests/${hash}.looks`, JSON.stringify(looks));
    },
    readLooks: async hash => JSON.parse(read(objects, `manifests/${hash}.looks`)),
    async putInstaller({ sha256, text }) {
      if (!objects.has(`installers/${sha256}`)) objects.set(`installers/${sha256}`, text);
    },
  };
}

function read(objects: Objects, key: string): string {
  const text = objects.get(key);
  if (text === undefined)
    throw new SealpostError('CertificateUnusable', { about: key, message: `${key} is gone from the bucket` });
  return text;
}
