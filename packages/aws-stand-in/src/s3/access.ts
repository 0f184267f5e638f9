/**
 * What the operations share: the store, the way to a bucket, which authorizes, and the common
 * errors.
 */
import { openObjects } from './objects.ts';
import type { Bucket, ObjectStore } from './objects.ts';
import { AwsError } from '../service/service.ts';
import type { Call, Cloud, ConditionContext } from '../service/service.ts';

export interface Access {
  cloud: Cloud;
  store: ObjectStore;
  /**
   * S3 tells every caller that a bucket does not exist.
   * @throws AwsError NoSuchBucket
   */
  bucket(name: string): Bucket;
  /** Authorizes an action on the bucket, or on an object in it. */
  open(call: Call, action: string, input: any, key?: string, context?: ConditionContext): Bucket;
  /**
   * The error for an absent key. A caller that may not list the bucket does not learn that the key
   * is absent.
   */
  missing(call: Call, bucket: Bucket, error: AwsError): AwsError;
}

export const bucketArn = (name: string) => `arn:aws:s3:::${name}`;
export const objectArn = (bucket: string, key: string) => `arn:aws:s3:::${bucket}/${key}`;

export function openAccess(cloud: Cloud): Access {
  const store = openObjects(cloud.database);
  const access: Access = {
    cloud,
    store,
    bucket(name) {
      const bucket = store.bucket(name);
      if (!bucket) throw new AwsError('NoSuchBucket', 'The specified bucket does not exist', { status: 404 });
      return bucket;
    },
    open(call, action, input, key, context) {
      const bucket = access.bucket(input.Bucket);
      const resource = key === undefined ? bucketArn(bucket.name) : objectArn(bucket.name, key);
      call.authorize(`s3:${action}`, resource, context);
      if ((input.ExpectedBucketOwner ?? cloud.account) !== cloud.account) throw accessDenied();
      return bucket;
    },
    missing(call, bucket, error) {
      try {
        call.authorize('s3:ListBucket', bucketArn(bucket.name));
      } catch {
        return accessDenied();
      }
      return error;
    },
  };
  return access;
}

function accessDenied(): AwsError {
  return new AwsError('AccessDenied', 'Access Denied', { status: 403 });
}

export function noSuchKey(key: string): AwsError {
  return new AwsError('NoSuchKey', 'The specified key does not exist.', { status: 404, fields: { Key: key } });
}

export function preconditionFailed(condition: string): AwsError {
  return new AwsError('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', {
    status: 412,
    fields: { Condition: condition },
  });
}
