import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type GetObjectCommandInput,
  type PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allow, startAccount, type Account } from '../src/testing.ts';

let provider: Account;
let client: S3Client;
let keyArn: string;
const [kept, plain] = ['kept', 'plain'];

beforeAll(async () => {
  provider = await startAccount(['kms', 's3']);
  keyArn = (await provider.make('AWS::KMS::Key', 'Key', {})).attributes!.Arn!;
  await provider.make('AWS::S3::Bucket', 'Kept', {
    BucketName: kept,
    VersioningConfiguration: { Status: 'Enabled' },
    BucketEncryption: {
      ServerSideEncryptionConfiguration: [
        { ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: keyArn }, BucketKeyEnabled: false },
      ],
    },
    LifecycleConfiguration: { Rules: [{ Status: 'Enabled', NoncurrentVersionExpiration: { NoncurrentDays: 30 } }] },
  });
  await provider.make('AWS::S3::Bucket', 'Plain', { BucketName: plain });
  client = provider.client(S3Client);
});
afterAll(() => provider.stop());

const put = (Bucket: string, Key: string, Body: string, more: Partial<PutObjectCommandInput> = {}, by = client) =>
  by.send(new PutObjectCommand({ Bucket, Key, Body, ...more }));
const get = async (Bucket: string, Key: string, more: Partial<GetObjectCommandInput> = {}, by = client) => {
  const answer = await by.send(new GetObjectCommand({ Bucket, Key, ...more }));
  return { ...answer, text: await answer.Body!.transformToString() };
};
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => 'nothing failed',
    error => [error.$metadata.httpStatusCode, error.name],
  );

test('an object is read as it was written, with its metadata, its key and its checksum', async () => {
  await put(kept, 'a/ü &<b>.pem', 'body', { ContentType: 'text/plain', Metadata: { seq: '7' } });
  const found = await get(kept, 'a/ü &<b>.pem');
  expect(found).toMatchObject({ text: 'body', ContentType: 'text/plain', Metadata: { seq: '7' }, ContentLength: 4 });
  expect(found).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: keyArn });
  expect(found.ChecksumCRC32).toBeDefined();
  const head = await client.send(new HeadObjectCommand({ Bucket: kept, Key: 'a/ü &<b>.pem' }));
  expect(head).toMatchObject({ ContentLength: 4, ETag: found.ETag, VersionId: found.VersionId });
});

test('of 200 conditional puts at once one wins, and its body is read', async () => {
  const puts = Array.from({ length: 200 }, (_, i) =>
    put(kept, 'race', `body ${i}`, { IfNoneMatch: '*' }).then(
      () => `body ${i}`,
      error => [error.$metadata.httpStatusCode, error.name],
    ),
  );
  const results = await Promise.all(puts);
  const winners = results.filter(result => typeof result === 'string');
  expect(winners).toHaveLength(1);
  expect(results.filter(result => typeof result !== 'string')).toEqual(Array(199).fill([412, 'PreconditionFailed']));
  expect((await get(kept, 'race')).text).toBe(winners[0]);
  await client.send(
    new DeleteObjectCommand({ Bucket: kept, Key: 'race', VersionId: (await get(kept, 'race')).VersionId }),
  );
  expect(await failure(get(kept, 'race'))).toEqual([404, 'NoSuchKey']);
});

test('a put or get that names an ETag succeeds only for that object', async () => {
  const { ETag } = await put(plain, 'tag', 'one');
  expect(await failure(get(plain, 'tag', { IfNoneMatch: ETag! }))).toContain(304);
  expect(await failure(get(plain, 'tag', { IfMatch: '"other"' }))).toEqual([412, 'PreconditionFailed']);
  expect(await failure(put(plain, 'tag', 'two', { IfMatch: '"other"' }))).toEqual([412, 'PreconditionFailed']);
  await put(plain, 'tag', 'two', { IfMatch: ETag! });
  expect((await get(plain, 'tag')).text).toBe('two');
  expect(await failure(put(plain, 'gone', 'x', { IfMatch: ETag! }))).toEqual([404, 'NoSuchKey']);
});

test('a versioned bucket keeps overwritten and deleted objects until a version is deleted by its id', async () => {
  const first = await put(kept, 'v', 'one');
  const second = await put(kept, 'v', 'two');
  const marker = await client.send(new DeleteObjectCommand({ Bucket: kept, Key: 'v' }));
  expect(marker.DeleteMarker).toBe(true);
  expect(await failure(get(kept, 'v'))).toEqual([404, 'NoSuchKey']);
  expect((await get(kept, 'v', { VersionId: first.VersionId! })).text).toBe('one');
  expect((await get(kept, 'v', { VersionId: second.VersionId! })).text).toBe('two');
  expect(await failure(get(kept, 'v', { VersionId: marker.VersionId! }))).toEqual([405, 'MethodNotAllowed']);
  await put(kept, 'v', 'three', { IfNoneMatch: '*' });
  for (const { VersionId } of [first, marker])
    await client.send(new DeleteObjectCommand({ Bucket: kept, Key: 'v', VersionId }));
  expect(await failure(get(kept, 'v', { VersionId: first.VersionId! }))).toEqual([404, 'NoSuchVersion']);
  expect((await get(kept, 'v')).text).toBe('three');
});

test('a bucket without versions has one body for each key, and none after a delete', async () => {
  await put(plain, 'once', 'one');
  await put(plain, 'once', 'two');
  expect((await get(plain, 'once', { VersionId: 'null' })).text).toBe('two');
  await client.send(new DeleteObjectCommand({ Bucket: plain, Key: 'once' }));
  expect(await failure(client.send(new HeadObjectCommand({ Bucket: plain, Key: 'once' })))).toEqual([404, 'NotFound']);
});

test('a list is in byte order, rolled up at the delimiter, and complete over its pages', async () => {
  const keys = ['l/a', 'l/b/1', 'l/b/2', 'l/c', 'l/ü', 'l/😀', 'm'];
  for (const key of keys) await put(plain, key, key);
  const list = async (more: object) => {
    const seen: string[] = [];
    let ContinuationToken: string | undefined;
    do {
      const page = await client.send(
        new ListObjectsV2Command({ Bucket: plain, Prefix: 'l/', ContinuationToken, ...more }),
      );
      seen.push(
        ...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix!),
        ...(page.Contents ?? []).map(({ Key }) => Key!),
      );
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken);
    return seen;
  };
  expect(await list({})).toEqual(keys.slice(0, 6));
  expect(await list({ MaxKeys: 1 })).toEqual(keys.slice(0, 6));
  expect(await list({ MaxKeys: 1, Delimiter: '/' })).toEqual(['l/a', 'l/b/', 'l/c', 'l/ü', 'l/😀']);
  expect(await list({ StartAfter: 'l/b/2' })).toEqual(['l/c', 'l/ü', 'l/😀']);
  expect(await list({ EncodingType: 'url', StartAfter: 'l/c' })).toEqual(['l/%C3%BC', 'l/%F0%9F%98%80']);
});

test('a body is encrypted as the caller, who needs the key for this very object', async () => {
  await put(kept, 'role/mine', 'mine');
  await put(kept, 'other', 'other');
  const through = (path: string) => ({
    StringEquals: { 'kms:ViaService': 's3.us-east-1.amazonaws.com' },
    StringLike: { 'kms:EncryptionContext:aws:s3:arn': `arn:aws:s3:::${kept}/${path}` },
  });
  const reader = provider.client(S3Client, [
    allow('s3:GetObject', `arn:aws:s3:::${kept}/*`),
    allow('kms:Decrypt', keyArn, through('role/*')),
  ]);
  expect((await get(kept, 'role/mine', {}, reader)).text).toBe('mine');
  expect(await failure(get(kept, 'other', {}, reader))).toEqual([403, 'AccessDenied']);
  const writer = provider.client(S3Client, [allow('s3:PutObject', `arn:aws:s3:::${kept}/*`)]);
  expect(await failure(put(kept, 'role/new', 'x', {}, writer))).toEqual([403, 'AccessDenied']);
  expect(await failure(get(kept, 'role/new'))).toEqual([404, 'NoSuchKey']);
});

test('a caller that may not list a bucket does not learn which keys exist', async () => {
  const objects = allow('s3:GetObject', `arn:aws:s3:::${plain}/*`);
  const blind = provider.client(S3Client, [objects]);
  const onlyPrefix = allow('s3:ListBucket', `arn:aws:s3:::${plain}`, { StringLike: { 's3:prefix': 'mine/*' } });
  const prefixed = provider.client(S3Client, [objects, onlyPrefix]);
  const seeing = provider.client(S3Client, [objects, allow('s3:ListBucket', `arn:aws:s3:::${plain}`)]);
  expect(await failure(get(plain, 'nothing', {}, blind))).toEqual([403, 'AccessDenied']);
  expect(await failure(get(plain, 'nothing', {}, prefixed))).toEqual([403, 'AccessDenied']);
  expect(await failure(get(plain, 'nothing', {}, seeing))).toEqual([404, 'NoSuchKey']);
  const list = (Prefix: string) => prefixed.send(new ListObjectsV2Command({ Bucket: plain, Prefix }));
  expect((await list('mine/x')).KeyCount).toBe(0);
  expect(await failure(list('other/'))).toEqual([403, 'AccessDenied']);
});

test('a role reads its own deliveries by its user id, and a bucket policy denies to all', async () => {
  const role = provider.client(S3Client, [allow('s3:GetObject', `arn:aws:s3:::${plain}/deliveries/\${aws:userid}/*`)]);
  const { userId } = await provider.caller(role);
  await put(plain, `deliveries/${userId}/x`, 'mine');
  await put(plain, 'deliveries/AROAOTHER:i-1/x', 'other');
  expect((await get(plain, `deliveries/${userId}/x`, {}, role)).text).toBe('mine');
  expect(await failure(get(plain, 'deliveries/AROAOTHER:i-1/x', {}, role))).toEqual([403, 'AccessDenied']);
  const deny = { Effect: 'Deny', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${plain}/*` };
  const PolicyDocument = { Version: '2012-10-17', Statement: [deny] };
  await provider.make('AWS::S3::BucketPolicy', 'Policy', { Bucket: plain, PolicyDocument });
  expect(await failure(get(plain, `deliveries/${userId}/x`, {}, role))).toEqual([403, 'AccessDenied']);
  provider.cloud.iam.setResourcePolicy(`arn:aws:s3:::${plain}`, undefined);
});

test('buckets are found, and an operation that is not implemented is refused', async () => {
  await client.send(new HeadBucketCommand({ Bucket: plain }));
  expect((await client.send(new ListBucketsCommand({}))).Buckets!.map(({ Name }) => Name)).toContain(plain);
  expect(await failure(client.send(new HeadBucketCommand({ Bucket: 'nowhere' })))).toEqual([404, 'NotFound']);
  expect(await failure(get('nowhere', 'x'))).toEqual([404, 'NoSuchBucket']);
  expect(await failure(put(plain, 'x', 'x', { StorageClass: 'GLACIER' }))).toEqual([501, 'NotImplemented']);
  expect(await failure(put(plain, 'x', 'x', { BucketKeyEnabled: true }))).toEqual([501, 'NotImplemented']);
  expect(await failure(get(plain, 'tag', { Range: 'bytes=1-2' }))).toEqual([501, 'NotImplemented']);
  const copy = new CopyObjectCommand({ Bucket: plain, Key: 'y', CopySource: `${plain}/tag` });
  expect(await failure(client.send(copy))).toEqual([501, 'NotImplemented']);
});

test('objects survive a restart, and the database file does not contain a body', async () => {
  const secret = 'PLANTED-SECRET-OF-THIS-TEST';
  await put(kept, 'secret', secret);
  await put(plain, 'secret', secret);
  const raw = async () =>
    Buffer.concat(
      await Promise.all(['cloud.sqlite', 'cloud.sqlite-wal'].map(file => readFile(join(provider.directory, file)))),
    );
  const before = await raw();
  await provider.restart();
  client = provider.client(S3Client);
  expect([(await get(kept, 'secret')).text, (await get(plain, 'secret')).text]).toEqual([secret, secret]);
  for (const bytes of [before, await raw()]) {
    expect(bytes.includes('s3_objects')).toBe(true);
    expect(bytes.includes(secret)).toBe(false);
    expect(bytes.includes(Buffer.from(secret).toString('base64').slice(0, 30))).toBe(false);
  }
});
