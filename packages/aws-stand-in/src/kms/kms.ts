/**
 * KMS: symmetric keys with key policies, and the aliases of AWS's own keys. S3 and SSM encrypt
 * through the methods of `Kms`, as the caller who asked them to, so that the caller's own rights on
 * the key apply. There is no operation for callers from outside. Rotation is accepted without
 * effect, because no caller could see one.
 */
import { randomBytes } from 'node:crypto';
import * as model from '@aws-sdk/client-kms';
import { openKeys } from './keys.ts';
import type { EncryptionContext } from './keys.ts';
import { refuse, refuseOthers } from '../service/refusal.ts';
import { AwsError, arn } from '../service/service.ts';
import type { Caller, ConditionContext, ResourceType, Service, ServiceFactory } from '../service/service.ts';

export interface Kms extends Service {
  /**
   * Encrypts as `caller`, on whose behalf a service acts.
   * @param key id, ARN, or an alias such as `alias/aws/ssm`
   * @param viaService `s3`, `ssm`, …
   * @throws AwsError AccessDenied, NotFoundException
   */
  encryptFor(
    caller: Caller,
    key: string,
    plaintext: Uint8Array,
    context: EncryptionContext,
    viaService: string,
  ): { keyArn: string; ciphertext: Uint8Array };
  decryptFor(
    caller: Caller,
    ciphertext: Uint8Array,
    context: EncryptionContext,
    viaService: string,
  ): { keyArn: string; plaintext: Uint8Array };
  /**
   * A new key of 32 bytes, plain and encrypted.
   * @throws AwsError AccessDenied, NotFoundException
   */
  generateDataKeyFor(
    caller: Caller,
    key: string,
    context: EncryptionContext,
    viaService: string,
  ): { keyArn: string; plaintext: Uint8Array; ciphertext: Uint8Array };
  /**
   * Encryption with a key that belongs to the service (SSE-S3). No account sees the key, so no
   * right is checked.
   */
  serviceOwned(service: string): {
    encrypt(plaintext: Uint8Array, context: EncryptionContext): Uint8Array;
    decrypt(ciphertext: Uint8Array, context: EncryptionContext): Uint8Array;
  };
}

export const kms: ServiceFactory<Kms> = cloud => {
  const { database } = cloud;
  const { ensureKey, encrypt, decrypt, keyIn } = openKeys(cloud);
  const managedKeys = new Map<string, string>();
  const keyArn = (id: string) => arn(cloud, 'kms', `key/${id}`);

  /**
   * The key that AWS makes for a service. Every caller in this account may use it, but only through
   * that service.
   */
  function managedKey(service: string): string {
    const known = managedKeys.get(service);
    if (known) return known;
    const id = ensureKey(`aws/${service}`, 'AWS', `Default key that protects data of ${service}`);
    cloud.iam.setResourcePolicy(keyArn(id), {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { AWS: '*' },
          Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
          Resource: '*',
          Condition: {
            StringEquals: {
              'kms:CallerAccount': cloud.account,
              'kms:ViaService': `${service}.${cloud.region}.amazonaws.com`,
            },
          },
        },
      ],
    });
    managedKeys.set(service, id);
    return id;
  }

  /**
   * The key id for an id, a key ARN or the alias of a service's own key.
   * @throws AwsError NotFoundException
   */
  function resolve(key: string): string {
    const name = key.replace(/^arn:aws:kms:[^:]*:[^:]*:(key\/)?/, '');
    const service = /^alias\/aws\/([a-z0-9]+)$/.exec(name)?.[1];
    if (service) return managedKey(service);
    if (name.startsWith('alias/')) refuse(`kms: ${name}, an alias of a customer's key,`);
    const known = database.prepare('SELECT id FROM kms_keys WHERE id = ?').get(name);
    if (!known) throw new AwsError('NotFoundException', `Key '${keyArn(name)}' does not exist`);
    return known.id as string;
  }

  function allow(caller: Caller, action: string, key: string, context: EncryptionContext, viaService: string): string {
    const id = resolve(key);
    const conditions: ConditionContext = {
      'kms:CallerAccount': cloud.account,
      'kms:ViaService': `${viaService}.${cloud.region}.amazonaws.com`,
    };
    for (const [name, value] of Object.entries(context)) conditions[`kms:EncryptionContext:${name}`] = value;
    if (Object.keys(context).length) conditions['kms:EncryptionContextKeys'] = Object.keys(context);
    cloud.iam.authorize(caller, action, keyArn(id), conditions);
    return id;
  }

  const keyType: ResourceType = ({ properties, stackName, logicalId }) => {
    refuseOthers('AWS::KMS::Key', properties, [
      'KeyPolicy',
      'Description',
      'EnableKeyRotation',
      'RotationPeriodInDays',
      'PendingWindowInDays',
      'Tags',
      'Enabled',
      'KeySpec',
      'KeyUsage',
      'BypassPolicyLockoutSafetyCheck',
    ]);
    if ((properties.KeySpec ?? 'SYMMETRIC_DEFAULT') !== 'SYMMETRIC_DEFAULT') refuse('AWS::KMS::Key: asymmetric keys');
    if ((properties.KeyUsage ?? 'ENCRYPT_DECRYPT') !== 'ENCRYPT_DECRYPT') refuse('AWS::KMS::Key: keys that sign');
    if (properties.Enabled === false) refuse('AWS::KMS::Key: a key that is disabled');
    const id = ensureKey(`${stackName}/${logicalId}`, 'CUSTOMER', properties.Description ?? '');
    // KMS gives this policy to a key without one: the account decides by IAM.
    const accountDecides = {
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${cloud.account}:root` }, Action: 'kms:*', Resource: '*' },
      ],
    };
    cloud.iam.setResourcePolicy(keyArn(id), properties.KeyPolicy ?? accountDecides);
    return { ref: id, attributes: { Arn: keyArn(id), KeyId: id } };
  };

  return {
    name: 'kms',
    model,
    client: 'KMSClient',
    operations: {},
    resources: { 'AWS::KMS::Key': keyType },
    encryptFor(caller, key, plaintext, context, viaService) {
      const id = allow(caller, 'kms:Encrypt', key, context, viaService);
      return { keyArn: keyArn(id), ciphertext: encrypt(id, plaintext, context) };
    },
    decryptFor(caller, ciphertext, context, viaService) {
      const id = allow(caller, 'kms:Decrypt', keyIn(ciphertext), context, viaService);
      return { keyArn: keyArn(id), plaintext: decrypt(id, ciphertext, context) };
    },
    generateDataKeyFor(caller, key, context, viaService) {
      const id = allow(caller, 'kms:GenerateDataKey', key, context, viaService);
      const plaintext = randomBytes(32);
      return { keyArn: keyArn(id), plaintext, ciphertext: encrypt(id, plaintext, context) };
    },
    serviceOwned(service) {
      const id = ensureKey(service, 'AWS', `Owned by ${service}`);
      return {
        encrypt: (plaintext, context) => encrypt(id, plaintext, context),
        decrypt: (ciphertext, context) => decrypt(id, ciphertext, context),
      };
    },
  };
};
