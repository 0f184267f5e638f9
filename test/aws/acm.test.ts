/**
 * Certificates in ACM: the implementation on the stand-in, with the rights of the deployed
 * function, and the twin.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ACMClient,
  GetCertificateCommand,
  ImportCertificateCommand,
  LimitExceededException,
  ResourceInUseException,
} from '@aws-sdk/client-acm';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { certificateManager, DOMAIN_TAG, STACK_TAG } from '../../aws/acm.ts';
import { allow, startAccount, type Account } from '../../packages/aws-stand-in/src/testing.ts';
import { scratchCa, type Issued, type ScratchCa } from '../install/scratch-ca.ts';
import { memoryAcm } from '../twins/acm.ts';
import type { CertificateManager } from '../../core/ports/certificate-manager.ts';

let directory: string;
let provider: Account;
let ca: ScratchCa;
let domain: string;
let first: Issued;
let second: Issued;
let count = 0;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sealpost-acm-'));
  ca = scratchCa(directory);
  provider = await startAccount(['sqs', 'events', 'acm']);
});
afterAll(async () => {
  await provider.stop();
  rmSync(directory, { recursive: true });
});
beforeEach(() => {
  domain = `d${(count += 1)}.example`;
  first = ca.issue([domain, `*.${domain}`]);
  second = ca.issue([domain, `*.${domain}`]);
});

/** The rights that lib/functions.ts gives. */
const rights = (stack = 'sealpost') => [
  allow(['acm:ImportCertificate', 'acm:AddTagsToCertificate'], '*', {
    StringEquals: { 'aws:RequestTag/sealpost:stack': stack },
  }),
  allow(['acm:ImportCertificate', 'acm:DeleteCertificate'], '*', {
    StringEquals: { 'aws:ResourceTag/sealpost:stack': stack },
  }),
  allow(['acm:ListTagsForCertificate', 'acm:ListCertificates'], '*'),
];
const manager = () => certificateManager(provider.client(ACMClient, rights()), 'sealpost');
const pems = ({ key, chain }: Issued) => ({ domain, keyPem: key, chainPem: chain });

describeManager('ACM', manager);
describeManager('its twin', memoryAcm);

function describeManager(name: string, make: () => CertificateManager): void {
  describe(`a certificate, in ${name}`, () => {
    test('keeps its ARN when another replaces it, and is found by its domain', async () => {
      const under = make();
      expect(await under.find({ domain, name: domain })).toBeUndefined();
      const arn = (await under.import(pems(first)))!;
      expect(await under.import({ ...pems(second), arn })).toBe(arn);
      expect(await under.find({ domain, name: domain })).toBe(arn);
    });

    test('that was deleted in ACM by hand cannot be replaced, and counts as deleted', async () => {
      const under = make();
      const arn = (await under.import(pems(first)))!;
      for (let i = 0; i < 2; i++) await under.remove({ domain, arn });
      expect(await under.import({ ...pems(second), arn })).toBeUndefined();
      expect(await under.find({ domain, name: domain })).toBeUndefined();
    });
  });
}

describe('in ACM', () => {
  test('is the leaf with its chain, and the tags of the stack and the domain', async () => {
    const arn = (await manager().import(pems(first)))!;
    const { Certificate, CertificateChain } = await provider
      .client(ACMClient)
      .send(new GetCertificateCommand({ CertificateArn: arn }));
    expect(`${Certificate}${CertificateChain}`.replace(/\s/g, '')).toBe(first.chain.replace(/\s/g, ''));
  });

  test('of another stack for the same domain is neither found nor changed', async () => {
    const theirs = await provider.client(ACMClient).send(
      new ImportCertificateCommand({
        Certificate: Buffer.from(first.chain.split(/(?<=-----END CERTIFICATE-----\n)/)[0]!),
        PrivateKey: Buffer.from(first.key),
        Tags: [
          { Key: STACK_TAG, Value: 'another' },
          { Key: DOMAIN_TAG, Value: domain },
        ],
      }),
    );
    const arn = theirs.CertificateArn!;
    expect(await manager().find({ domain, name: domain })).toBeUndefined();
    const lost = { name: 'ImportRefused', message: expect.stringContaining('has lost its tags') };
    await expect(manager().remove({ domain, arn })).rejects.toMatchObject(lost);
    await expect(manager().import({ ...pems(second), arn })).rejects.toMatchObject(lost);
    const another = certificateManager(provider.client(ACMClient, rights()), 'another');
    await expect(another.remove({ domain, arn })).rejects.toThrow(/not authorized to perform: acm:DeleteCertificate/);
  });

  test("that ACM refuses is an error with ACM's words", async () => {
    const mismatched = { ...pems(first), keyPem: second.key };
    await expect(manager().import(mismatched)).rejects.toMatchObject({
      ...{ name: 'ImportRefused', about: domain, message: expect.stringContaining('private key does not match') },
    });
  });

  test("beyond the account's quotas is not Throttled, because seconds would not help", async () => {
    const { database } = provider.cloud;
    database.exec(
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO acm_imports SELECT 4000000000000 FROM n',
    );
    await expect(manager().import(pems(first))).rejects.toMatchObject({
      ...{ name: 'ImportQuotaSpent', message: expect.stringContaining('at most 5000 certificates in 365 days') },
    });
    database.exec('DELETE FROM acm_imports');
    expect(await manager().import(pems(first))).toMatch(/^arn:aws:acm:/);
  });

  /** Errors that the stand-in never gives. */
  const answering = (error: Error) =>
    certificateManager({ send: () => Promise.reject(error) } as unknown as ACMClient, 'sealpost');
  const service = { $metadata: {}, message: 'no' };

  test.each([
    ['a certificate that a load balancer uses', new ResourceInUseException(service), 'ImportInUse'],
    ['a quota', new LimitExceededException(service), 'ImportQuotaSpent'],
    ['more than one import a second', Object.assign(new Error('slow'), { name: 'ThrottlingException' }), 'Throttled'],
  ])('%s has an error name of its own', async (_, error, name) => {
    await expect(answering(error).remove({ domain, arn: 'arn' })).rejects.toMatchObject({ name, about: domain });
  });
});
