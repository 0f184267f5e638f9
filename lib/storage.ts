/** What is kept: one table, a bucket for keys and chains, a bucket for deliveries, and the key that encrypts them. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { acknowledge } from './nag.ts';

export class Storage extends Construct {
  readonly table: dynamodb.TableV2;
  readonly key: kms.Key;
  /** Versioned: an overwritten key can be had back. */
  readonly certificates: s3.Bucket;
  /** Unversioned: what expired is gone. */
  readonly deliveries: s3.Bucket;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.table = new dynamodb.TableV2(this, 'Table', {
      partitionKey: { name: 'pk', type: dynamodb.AttributeType.STRING },
      sortKey: { name: 'sk', type: dynamodb.AttributeType.STRING },
      globalSecondaryIndexes: [
        {
          indexName: 'due',
          partitionKey: { name: 'shard', type: dynamodb.AttributeType.STRING },
          sortKey: { name: 'dueAt', type: dynamodb.AttributeType.NUMBER },
          // What the walk over all certificates needs: a look that finds nothing new reads no item and writes none.
          projectionType: dynamodb.ProjectionType.INCLUDE,
          nonKeyAttributes: ['current', 'deletedAt'],
        },
      ],
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.key = new kms.Key(this, 'Key', {
      description: 'sealpost: certificates, deliveries and the ACME account key',
      enableKeyRotation: true,
    });
    // No bucket key: with one, the encryption context would be the bucket, and a server's right could not end at its own prefix.
    const encrypted = {
      encryption: s3.BucketEncryption.KMS,
      encryptionKey: this.key,
      bucketKeyEnabled: false,
      enforceSSL: true,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      removalPolicy: RemovalPolicy.RETAIN,
    };
    this.certificates = new s3.Bucket(this, 'Certificates', {
      ...encrypted,
      versioned: true,
      // So long can a key that was taken away by mistake be had back; one that was superseded is gone after it.
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
      acknowledge(
        bucket,
        'S1',
        'Without a bucket key every read and write of an object is a call of KMS, which CloudTrail records with the object in its encryption context: an access log would say it twice, best effort.',
      );
  }
}
