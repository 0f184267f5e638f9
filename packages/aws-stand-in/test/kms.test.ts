import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EncryptCommand, KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Kms } from '../src/kms/kms.ts';
import type { Caller } from '../src/service/service.ts';
import { allow, startAccount, type Account } from '../src/testing.ts';

let provider: Account;
let keyArn: string;
let root: Caller;
const secret = Buffer.from('a secret of this test');

beforeAll(async () => {
  provider = await startAccount(['kms']);
  keyArn = (await provider.make('AWS::KMS::Key', 'Key', { EnableKeyRotation: true })).attributes!.Arn!;
  root = provider.cloud.iam.root();
});
afterAll(() => provider.stop());

const kms = () => provider.cloud.service<Kms>('kms');
const encrypt = (context: Record<string, string> = {}, key = keyArn) =>
  kms().encryptFor(root, key, secret, context, 'ssm').ciphertext;
const decrypt = (ciphertext: Uint8Array, context: Record<string, string> = {}, by = root) =>
  kms().decryptFor(by, ciphertext, context, 'ssm');
/** A role with only these statements, as a service sees it. */
const roleWith = (...statements: object[]) => provider.caller(provider.client(KMSClient, statements));

test('a ciphertext is decrypted under the same context in any order, and only under that', () => {
  const ciphertext = encrypt({ a: '1', b: '2' });
  expect(Buffer.from(ciphertext).includes(secret)).toBe(false);
  const { plaintext, keyArn: used } = decrypt(ciphertext, { b: '2', a: '1' });
  expect([Buffer.from(plaintext), used]).toEqual([secret, keyArn]);
  for (const wrong of [undefined, { a: '1' }, { a: '1', b: '3' }] as (Record<string, string> | undefined)[]) {
    expect(() => decrypt(ciphertext, wrong)).toThrow(expect.objectContaining({ name: 'InvalidCiphertextException' }));
  }
});

test('a ciphertext that was changed, cut or encrypted elsewhere is refused', () => {
  const ciphertext = encrypt();
  const changed = Uint8Array.from(ciphertext);
  changed[changed.length - 1]! ^= 1;
  for (const wrong of [changed, ciphertext.subarray(0, 50), new Uint8Array(100)]) {
    expect(() => decrypt(wrong)).toThrow(expect.objectContaining({ name: 'InvalidCiphertextException' }));
  }
});

test('a data key is returned in plain and encrypted', () => {
  const dataKey = kms().generateDataKeyFor(root, keyArn, {}, 'ssm');
  expect([dataKey.plaintext.length, dataKey.keyArn]).toEqual([32, keyArn]);
  expect(Buffer.from(decrypt(dataKey.ciphertext).plaintext)).toEqual(Buffer.from(dataKey.plaintext));
});

test('a key that does not exist is an error, and an alias of our own is not implemented', () => {
  const named = (name: string) => expect.objectContaining({ name });
  expect(() => encrypt({}, 'alias/other')).toThrow(named('NotImplemented'));
  expect(() => encrypt({}, keyArn.replace(/.$/, 'x'))).toThrow(named('NotFoundException'));
});

test('a right to use a key may depend on the encryption context', async () => {
  const mine = { domain: 'example.com' };
  const role = await roleWith(
    allow('kms:Decrypt', keyArn, { StringEquals: { 'kms:EncryptionContext:domain': 'example.com' } }),
  );
  const [own, other] = [encrypt(mine), encrypt({ domain: 'other.example' })];
  expect(Buffer.from(decrypt(own, mine, role).plaintext)).toEqual(secret);
  expect(() => decrypt(other, { domain: 'other.example' }, role)).toThrow('kms:Decrypt');
  expect(() => kms().encryptFor(role, keyArn, secret, mine, 'ssm')).toThrow('kms:Encrypt');
});

test('a right through a service does not hold without the service', async () => {
  const condition = { StringEquals: { 'kms:ViaService': 's3.us-east-1.amazonaws.com' } };
  const caller = await roleWith(allow(['kms:GenerateDataKey', 'kms:Decrypt'], keyArn, condition));
  const service = kms();
  expect(() => service.generateDataKeyFor(caller, keyArn, {}, 'ssm')).toThrow('kms:GenerateDataKey');
  const dataKey = service.generateDataKeyFor(caller, keyArn, { a: '1' }, 's3');
  expect(service.decryptFor(caller, dataKey.ciphertext, { a: '1' }, 's3').plaintext).toEqual(dataKey.plaintext);
  expect(() => service.decryptFor(caller, dataKey.ciphertext, { a: '1' }, 'ssm')).toThrow('kms:Decrypt');
});

test('the key that AWS creates for a service can be used by every principal, through that service only', async () => {
  const caller = await roleWith();
  const { ciphertext } = kms().encryptFor(caller, 'alias/aws/ssm', secret, {}, 'ssm');
  expect(Buffer.from(kms().decryptFor(caller, ciphertext, {}, 'ssm').plaintext)).toEqual(secret);
  expect(() => kms().decryptFor(caller, ciphertext, {}, 's3')).toThrow('kms:Decrypt');
});

test('a key that signs, and an operation from outside, are refused', async () => {
  await expect(provider.make('AWS::KMS::Key', 'Signer', { KeySpec: 'ECC_NIST_P256' })).rejects.toThrow('asymmetric');
  const client = provider.client(KMSClient);
  await expect(client.send(new EncryptCommand({ KeyId: keyArn, Plaintext: secret }))).rejects.toMatchObject({
    name: 'NotImplemented',
    message: expect.stringContaining('kms:Encrypt'),
  });
});

test('keys survive a restart, and the database file does not contain their material', async () => {
  const ciphertext = encrypt();
  await provider.restart();
  expect((await provider.make('AWS::KMS::Key', 'Key', {})).attributes!.Arn).toBe(keyArn);
  expect(Buffer.from(decrypt(ciphertext).plaintext)).toEqual(secret);
  const materials = await readdir(join(provider.directory, 'kms'));
  expect(materials.length).toBeGreaterThan(0);
  for (const name of materials) {
    const material = await readFile(join(provider.directory, 'kms', name));
    for (const file of ['cloud.sqlite', 'cloud.sqlite-wal']) {
      const bytes = await readFile(join(provider.directory, file));
      for (const form of [material, material.toString('hex'), material.toString('base64')]) {
        expect(bytes.includes(form)).toBe(false);
      }
    }
  }
});
