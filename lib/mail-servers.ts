/**
 * What a mail server needs in AWS: the document that Systems Manager runs on the server, and the
 * role with which the server reads its own deliveries.
 */
import { readFileSync } from 'node:fs';
import { Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import { acknowledge, acknowledgeWide, wide } from './nag.ts';
import type { Storage } from './storage.ts';

export class MailServers extends Construct {
  readonly documentName: string;
  readonly documentArn: string;
  /** The document downloads from this URL. */
  readonly deliveryBucketUrl: string;
  readonly role: iam.Role;
  /** Gives instances of EC2 the role. */
  readonly instanceProfile: iam.CfnInstanceProfile;
  /** For a role of your own: what a mail server may do here. */
  readonly policy: iam.ManagedPolicy;

  constructor(scope: Construct, id: string, { name, storage }: { name: string; storage: Storage }) {
    super(scope, id);
    const stack = Stack.of(this);
    const { deliveries, key } = storage;
    this.documentName = `${name}-deliver`;
    this.documentArn = stack.formatArn({ service: 'ssm', resource: 'document', resourceName: this.documentName });
    const text = readFileSync(new URL('../install/document.json', import.meta.url), 'utf8');
    this.deliveryBucketUrl = `https://s3.${stack.region}.${stack.urlSuffix}/${deliveries.bucketName}`;
    new ssm.CfnDocument(this, 'Document', {
      name: this.documentName,
      documentType: 'Command',
      documentFormat: 'JSON',
      targetType: '/',
      content: fill(JSON.parse(text), this.deliveryBucketUrl),
      updateMethod: 'NewVersion',
    });

    // `${aws:userid}` is <role id>:<node id> in a session that EC2 or Systems Manager opened. No
    // other principal may open a session of the role.
    const own = 'deliveries/${aws:userid}/*';
    // On EC2, only credentials from IMDSv2, which a forged request through webmail cannot fetch.
    // Hybrid nodes have no IMDS.
    const imdsv2 = { NumericGreaterThanEqualsIfExists: { 'ec2:RoleDelivery': '2.0' } };
    const readDeliveries = wide(
      "The right ends at the server's own prefix, where deliveries are named by hash. Installers are named by hash and hold no secret.",
      new iam.PolicyStatement({
        actions: ['s3:GetObject'],
        resources: [deliveries.arnForObjects(own), deliveries.arnForObjects('installers/*')],
        conditions: imdsv2,
      }),
    );
    // The name is unique in its region, an IAM name must be so in the account.
    const iamName = `${name}-mail-server-${stack.region}`;
    this.policy = new iam.ManagedPolicy(this, 'Policy', {
      managedPolicyName: iamName,
      description:
        'A mail server reads its own deliveries, and installers. Attach this policy to the role of your instances',
      statements: [
        readDeliveries,
        new iam.PolicyStatement({
          actions: ['kms:Decrypt'],
          resources: [key.keyArn],
          conditions: {
            ...imdsv2,
            StringEquals: { 'kms:ViaService': `s3.${stack.region}.${stack.urlSuffix}` },
            StringLike: {
              'kms:EncryptionContext:aws:s3:arn': [
                deliveries.arnForObjects(own),
                deliveries.arnForObjects('installers/*'),
              ],
            },
          },
        }),
        // The agent's own policy permits to read parameters. Without this denial, a server could
        // read an ACME account key that a person stored under the account's default KMS key.
        new iam.PolicyStatement({
          effect: iam.Effect.DENY,
          actions: ['ssm:GetParameter', 'ssm:GetParameters', 'ssm:GetParametersByPath', 'ssm:GetParameterHistory'],
          resources: [
            stack.formatArn({ service: 'ssm', resource: 'parameter', resourceName: `${name}/*` }),
            stack.formatArn({ service: 'ssm', resource: 'parameter', resourceName: name }),
          ],
        }),
      ],
    });
    acknowledgeWide(this.policy, [readDeliveries]);
    const agentPolicy = 'AmazonSSMManagedInstanceCore';
    this.role = new iam.Role(this, 'Role', {
      roleName: iamName,
      description: 'For mail servers that have no role yet',
      assumedBy: new iam.CompositePrincipal(
        new iam.ServicePrincipal('ec2.amazonaws.com'),
        new iam.ServicePrincipal('ssm.amazonaws.com'),
      ),
      managedPolicies: [this.policy, iam.ManagedPolicy.fromAwsManagedPolicyName(agentPolicy)],
    });
    acknowledge(this.role, {
      rule: `IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/${agentPolicy}]`,
      reason:
        'AWS decides what the SSM Agent calls, and changes the list with the agent. The policy permits to read parameters; our own policy denies that for ours.',
    });
    const { roleName } = this.role;
    this.instanceProfile = new iam.CfnInstanceProfile(this, 'InstanceProfile', {
      instanceProfileName: roleName,
      roles: [roleName],
    });
  }
}

/** Replaces `{DeliveryBucketUrl}` in the document by the delivery bucket's URL. */
function fill(content: unknown, bucketUrl: string): unknown {
  if (typeof content === 'string') {
    const parts = content.split('{DeliveryBucketUrl}');
    return parts.length === 1 ? content : parts.join(bucketUrl);
  }
  if (Array.isArray(content)) return content.map(part => fill(part, bucketUrl));
  if (content && typeof content === 'object')
    return Object.fromEntries(Object.entries(content).map(([name, value]) => [name, fill(value, bucketUrl)]));
  return content;
}
