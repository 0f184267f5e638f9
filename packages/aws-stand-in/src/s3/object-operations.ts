/**
 * The operations on objects. A conditional put decides and writes in one turn of the event loop, so
 * that exactly one of many parallel puts wins. (AWS may also answer 409 to some of the others.)
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Kms } from '../kms/kms.ts';
import { refuse, refuseOthers } from '../service/refusal.ts';
import { noSuchKey, objectArn, preconditionFailed } from './access.ts';
import type { Access } from './access.ts';
import { decryptBody, encryptBody } from './encryption.ts';
import type { Encrypted } from './encryption.ts';
import { isDeleteMarker } from './lists.ts';
import type { Bucket, Version } from './objects.ts';
import { AwsError } from '../service/service.ts';
import type { Call, ConditionContext, Operation } from '../service/service.ts';

const kept = ['ContentType', 'CacheControl', 'ContentDisposition', 'ContentEncoding', 'ContentLanguage', 'Metadata'];

/** The wire layer has compared them with the body. */
const checksums = ['ChecksumCRC32', 'ChecksumSHA1', 'ChecksumSHA256'];

export function objectOperations(access: Access): Record<string, Operation> {
  const { cloud, store, open, missing } = access;
  const kms = () => cloud.service<Kms>('kms');

  function putObject(input: any, call: Call) {
    // A bucket key would change the encryption context. A caller may say that it wants none.
    const { BucketKeyEnabled, ...asked } = input;
    if (BucketKeyEnabled) refuse('s3:PutObject: BucketKeyEnabled');
    refuseOthers('s3:PutObject', asked, [
      'Bucket',
      'Key',
      'Body',
      'ContentLength',
      'ContentMD5',
      'IfMatch',
      'IfNoneMatch',
      'ExpectedBucketOwner',
      'ServerSideEncryption',
      'SSEKMSKeyId',
      'ChecksumAlgorithm',
      ...checksums,
      ...kept,
    ]);
    const { Key: key, IfMatch, IfNoneMatch } = input;
    const bucket = open(call, 'PutObject', input, key, writeConditions(input));
    // A caller that asks whether the object is a certain one learns something about it.
    if (IfMatch !== undefined) call.authorize('s3:GetObject', objectArn(bucket.name, key));
    if (IfNoneMatch !== undefined && IfNoneMatch !== '*') refuse('s3:PutObject: If-None-Match with an ETag');
    const body: Uint8Array = input.Body ?? new Uint8Array();
    const sums = given(input, checksums);
    const current = store.find({ bucket: bucket.name, key });
    const exists = current !== undefined && !isDeleteMarker(current);
    if (IfNoneMatch && exists) throw preconditionFailed('If-None-Match');
    if (IfMatch !== undefined && !exists) throw missing(call, bucket, noSuchKey(key));
    if (IfMatch !== undefined && !sameTag(IfMatch, current!.etag)) throw preconditionFailed('If-Match');
    const encrypted = encryptBody(kms(), call.caller, keyFor(input, bucket), objectArn(bucket.name, key), body);
    const version: Version = {
      key,
      versionId: bucket.versioned ? newVersionId() : 'null',
      modified: cloud.now(),
      // Under SSE-KMS, an ETag is not the MD5 of the body, so that nobody can compare bodies by it.
      etag: `"${md5(encrypted.kmsKeyArn ? encrypted.encryptedBody : body)}"`,
      size: body.length,
      headers: { ...given(input, kept), ...sums },
      ...encrypted,
    };
    store.put(bucket, version);
    return { ETag: version.etag, ...encryptionOf(version), ...sums, ...shownVersion(bucket, version) };
  }

  /**
   * Finds the object for a read.
   * @throws AwsError 404 or 403; 405 for a delete marker by its id; 412; 304
   */
  function locate(input: any, call: Call): { bucket: Bucket; version: Version } {
    const { Key: key, VersionId } = input;
    const action = VersionId === undefined ? 'GetObject' : 'GetObjectVersion';
    const bucket = open(call, action, input, key, VersionId === undefined ? {} : { 's3:VersionId': VersionId });
    const version = store.find({ bucket: bucket.name, key, versionId: VersionId });
    if (!version && VersionId !== undefined) {
      const error = new AwsError('NoSuchVersion', 'The specified version does not exist.', { status: 404 });
      throw missing(call, bucket, error);
    }
    if (!version || (isDeleteMarker(version) && VersionId === undefined)) throw missing(call, bucket, noSuchKey(key));
    if (isDeleteMarker(version)) {
      throw new AwsError('MethodNotAllowed', 'The specified method is not allowed against this resource.', {
        status: 405,
      });
    }
    if (input.IfMatch !== undefined && !sameTag(input.IfMatch, version.etag)) throw preconditionFailed('If-Match');
    if (input.IfNoneMatch !== undefined && sameTag(input.IfNoneMatch, version.etag)) {
      throw new AwsError('NotModified', 'Not Modified', { status: 304 });
    }
    return { bucket, version };
  }

  function described(bucket: Bucket, version: Version, { withChecksum }: { withChecksum: boolean }) {
    const headers = Object.fromEntries(
      Object.entries(version.headers).filter(([name]) => withChecksum || !name.startsWith('Checksum')),
    );
    return {
      ContentType: 'binary/octet-stream',
      ...headers,
      ETag: version.etag,
      LastModified: new Date(version.modified),
      ContentLength: version.size,
      ...encryptionOf(version),
      ...shownVersion(bucket, version),
    };
  }

  const readMembers = ['Bucket', 'Key', 'VersionId', 'IfMatch', 'IfNoneMatch', 'ChecksumMode', 'ExpectedBucketOwner'];

  function getObject(input: any, call: Call) {
    refuseOthers('s3:GetObject', input, readMembers);
    const { bucket, version } = locate(input, call);
    const Body = decryptBody(kms(), call.caller, objectArn(bucket.name, version.key), version as Encrypted);
    return { ...described(bucket, version, { withChecksum: input.ChecksumMode === 'ENABLED' }), Body };
  }

  function headObject(input: any, call: Call) {
    refuseOthers('s3:HeadObject', input, readMembers);
    const { bucket, version } = locate(input, call);
    const withChecksum = input.ChecksumMode === 'ENABLED';
    // A checksum says something about the body, so S3 asks for kms:Decrypt here too.
    if (withChecksum) decryptBody(kms(), call.caller, objectArn(bucket.name, version.key), version as Encrypted);
    return described(bucket, version, { withChecksum });
  }

  /**
   * Deletes one version for good; in a versioned bucket and without a version id, adds a delete
   * marker.
   */
  function remove(bucket: Bucket, call: Call, key: string, versionId: string | undefined) {
    const action = versionId === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion';
    call.authorize(action, objectArn(bucket.name, key));
    if (bucket.versioned && versionId === undefined) {
      const marker = { key, versionId: newVersionId(), modified: cloud.now(), etag: '', size: 0, headers: {} };
      store.put(bucket, marker);
      return { DeleteMarker: true, VersionId: marker.versionId };
    }
    const version = store.find({ bucket: bucket.name, key, versionId: versionId ?? 'null' });
    store.remove({ bucket: bucket.name, key, versionId: versionId ?? 'null' });
    if (versionId === undefined) return {};
    return { VersionId: versionId, ...(version && isDeleteMarker(version) && { DeleteMarker: true }) };
  }

  return {
    PutObject: putObject,
    GetObject: getObject,
    HeadObject: headObject,
    DeleteObject(input, call) {
      refuseOthers('s3:DeleteObject', input, ['Bucket', 'Key', 'VersionId', 'ExpectedBucketOwner']);
      return remove(access.bucket(input.Bucket), call, input.Key, input.VersionId);
    },
  };
}

function writeConditions(input: any): ConditionContext {
  return {
    ...(input.ServerSideEncryption && { 's3:x-amz-server-side-encryption': input.ServerSideEncryption }),
    ...(input.SSEKMSKeyId && { 's3:x-amz-server-side-encryption-aws-kms-key-id': input.SSEKMSKeyId }),
    ...(input.IfNoneMatch && { 's3:if-none-match': input.IfNoneMatch }),
    ...(input.IfMatch && { 's3:if-match': input.IfMatch }),
  };
}

/**
 * The KMS key to encrypt with; undefined for SSE-S3. `aws:kms` without a key means AWS's own key,
 * independent of the bucket's default.
 */
function keyFor(input: any, bucket: Bucket): string | undefined {
  if (input.ServerSideEncryption === undefined) return bucket.kmsKey;
  if (input.ServerSideEncryption === 'AES256') return undefined;
  if (input.ServerSideEncryption !== 'aws:kms') refuse(`s3:PutObject: encryption by ${input.ServerSideEncryption}`);
  return input.SSEKMSKeyId ?? 'alias/aws/s3';
}

function given(input: any, names: string[]): Record<string, any> {
  return Object.fromEntries(names.flatMap(name => (input[name] === undefined ? [] : [[name, input[name]]])));
}

function encryptionOf(version: Version) {
  if (!version.kmsKeyArn) return { ServerSideEncryption: 'AES256' };
  return { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: version.kmsKeyArn };
}

function shownVersion(bucket: Bucket, version: Version) {
  return bucket.versioned ? { VersionId: version.versionId } : {};
}

/** Clients may omit the quotes. */
function sameTag(given: string, etag: string): boolean {
  return given === '*' || given.replaceAll('"', '') === etag.replaceAll('"', '');
}

function newVersionId(): string {
  return randomBytes(24).toString('base64url');
}

function md5(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex');
}
