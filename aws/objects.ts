/**
 * Keys and chains in the certificate bucket; deliveries, their manifests and installers in the
 * delivery bucket.
 */
import {
  DeleteObjectCommand,
  GetObjectCommand,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { SealpostError } from '../core/errors.ts';
import { patience, unlessBusy } from './throttling.ts';
import type { Looks, Manifest } from '../core/record/delivery.ts';
import type { CertificateId, CertificateObjects, DeliveryObjects, DeliveryPlace } from '../core/ports/objects.ts';

/** Path style if an endpoint is set, because there a bucket's name is no host name. */
export function s3Client(): S3Client {
  return new S3Client({ ...patience, forcePathStyle: process.env.AWS_ENDPOINT_URL !== undefined });
}

export function certificateObjects(client: S3Client, bucket: string): CertificateObjects {
  const { put, putOnce, read, remove } = objectsIn(client, bucket);
  const at = ({ domain, id }: CertificateId, part: 'key' | 'chain') => `certificates/${domain}/${id}/${part}`;
  return {
    async putKeyOnce(certificate, keyPem) {
      const key = at(certificate, 'key');
      const isNew = await putOnce({ key, body: keyPem });
      return { keyPem: isNew ? keyPem : await read(key), isNew };
    },
    putChain: (certificate, chainPem) => put({ key: at(certificate, 'chain'), body: chainPem }),
    readKey: certificate => unlessGone(read, at(certificate, 'key')),
    readChain: certificate => unlessGone(read, at(certificate, 'chain')),
    async remove(certificate) {
      for (const part of ['key', 'chain'] as const) await remove(at(certificate, part));
    },
  };
}

/** Only a caller that may list the bucket is told this; another one gets AccessDenied. */
async function unlessGone(read: (key: string) => Promise<string>, key: string): Promise<string> {
  try {
    return await read(key);
  } catch (error) {
    if (!(error instanceof NoSuchKey)) throw error;
    const message = `${key} is gone from the bucket`;
    throw new SealpostError('CertificateUnusable', { about: key, message, cause: error });
  }
}

export function deliveryObjects(client: S3Client, bucket: string): DeliveryObjects {
  const { put, putOnce, read, remove } = objectsIn(client, bucket);
  const at = ({ prefix, hash }: DeliveryPlace) => `deliveries/${prefix}/${hash}`;
  const stored = new Set<string>();
  return {
    putDelivery: (place, text) => put({ key: at(place), body: text }),
    removeDelivery: place => remove(at(place)),
    putManifest: (hash, manifest) => put({ key: `manifests/${hash}`, body: JSON.stringify(manifest) }),
    readManifest: async hash => JSON.parse(await read(`manifests/${hash}`)) as Manifest,
    putLooks: (hash, looks) => put({ key: `manifests/${hash}.looks`, body: JSON.stringify(looks) }),
    readLooks: async hash => JSON.parse(await read(`manifests/${hash}.looks`)) as Looks,
    async putInstaller({ sha256, text }) {
      if (stored.has(sha256)) return;
      await putOnce({ key: `installers/${sha256}`, body: text });
      stored.add(sha256);
    },
  };
}

function objectsIn(client: S3Client, bucket: string) {
  const asked = <T>(key: string, call: () => Promise<T>) => unlessBusy('S3', key, call);
  return {
    async put({ key, body }: { key: string; body: string }): Promise<void> {
      await asked(key, () => client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body })));
    },

    async remove(key: string): Promise<void> {
      await asked(key, () => client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key })));
    },

    /** @returns false if there is an object already */
    async putOnce({ key, body }: { key: string; body: string }): Promise<boolean> {
      try {
        const put = new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, IfNoneMatch: '*' });
        await asked(key, () => client.send(put));
        return true;
      } catch (error) {
        if (error instanceof S3ServiceException && error.name === 'PreconditionFailed') return false;
        // Of two conditional puts at once, S3 tells one to try again. The retry then finds the
        // other's object.
        if (error instanceof S3ServiceException && error.name === 'ConditionalRequestConflict')
          throw new SealpostError('Throttled', {
            about: key,
            message: `another write to ${key} was under way; it is tried again`,
            cause: error,
          });
        throw error;
      }
    },

    async read(key: string): Promise<string> {
      return asked(key, async () => {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
        return Body!.transformToString();
      });
    },
  };
}
