/** The list of a bucket's objects: keys in byte order, grouped at a delimiter, in pages. */
import { AwsError } from '../service/service.ts';
import type { ObjectStore, Version } from './objects.ts';

/** S3 returns at most 1,000 entries a page, even if a caller asks for more. */
const PAGE = 1000;

export function isDeleteMarker(version: Version): boolean {
  return version.encryptedDataKey === undefined;
}

export function listObjects(store: ObjectStore, input: any) {
  const { Prefix = '', Delimiter = '', StartAfter, ContinuationToken } = input;
  const max = pageSize(input);
  const token = ContinuationToken && Buffer.from(ContinuationToken, 'base64url').toString();
  const after: string = token ?? StartAfter ?? '';
  const shown = encoder(input);
  const Contents: object[] = [];
  const prefixes: string[] = [];
  let last = '';
  let truncated = false;
  for (const version of store.list(input.Bucket, { prefix: Prefix, from: after })) {
    const { key } = version;
    if (key === after || isDeleteMarker(version)) continue;
    const cut = Delimiter ? key.indexOf(Delimiter, Prefix.length) : -1;
    const common = cut < 0 ? undefined : key.slice(0, cut + Delimiter.length);
    // A token may be a common prefix. Its keys were on the page before.
    if (common && (common === prefixes.at(-1) || common === token)) continue;
    truncated = Contents.length + prefixes.length >= max;
    if (truncated) break;
    last = common ?? key;
    if (common) prefixes.push(common);
    else Contents.push({ ...entryOf(version), Key: shown(key) });
  }
  return {
    Name: input.Bucket,
    Prefix: shown(Prefix),
    MaxKeys: max,
    KeyCount: Contents.length + prefixes.length,
    StartAfter: StartAfter && shown(StartAfter),
    ContinuationToken,
    EncodingType: input.EncodingType,
    Contents,
    CommonPrefixes: prefixes.map(prefix => ({ Prefix: shown(prefix) })),
    IsTruncated: truncated,
    ...(Delimiter && { Delimiter: shown(Delimiter) }),
    ...(truncated && { NextContinuationToken: Buffer.from(last).toString('base64url') }),
  };
}

function entryOf(version: Version) {
  return {
    ETag: version.etag,
    Size: version.size,
    LastModified: new Date(version.modified),
    StorageClass: 'STANDARD',
  };
}

function pageSize({ MaxKeys = PAGE }: { MaxKeys?: number }): number {
  if (MaxKeys < 0)
    throw new AwsError('InvalidArgument', 'Argument maxKeys must be an integer between 0 and 2147483647');
  return Math.min(MaxKeys, PAGE);
}

/**
 * EncodingType `url`, which the AWS CLI asks for: XML cannot contain every character that a key may
 * have.
 */
function encoder({ EncodingType }: { EncodingType?: string }): (key: string) => string {
  return EncodingType === 'url' ? key => encodeURIComponent(key).replaceAll('%2F', '/') : key => key;
}
