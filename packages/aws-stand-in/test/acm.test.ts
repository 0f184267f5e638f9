import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ACMClient,
  DeleteCertificateCommand,
  DescribeCertificateCommand,
  GetCertificateCommand,
  ImportCertificateCommand,
  ListCertificatesCommand,
} from '@aws-sdk/client-acm';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { acm } from '../src/acm/acm.ts';
import { startCloud, type RunningCloud } from '../src/cloud.ts';
import { events } from '../src/events/events.ts';
import { sqs } from '../src/sqs/sqs.ts';

let scratch: string;
let directory: string;
let cloud: RunningCloud;
let now: number;

/** Certificates made by openssl: a root, an intermediate, leaves of several kinds. */
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'sealpost-acm-pki-'));
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  const rsa = ['-newkey', 'rsa:2048'];
  const ca = ['-addext', 'basicConstraints=critical,CA:TRUE'];
  certificate('root', ec, '/CN=root', ['-days', '90', ...ca]);
  certificate('intermediate', ec, '/CN=intermediate', [
    '-days',
    '80',
    ...ca,
    '-CA',
    file('root.pem'),
    '-CAkey',
    file('root.key'),
  ]);
  const by = ['-CA', file('intermediate.pem'), '-CAkey', file('intermediate.key')];
  const names = [
    '-addext',
    'subjectAltName=DNS:example.com,DNS:*.example.com',
    '-addext',
    'extendedKeyUsage=serverAuth',
  ];
  certificate('leaf', ec, '/CN=example.com', ['-days', '60', ...by, ...names]);
  certificate('next', ec, '/CN=example.com', ['-days', '60', ...by, ...names]);
  certificate('other', ec, '/CN=other', ['-days', '60']);
  certificate('mixed', rsa, '/CN=example.com', ['-days', '60', ...by, ...names]);
  certificate('curve', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1'], '/CN=example.com', [
    '-days',
    '60',
  ]);
  certificate('nobody', ec, '/', ['-days', '60', ...names]);
  for (const [name, length] of [
    ['ocsp', 1_000],
    ['long-ocsp', 1_001],
  ] as const) {
    const url = 'http://ocsp.example/'.padEnd(length, 'x');
    certificate(name, ec, '/CN=example.com', [
      '-days',
      '60',
      ...names,
      '-addext',
      `authorityInfoAccess=OCSP;URI:${url}`,
    ]);
  }
  openssl('pkey', '-in', file('leaf.key'), '-aes256', '-passout', 'pass:x', '-out', file('encrypted.key'));
}, 60_000);
afterAll(() => rmSync(scratch, { recursive: true }));

const file = (name: string) => join(scratch, name);
const pem = (name: string) => readFileSync(file(name));
function openssl(...arguments_: string[]): void {
  execFileSync('openssl', arguments_, { stdio: 'pipe' });
}
function certificate(name: string, key: string[], subject: string, more: string[]): void {
  openssl(
    'req',
    '-x509',
    '-nodes',
    ...key,
    '-keyout',
    file(`${name}.key`),
    '-out',
    file(`${name}.pem`),
    '-subj',
    subject,
    ...more,
  );
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sealpost-acm-'));
  now = Date.now();
  cloud = await startCloud({ directory, services: [sqs, events, acm], now: () => now });
});
afterEach(async () => {
  await cloud.stop();
  rmSync(directory, { recursive: true });
});

function client(): ACMClient {
  return new ACMClient({
    region: 'us-east-1',
    endpoint: cloud.endpoint,
    credentials: cloud.iam.rootCredentials(),
    maxAttempts: 1,
  });
}
function importing(
  more: { Certificate?: Buffer; PrivateKey?: Buffer; CertificateChain?: Buffer; CertificateArn?: string } = {},
) {
  const CertificateChain = Buffer.concat([pem('intermediate.pem'), pem('root.pem')]);
  return client().send(
    new ImportCertificateCommand({
      Certificate: pem('leaf.pem'),
      PrivateKey: pem('leaf.key'),
      CertificateChain,
      ...more,
    }),
  );
}

test('a certificate with its chain is imported, described, listed and read without its key', async () => {
  const { CertificateArn } = await importing();
  expect(CertificateArn).toMatch(/^arn:aws:acm:us-east-1:000000000000:certificate\/[0-9a-f-]{36}$/);
  const { Certificate } = await client().send(new DescribeCertificateCommand({ CertificateArn }));
  expect(Certificate).toMatchObject({
    DomainName: 'example.com',
    SubjectAlternativeNames: ['example.com', '*.example.com'],
    Issuer: 'intermediate',
    Status: 'ISSUED',
    Type: 'IMPORTED',
    KeyAlgorithm: 'EC_prime256v1',
    SignatureAlgorithm: 'SHA256WITHECDSA',
    ExtendedKeyUsages: [{ Name: 'TLS_WEB_SERVER_AUTHENTICATION', OID: '1.3.6.1.5.5.7.3.1' }],
  });
  const { CertificateSummaryList } = await client().send(
    new ListCertificatesCommand({ Includes: { keyTypes: ['EC_prime256v1', 'RSA_2048'] } }),
  );
  expect(CertificateSummaryList).toMatchObject([{ CertificateArn, DomainName: 'example.com' }]);
  const given = await client().send(new GetCertificateCommand({ CertificateArn }));
  expect(given.Certificate).toBe(pem('leaf.pem').toString());
  const keyLine = pem('leaf.key').toString().split('\n')[1]!;
  for (const name of ['cloud.sqlite', 'cloud.sqlite-wal'])
    expect(readFileSync(join(directory, name)).includes(keyLine)).toBe(false);
});

test('an import under an existing ARN keeps the ARN', async () => {
  const { CertificateArn } = await importing();
  const before = await client().send(new DescribeCertificateCommand({ CertificateArn }));
  const again = await importing({ CertificateArn, Certificate: pem('next.pem'), PrivateKey: pem('next.key') });
  expect(again.CertificateArn).toBe(CertificateArn);
  const after = await client().send(new DescribeCertificateCommand({ CertificateArn }));
  expect(after.Certificate!.Serial).not.toBe(before.Certificate!.Serial);
  await client().send(new DeleteCertificateCommand({ CertificateArn }));
  await expect(importing({ CertificateArn })).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
});

test('tags are refused where a certificate is imported again', async () => {
  const { CertificateArn } = await importing();
  const again = new ImportCertificateCommand({
    ...{ CertificateArn, Certificate: pem('next.pem'), PrivateKey: pem('next.key') },
    Tags: [{ Key: 'stack', Value: 'mail' }],
  });
  await expect(client().send(again)).rejects.toMatchObject({ name: 'ValidationException' });
});

test.each<[string, () => Parameters<typeof importing>[0]]>([
  ['a key of another certificate', () => ({ PrivateKey: pem('other.key') })],
  ['an encrypted key', () => ({ PrivateKey: pem('encrypted.key') })],
  [
    'a key of more than 5,120 bytes',
    () => ({ PrivateKey: Buffer.concat([pem('leaf.key'), Buffer.alloc(5_120, '\n')]) }),
  ],
  ['a text in place of a key', () => ({ PrivateKey: Buffer.from('key') })],
  ['a text in place of a certificate', () => ({ Certificate: Buffer.from('certificate') })],
  [
    'its chain in the certificate field',
    () => ({ Certificate: Buffer.concat([pem('leaf.pem'), pem('intermediate.pem')]) }),
  ],
  ['a chain that did not sign it', () => ({ CertificateChain: pem('root.pem') })],
  [
    'a chain in the wrong order',
    () => ({ CertificateChain: Buffer.concat([pem('root.pem'), pem('intermediate.pem')]) }),
  ],
  ['an RSA key signed by an EC authority', () => ({ Certificate: pem('mixed.pem'), PrivateKey: pem('mixed.key') })],
  [
    'a curve that ACM does not take',
    () => ({ Certificate: pem('curve.pem'), PrivateKey: pem('curve.key'), CertificateChain: undefined }),
  ],
])('%s is refused', async (_name, more) => {
  await expect(importing(more())).rejects.toMatchObject({ name: 'ValidationException' });
});

test.each([
  ['without an issuer', 'nobody', /^ValidationException: The Issuer field/],
  ['with an OCSP address of 1,001 characters', 'long-ocsp', /^ValidationException: The OCSP authority URL/],
  ['with an OCSP address of 1,000 characters', 'ocsp', /^taken$/],
])('a certificate %s is refused if ACM refuses it', async (_, name, answer) => {
  const own = { Certificate: pem(`${name}.pem`), PrivateKey: pem(`${name}.key`), CertificateChain: undefined };
  expect(await importing(own).then(() => 'taken', String)).toMatch(answer);
});

test.each([
  ['expired', 61],
  ['not yet valid', -1],
])('a certificate that is %s is refused', async (_name, days) => {
  now += days * 86_400_000;
  await expect(importing()).rejects.toMatchObject({ name: 'ValidationException' });
});

test('a certificate that soon expires is announced once a day', async () => {
  const queueArn = 'arn:aws:sqs:us-east-1:000000000000:heard';
  const at = { logicalId: 'It', stackName: 'test', assetPath: (key: string) => key };
  await cloud.service('sqs').resources!['AWS::SQS::Queue']!({ ...at, properties: { QueueName: 'heard' } });
  const Principal = { Service: 'events.amazonaws.com' };
  cloud.iam.setResourcePolicy(queueArn, {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal, Action: 'sqs:SendMessage', Resource: queueArn }],
  });
  const properties = { Name: 'heard', EventPattern: { source: ['aws.acm'] }, Targets: [{ Id: 'q', Arn: queueArn }] };
  await cloud.service('events').resources!['AWS::Events::Rule']!({ ...at, properties });
  await cloud.resume();
  const { CertificateArn } = await importing();
  const heard: any[] = [];
  const listen = async () => {
    const received = await cloud.request(cloud.iam.root(), 'sqs', 'ReceiveMessage', {
      QueueUrl: 'heard',
      MaxNumberOfMessages: 10,
    });
    heard.push(...(received.Messages ?? []).map((message: any) => JSON.parse(message.Body)));
    return heard.length;
  };
  expect(await listen()).toBe(0);
  now += 20 * 86_400_000;
  await importing();
  await vi.waitFor(async () => expect(await listen()).toBe(2));
  expect(heard.find(event => event.resources[0] === CertificateArn)).toMatchObject({
    'detail-type': 'ACM Certificate Approaching Expiration',
    detail: { DaysToExpiry: expect.any(Number), CommonName: 'example.com' },
  });
  await importing();
  await vi.waitFor(async () => expect(await listen()).toBe(3));
});
