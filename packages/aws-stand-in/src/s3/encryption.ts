/**
 * How bodies are stored: each under its own data key. KMS encrypts the data key for the caller with
 * the object's ARN as context (no bucket key), or the service encrypts it for itself (SSE-S3).
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Kms } from '../kms/kms.ts';
import type { Caller } from '../service/service.ts';

export interface Encrypted {
  kmsKeyArn?: string | undefined;
  encryptedDataKey: Uint8Array;
  encryptedBody: Uint8Array;
}

const [IV_BYTES, TAG_BYTES] = [12, 16];

const contextOf = (objectArn: string) => ({ 'aws:s3:arn': objectArn });

/**
 * Encrypts as `caller`, who needs kms:GenerateDataKey on `kmsKey`. Without a key, the service's own
 * key is used.
 */
export function encryptBody(
  kms: Kms,
  caller: Caller,
  kmsKey: string | undefined,
  objectArn: string,
  body: Uint8Array,
): Encrypted {
  const dataKey = kmsKey
    ? kms.generateDataKeyFor(caller, kmsKey, contextOf(objectArn), 's3')
    : ownDataKey(kms, objectArn);
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', dataKey.plaintext, iv);
  const encrypted = Buffer.concat([cipher.update(body), cipher.final()]);
  return {
    kmsKeyArn: dataKey.keyArn,
    encryptedDataKey: dataKey.ciphertext,
    encryptedBody: Buffer.concat([iv, cipher.getAuthTag(), encrypted]),
  };
}

function ownDataKey(kms: Kms, objectArn: string) {
  const plaintext = randomBytes(32);
  const ciphertext = kms.serviceOwned('s3').encrypt(plaintext, contextOf(objectArn));
  return { plaintext, ciphertext, keyArn: undefined };
}

/** Decrypts as `caller`, who needs kms:Decrypt on the object's key. */
export function decryptBody(kms: Kms, caller: Caller, objectArn: string, encrypted: Encrypted): Uint8Array {
  const context = contextOf(objectArn);
  const dataKey = encrypted.kmsKeyArn
    ? kms.decryptFor(caller, encrypted.encryptedDataKey, context, 's3').plaintext
    : kms.serviceOwned('s3').decrypt(encrypted.encryptedDataKey, context);
  const bytes = Buffer.from(encrypted.encryptedBody);
  const decipher = createDecipheriv('aes-256-gcm', dataKey, bytes.subarray(0, IV_BYTES));
  decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]);
}
