/**
 * Certificates in ACM: the implementation on the stand-in, with the rights of the deployed
 * function, and the twin.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request as requestOf, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ACMClient,
  ConflictException,
  GetCertificateCommand,
  ImportCertificateCommand,
  LimitExceededException,
  ListCertificatesCommand,
  ResourceInUseException,
  TagPolicyException,
} from '@aws-sdk/client-acm';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { certificateManager, DOMAIN_TAG, STACK_TAG } from '../../aws/acm.ts';
import { patience } from '../../aws/throttling.ts';
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
/**
 * Both clients with the options of lambdas/environment.ts, with these rights and at this endpoint.
 */
const managerFor = (stack = 'sealpost', more = {}) => {
  const { credentials } = provider.client(ACMClient, rights()).config;
  const common = { endpoint: provider.cloud.endpoint, region: 'us-east-1', credentials, ...patience, ...more };
  const firstImports = new ACMClient({ ...common, maxAttempts: 1 });
  return certificateManager({ acm: new ACMClient(common), firstImports }, stack);
};
const manager = () => managerFor();
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
    const another = managerFor('another');
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

  describe('behind a wire that loses the answer to the first attempt,', () => {
    let wire: Server;
    let attempts: string[];
    beforeAll(async () => {
      wire = createServer((asked, answer) => {
        const { method, url: path, headers } = asked;
        const upstream = requestOf(provider.cloud.endpoint, { method, path, headers });
        const isImport = `${headers['x-amz-target']}`.endsWith('.ImportCertificate');
        const attempt = `${headers['amz-sdk-request']}`;
        upstream.on('response', come => {
          if (isImport) attempts.push(attempt);
          if (!isImport || !attempt.startsWith('attempt=1;'))
            return void come.pipe(answer.writeHead(come.statusCode!, come.headers));
          come.resume().on('end', () => asked.socket.destroy());
        });
        asked.pipe(upstream);
      });
      await new Promise<void>(listening => wire.listen(0, '127.0.0.1', listening));
    });
    beforeEach(() => void (attempts = []));
    afterAll(() => void wire.close());
    const losing = () =>
      managerFor('sealpost', { endpoint: `http://127.0.0.1:${(wire.address() as AddressInfo).port}` });
    const ours = async () => {
      const { CertificateSummaryList } = await provider
        .client(ACMClient)
        .send(new ListCertificatesCommand({ Includes: { keyTypes: ['EC_prime256v1', 'RSA_2048'] } }));
      return CertificateSummaryList!.filter(({ DomainName }) => DomainName === domain);
    };

    test('is imported once and found again, so that ACM counts one import', async () => {
      await expect(losing().import(pems(first))).rejects.toMatchObject({ name: 'Throttled', about: domain });
      expect(attempts).toHaveLength(1);
      expect(await ours()).toMatchObject([{ CertificateArn: await losing().find({ domain, name: domain }) }]);
    });

    test('is imported again if it is a later one, because that has the same ARN', async () => {
      const arn = (await manager().import(pems(first)))!;
      expect(await losing().import({ ...pems(second), arn })).toBe(arn);
      expect(attempts).toHaveLength(2);
      expect(await ours()).toHaveLength(1);
    });
  });

  /** Errors that the stand-in never gives. */
  const answering = (error: Error) => {
    const acm = { send: () => Promise.reject(error) } as unknown as ACMClient;
    return certificateManager({ acm, firstImports: acm }, 'sealpost');
  };
  const service = { $metadata: {}, message: 'no' };

  test.each([
    ['a certificate that a load balancer uses', new ResourceInUseException(service), 'ImportInUse'],
    ['a quota', new LimitExceededException(service), 'ImportQuotaSpent'],
    ['another change of it that is under way', new ConflictException(service), 'Throttled'],
    ['a tag that the organization does not allow', new TagPolicyException(service), 'ImportRefused'],
    ['more than one import a second', Object.assign(new Error('slow'), { name: 'ThrottlingException' }), 'Throttled'],
  ])('%s has an error name of its own', async (_, error, name) => {
    await expect(answering(error).remove({ domain, arn: 'arn' })).rejects.toMatchObject({ name, about: domain });
  });
});
