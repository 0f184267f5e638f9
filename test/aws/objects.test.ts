import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { certificateObjects, deliveryObjects } from '../../aws/objects.ts';
import { startAccount, type Account } from '../../packages/aws-stand-in/src/testing.ts';
import { everything, passingFaults } from '../faults/seed.ts';
import { memoryCertificates, memoryDeliveries } from '../twins/objects.ts';
import { describeObjects } from './objects.suite.ts';

let provider: Account;
let client: S3Client;

beforeAll(async () => {
  provider = await startAccount(['kms', 's3'], {}, passingFaults);
  const key = await provider.make('AWS::KMS::Key', 'Key', {});
  const encryption = { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: key.attributes!.Arn! };
  const BucketEncryption = {
    ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: encryption, BucketKeyEnabled: false }],
  };
  const versioned = { VersioningConfiguration: { Status: 'Enabled' } };
  await provider.make('AWS::S3::Bucket', 'Certificates', {
    BucketName: 'certificates',
    BucketEncryption,
    ...versioned,
  });
  await provider.make('AWS::S3::Bucket', 'Deliveries', { BucketName: 'deliveries', BucketEncryption });
  client = provider.client(S3Client, everything);
});
afterAll(() => provider.stop());

describeObjects('S3', async () => ({
  certificates: certificateObjects(client, 'certificates'),
  deliveries: deliveryObjects(client, 'deliveries'),
  exists: async Key => {
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: 'deliveries', Prefix: Key }));
    return Contents.length > 0;
  },
}));
describeObjects('its twin', async () => {
  const objects = new Map<string, string>();
  const exists = async (key: string) => objects.has(key);
  return { certificates: memoryCertificates(), deliveries: memoryDeliveries(objects), exists };
});

test('every object has the S3 key that the policies of servers and functions expect', async () => {
  const keys = async (Bucket: string) => {
    const { Contents } = await client.send(new ListObjectsV2Command({ Bucket }));
    return Contents!.map(object => object.Key!.replace(/([0-9a-f])\1{63}/, '<hash>')).sort();
  };
  expect(new Set(await keys('certificates'))).toEqual(
    new Set([
      'certificates/example.com/<hash>/chain',
      'certificates/example.com/<hash>/key',
      'certificates/other.example/<hash>/key',
    ]),
  );
  expect(await keys('deliveries')).toEqual([
    'deliveries/AROAEXAMPLE:mi-0123456789abcdef0/<hash>',
    'deliveries/AROAEXAMPLE:mi-0123456789abcdef0/<hash>',
    'installers/<hash>',
    'manifests/<hash>',
    'manifests/<hash>.looks',
  ]);
  const Key = `deliveries/AROAEXAMPLE:mi-0123456789abcdef0/${'d'.repeat(64)}`;
  const { Body, ServerSideEncryption } = await client.send(new GetObjectCommand({ Bucket: 'deliveries', Key }));
  expect(await Body!.transformToString()).toBe('sealpost-delivery 1\n');
  expect(ServerSideEncryption).toBe('aws:kms');
});
