import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DecryptCommand, EncryptCommand, GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Kms } from '../src/kms/kms.ts';
import { allow, startAccount, type Account } from '../src/testing.ts';

let provider: Account;
let client: KMSClient;
let keyArn: string;
const secret = Buffer.from('a secret of this test');

beforeAll(async () => {
  provider = await startAccount(['kms']);
  keyArn = (await provider.make('AWS::KMS::Key', 'Key', { EnableKeyRotation: true })).attributes!.Arn!;
  client = provider.client(KMSClient);
});
afterAll(() => provider.stop());

const encrypt = (EncryptionContext?: Record<string, string>, KeyId = keyArn) =>
  client.send(new EncryptCommand({ KeyId, Plaintext: secret, ...(EncryptionContext && { EncryptionContext }) }));
const decrypt = (CiphertextBlob: Uint8Array | undefined, EncryptionContext?: Record<string, string>, by = client) =>
  by.send(new DecryptCommand({ CiphertextBlob, ...(EncryptionContext && { EncryptionContext }) }));

test('what was encrypted comes back under the same context in any order, and only there', async () => {
  const { CiphertextBlob } = await encrypt({ a: '1', b: '2' });
  expect(Buffer.from(CiphertextBlob!).includes(secret)).toBe(false);
  const { Plaintext, KeyId } = await decrypt(CiphertextBlob, { b: '2', a: '1' });
  expect([Buffer.from(Plaintext!), KeyId]).toEqual([secret, keyArn]);
  const others: (Record<string, string> | undefined)[] = [undefined, { a: '1' }, { a: '1', b: '3' }];
  for (const wrong of others) {
    await expect(decrypt(CiphertextBlob, wrong)).rejects.toMatchObject({ name: 'InvalidCiphertextException' });
  }
});

test('a ciphertext that was changed, cut or made elsewhere is refused', async () => {
  const { CiphertextBlob } = await encrypt();
  const changed = Uint8Array.from(CiphertextBlob!);
  changed[changed.length - 1]! ^= 1;
  for (const wrong of [changed, CiphertextBlob!.subarray(0, 50), new Uint8Array(100)]) {
    await expect(decrypt(wrong)).rejects.toMatchObject({ name: 'InvalidCiphertextException' });
  }
});

test('a data key comes plain and encrypted', async () => {
  const { Plaintext, CiphertextBlob, KeyId } = await client.send(
    new GenerateDataKeyCommand({ KeyId: keyArn, KeySpec: 'AES_256' }),
  );
  expect([Plaintext!.length, KeyId]).toEqual([32, keyArn]);
  expect((await decrypt(CiphertextBlob)).Plaintext).toEqual(Plaintext);
});

test('a key that is not there is said so, and an alias of our own is not done', async () => {
  await expect(encrypt(undefined, 'alias/other')).rejects.toMatchObject({ name: 'NotImplemented' });
  await expect(encrypt(undefined, keyArn.replace(/.$/, 'x'))).rejects.toMatchObject({ name: 'NotFoundException' });
});

test('the right to a key may depend on the encryption context', async () => {
  const mine = { domain: 'example.com' };
  const role = provider.client(KMSClient, [
    allow('kms:Decrypt', keyArn, { StringEquals: { 'kms:EncryptionContext:domain': 'example.com' } }),
  ]);
  const [own, other] = [await encrypt(mine), await encrypt({ domain: 'other.example' })];
  expect(Buffer.from((await decrypt(own.CiphertextBlob, mine, role)).Plaintext!)).toEqual(secret);
  await expect(decrypt(other.CiphertextBlob, { domain: 'other.example' }, role)).rejects.toThrow('kms:Decrypt');
  await expect(role.send(new EncryptCommand({ KeyId: keyArn, Plaintext: secret }))).rejects.toThrow('kms:Encrypt');
});

test('a right through a service is no right without it', async () => {
  const condition = { StringEquals: { 'kms:ViaService': 's3.us-east-1.amazonaws.com' } };
  const role = provider.client(KMSClient, [allow(['kms:GenerateDataKey', 'kms:Decrypt'], keyArn, condition)]);
  await expect(role.send(new GenerateDataKeyCommand({ KeyId: keyArn, KeySpec: 'AES_256' }))).rejects.toThrow(
    'kms:GenerateDataKey',
  );
  const { cloud } = provider;
  const caller = await provider.caller(role);
  const service = cloud.service<Kms>('kms');
  const dataKey = service.generateDataKeyFor(caller, keyArn, { a: '1' }, 's3');
  expect(service.decryptFor(caller, dataKey.ciphertext, { a: '1' }, 's3').plaintext).toEqual(dataKey.plaintext);
  expect(() => service.decryptFor(caller, dataKey.ciphertext, { a: '1' }, 'ssm')).toThrow('kms:Decrypt');
});

test('the key that AWS makes for a service is there for everybody, through that service only', async () => {
  const { cloud } = provider;
  const caller = await provider.caller(provider.client(KMSClient, []));
  const { ciphertext } = cloud.service<Kms>('kms').encryptFor(caller, 'alias/aws/ssm', secret, {}, 'ssm');
  expect(Buffer.from(cloud.service<Kms>('kms').decryptFor(caller, ciphertext, {}, 'ssm').plaintext)).toEqual(secret);
  expect(() => cloud.service<Kms>('kms').decryptFor(caller, ciphertext, {}, 's3')).toThrow('kms:Decrypt');
});

test('a key that signs, and parameters that are not done, are refused', async () => {
  await expect(provider.make('AWS::KMS::Key', 'Signer', { KeySpec: 'ECC_NIST_P256' })).rejects.toThrow('asymmetric');
  await expect(client.send(new EncryptCommand({ KeyId: keyArn, Plaintext: secret, DryRun: true }))).rejects.toThrow(
    'kms:Encrypt: DryRun',
  );
});

test('keys survive a restart, and the database file holds nothing of their material', async () => {
  const { CiphertextBlob } = await encrypt();
  await provider.restart();
  client = provider.client(KMSClient);
  expect((await provider.make('AWS::KMS::Key', 'Key', {})).attributes!.Arn).toBe(keyArn);
  expect(Buffer.from((await decrypt(CiphertextBlob)).Plaintext!)).toEqual(secret);
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
