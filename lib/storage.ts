/**
 * The storage: one table, a bucket for keys and chains, a bucket for deliveries, and the KMS key
 * that encrypts both buckets.
 */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { acknowledge } from './nag.ts';

export class Storage extends Construct {
  readonly table: dynamodb.TableV2;
  readonly key: kms.Key;
  /** Versioned, so that an overwritten key can be restored. */
  readonly certificates: s3.Bucket;
  /** Not versioned: an expired delivery cannot be restored. */
  readonly deliveries: s3.Bucket;

  /** @param props.keepsNothing true: what is destroyed is gone, with every key in it */
  constructor(scope: Construct, id: string, { keepsNothing = false }: { keepsNothing?: boolean } = {}) {
    super(scope, id);
    const removalPolicy = keepsNothing ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN;
    this.table = new dynamodb.TableV2(this, 'Table', {
      partitionKey: { name: 'pk', type: dynamodb.AttributeType.STRING },
      sortKey: { name: 'sk', type: dynamodb.AttributeType.STRING },
      globalSecondaryIndexes: [
        {
          indexName: 'due',
          partitionKey: { name: 'shard', type: dynamodb.AttributeType.STRING },
          sortKey: { name: 'dueAt', type: dynamodb.AttributeType.NUMBER },
          // The renewal walk needs these attributes. With them in the index, a pass that finds no
          // news reads no item and writes none.
          projectionType: dynamodb.ProjectionType.INCLUDE,
          nonKeyAttributes: ['current', 'deletedAt'],
        },
      ],
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      removalPolicy,
    });
    this.key = new kms.Key(this, 'Key', {
      description: 'sealpost: certificates, deliveries and the ACME account key',
      enableKeyRotation: true,
      removalPolicy,
    });
    // No bucket key: with a bucket key the encryption context is the bucket, and the right of a
    // server could not end at the server's own prefix.
    const encrypted = {
      encryption: s3.BucketEncryption.KMS,
      encryptionKey: this.key,
      bucketKeyEnabled: false,
      enforceSSL: true,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      removalPolicy,
      autoDeleteObjects: keepsNothing,
    };
    this.certificates = new s3.Bucket(this, 'Certificates', {
      ...encrypted,
      versioned: true,
      // A key that was deleted by mistake can be restored for 30 days. After that, a superseded key
      // no longer exists.
      lifecycleRules: [
        { id: 'RemovedIsGone', noncurrentVersionExpiration: Duration.days(30), expiredObjectDeleteMarker: true },
      ],
    });
    this.deliveries = new s3.Bucket(this, 'Deliveries', {
      ...encrypted,
      lifecycleRules: [
        { id: 'DeliveriesExpire', prefix: 'deliveries/', expiration: Duration.days(2) },
        { id: 'ManifestsExpire', prefix: 'manifests/', expiration: Duration.days(2) },
      ],
    });
    for (const bucket of [this.certificates, this.deliveries])
      acknowledge(bucket, {
        rule: 'S1',
        reason:
          'Without a bucket key, each read and write of an object is a call of KMS. CloudTrail records the call with the object in its encryption context. An access log would repeat that, best effort.',
      });
  }
}
