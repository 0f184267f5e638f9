/** Keys and chains in the certificate bucket; deliveries, their manifests and installers in the delivery bucket. */
import {
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { SealpostError } from '../core/errors.ts';
import { unlessBusy } from './throttling.ts';
import type { Looks, Manifest } from '../core/record/delivery.ts';
import type { CertificateObjects, DeliveryObjects } from '../core/ports/objects.ts';

/** Path style where an endpoint is named: a bucket's name is no host name there. */
export function s3Client(): S3Client {
  return new S3Client({ forcePathStyle: process.env.AWS_ENDPOINT_URL !== undefined });
}

export function certificateObjects(client: S3Client, bucket: string): CertificateObjects {
  const at = (domain: string, id: string, part: 'key' | 'chain') => `certificates/${domain}/${id}/${part}`;
  return {
    async putKeyOnce(domain, id, keyPem) {
      const isNew = await putOnce(client, bucket, at(domain, id, 'key'), keyPem);
      return { keyPem: isNew ? keyPem : await read(client, bucket, at(domain, id, 'key')), isNew };
    },
    putChain: (domain, id, chainPem) => put(client, bucket, at(domain, id, 'chain'), chainPem),
    readKey: (domain, id) => read(client, bucket, at(domain, id, 'key')),
    readChain: (domain, id) => read(client, bucket, at(domain, id, 'chain')),
    async remove(domain, id) {
      for (const part of ['key', 'chain'] as const) await remove(client, bucket, at(domain, id, part));
    },
  };
}

export function deliveryObjects(client: S3Client, bucket: string): DeliveryObjects {
  const stored = new Set<string>();
  return {
    putDelivery: (prefix, hash, text) => put(client, bucket, `deliveries/${prefix}/${hash}`, text),
    async removeDelivery(prefix, hash) {
      await remove(client, bucket, `deliveries/${prefix}/${hash}`);
    },
    putManifest: (hash, manifest) => put(client, bucket, `manifests/${hash}`, JSON.stringify(manifest)),
    readManifest: async hash => JSON.parse(await read(client, bucket, `manifests/${hash}`)) as Manifest,
    putLooks: (hash, looks) => put(client, bucket, `manifests/${hash}.looks`, JSON.stringify(looks)),
    readLooks: async hash => JSON.parse(await read(client, bucket, `manifests/${hash}.looks`)) as Looks,
    async putInstaller(sha256, text) {
      if (stored.has(sha256)) return;
      await putOnce(client, bucket, `installers/${sha256}`, text);
      stored.add(sha256);
    },
  };
}

async function put(client: S3Client, bucket: string, key: string, body: string): Promise<void> {
  await unlessBusy('S3', key, () => client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body })));
}

async function remove(client: S3Client, bucket: string, key: string): Promise<void> {
  await unlessBusy('S3', key, () => client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key })));
}

/** @returns false when an object is there already */
async function putOnce(client: S3Client, bucket: string, key: string, body: string): Promise<boolean> {
  try {
    await unlessBusy('S3', key, () =>
      client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, IfNoneMatch: '*' })),
    );
    return true;
  } catch (error) {
    if (error instanceof S3ServiceException && error.name === 'PreconditionFailed') return false;
    // Two conditional puts at once: one of them is told to try again, and finds the other's object then.
    if (error instanceof S3ServiceException && error.name === 'ConditionalRequestConflict')
      throw new SealpostError('Throttled', key, `another write to ${key} was under way; it is tried again`, {
        cause: error,
      });
    throw error;
  }
}

async function read(client: S3Client, bucket: string, key: string): Promise<string> {
  const { Body } = await unlessBusy('S3', key, () => client.send(new GetObjectCommand({ Bucket: bucket, Key: key })));
  return Body!.transformToString();
}
