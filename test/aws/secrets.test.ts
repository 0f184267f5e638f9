import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { secrets } from '../../aws/secrets.ts';
import { startAccount, type Account } from '../../packages/aws-stand-in/src/testing.ts';
import { everything, passingFaults } from '../faults/seed.ts';
import { memorySecrets } from '../twins/secrets.ts';
import type { Secrets } from '../../core/ports/secrets.ts';

let provider: Account;
let client: SSMClient;
let keyId: string;

beforeAll(async () => {
  provider = await startAccount(['kms', 's3', 'sqs', 'events', 'ssm'], {}, passingFaults);
  keyId = (await provider.make('AWS::KMS::Key', 'Key', {})).ref;
  client = provider.client(SSMClient, everything);
});
afterAll(() => provider.stop());

describeSecrets('Parameter Store', () => secrets(client, keyId));
describeSecrets('its twin', () => memorySecrets());

function describeSecrets(name: string, make: () => Secrets): void {
  describe(`a secret, in ${name}`, () => {
    test('is created once, and each later caller gets the first', async () => {
      const at = make();
      expect(await at.read('/sealpost/first')).toBeUndefined();
      expect(await at.createOnce({ name: '/sealpost/first', value: 'one' })).toBe('one');
      expect(await at.createOnce({ name: '/sealpost/first', value: 'two' })).toBe('one');
      expect(await at.read('/sealpost/first')).toBe('one');
    });

    test('is created once, even if several callers create it at once', async () => {
      const at = make();
      const all = await Promise.all(['a', 'b', 'c'].map(value => at.createOnce({ name: '/sealpost/race', value })));
      expect(new Set(all).size).toBe(1);
      expect(await at.read('/sealpost/race')).toBe(all[0]);
    });
  });
}

test('a secret is stored as a SecureString, and its stored value is encrypted', async () => {
  await secrets(client, keyId).createOnce({ name: '/sealpost/sealed', value: 'plain text' });
  const { Parameter } = await client.send(new GetParameterCommand({ Name: '/sealpost/sealed', WithDecryption: false }));
  expect(Parameter!.Type).toBe('SecureString');
  expect(Parameter!.Value).not.toContain('plain text');
});
