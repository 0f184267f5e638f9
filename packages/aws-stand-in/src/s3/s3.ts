/**
 * S3: buckets with versions, conditional writes and default encryption, addressed by path.
 * Lifecycle rules are accepted, and nothing expires by itself: AWS takes up to a day for it too.
 * Not here: lists of versions, ranges, multipart uploads, copies, ACLs, tags, object lock,
 * presigned URLs, notifications.
 */
import * as model from '@aws-sdk/client-s3';
import { refuse, refuseOthers } from '../service/refusal.ts';
import { bucketArn, openAccess } from './access.ts';
import { listObjects } from './lists.ts';
import { objectOperations } from './object-operations.ts';
import type { ConditionContext, Operation, ResourceType, ServiceFactory } from '../service/service.ts';

export const s3: ServiceFactory = cloud => {
  const access = openAccess(cloud);
  const { store, open } = access;

  const bucketOperations: Record<string, Operation> = {
    HeadBucket(input, call) {
      refuseOthers('s3:HeadBucket', input, ['Bucket', 'ExpectedBucketOwner']);
      open(call, 'ListBucket', input);
      return { BucketRegion: cloud.region };
    },
    ListBuckets(input, call) {
      refuseOthers('s3:ListBuckets', input, []);
      call.authorize('s3:ListAllMyBuckets', '*');
      return { Buckets: store.buckets().map(({ name, created }) => ({ Name: name, CreationDate: new Date(created) })) };
    },
    ListObjectsV2(input, call) {
      refuseOthers('s3:ListObjectsV2', { ...input, FetchOwner: input.FetchOwner || undefined }, [
        'Bucket',
        'Prefix',
        'Delimiter',
        'MaxKeys',
        'ContinuationToken',
        'StartAfter',
        'EncodingType',
        'ExpectedBucketOwner',
      ]);
      open(call, 'ListBucket', input, undefined, listConditions(input));
      return listObjects(store, input);
    },
  };

  const bucketType: ResourceType = ({ properties, stackName, logicalId }) => {
    refuseOthers('AWS::S3::Bucket', properties, [
      'BucketName',
      'BucketEncryption',
      'VersioningConfiguration',
      'LifecycleConfiguration',
      'Tags',
      'PublicAccessBlockConfiguration',
      'OwnershipControls',
    ]);
    const name: string = properties.BucketName ?? `${stackName}-${logicalId}`.toLowerCase();
    const rule = properties.BucketEncryption?.ServerSideEncryptionConfiguration?.[0];
    if (rule?.BucketKeyEnabled) refuse('AWS::S3::Bucket: BucketKeyEnabled');
    const encryption = rule?.ServerSideEncryptionByDefault;
    if (![undefined, 'AES256', 'aws:kms'].includes(encryption?.SSEAlgorithm)) {
      refuse(`AWS::S3::Bucket: encryption by ${encryption.SSEAlgorithm}`);
    }
    const versioning = properties.VersioningConfiguration?.Status;
    const existing = store.bucket(name);
    if (versioning === 'Suspended' || (existing?.versioned && !versioning))
      refuse('AWS::S3::Bucket: suspended versions');
    store.putBucket({
      name,
      created: existing?.created ?? cloud.now(),
      versioned: versioning === 'Enabled',
      kmsKey: encryption?.SSEAlgorithm === 'aws:kms' ? (encryption.KMSMasterKeyID ?? 'alias/aws/s3') : undefined,
    });
    const attributes = {
      Arn: bucketArn(name),
      DomainName: `${name}.s3.amazonaws.com`,
      RegionalDomainName: `${name}.s3.${cloud.region}.amazonaws.com`,
    };
    return { ref: name, attributes };
  };

  const bucketPolicyType: ResourceType = ({ properties, stackName, logicalId }) => {
    refuseOthers('AWS::S3::BucketPolicy', properties, ['Bucket', 'PolicyDocument']);
    cloud.iam.setResourcePolicy(bucketArn(properties.Bucket), properties.PolicyDocument);
    return { ref: `${stackName}-${logicalId}` };
  };

  return {
    name: 's3',
    model,
    client: 'S3Client',
    operations: { ...bucketOperations, ...objectOperations(access) },
    resources: { 'AWS::S3::Bucket': bucketType, 'AWS::S3::BucketPolicy': bucketPolicyType },
  };
};

function listConditions({ Prefix, Delimiter, MaxKeys }: any): ConditionContext {
  return {
    ...(Prefix !== undefined && { 's3:prefix': Prefix }),
    ...(Delimiter !== undefined && { 's3:delimiter': Delimiter }),
    ...(MaxKeys !== undefined && { 's3:max-keys': String(MaxKeys) }),
  };
}
