import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemResolver } from '../../../core/dns/authoritative.ts';
import { requireTlsa } from '../../../core/dns/tlsa.ts';
import { scratchCa, type ScratchCa } from '../../install/scratch-ca.ts';
import { startNameServer, type NameServer } from './name-server.ts';

const host = 'mx1.provider.example';
const place = `_25._tcp.${host}`;
let folder: string;
let ca: ScratchCa;
let resolver: NameServer;
let chain: string;
/**
 * The data of records for the leaf, for its signer, and for another certificate, made by openssl.
 */
let of: Record<'leaf' | 'signer' | 'other', (selector: number, match: number) => string>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sealpost-tlsa-'));
  ca = scratchCa(folder);
  resolver = await startNameServer('127.0.0.1');
  chain = ca.issue([host]).chain;
  const [leaf, signer] = chain.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g)!;
  const [other] = ca.issue([host]).chain.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g)!;
  of = { leaf: dataOf(leaf!), signer: dataOf(signer!), other: dataOf(other!) };
});
afterAll(async () => {
  await resolver.stop();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  resolver.records.clear();
  resolver.rcode = 0;
});

function dataOf(pem: string) {
  return (selector: number, match: number): string => {
    writeFileSync(join(folder, 'one.pem'), pem);
    const spki = 'openssl x509 -in one.pem -noout -pubkey | openssl pkey -pubin -outform DER';
    const der = selector === 1 ? spki : 'openssl x509 -in one.pem -outform DER';
    const hash = match === 0 ? 'cat' : `openssl dgst -sha${match === 1 ? 256 : 512} -binary`;
    return execFileSync('sh', ['-c', `${der} | ${hash} | od -An -v -tx1 | tr -d ' \\n'`], { cwd: folder }).toString();
  };
}
const record = (usage: number, selector: number, match: number, data: string) =>
  [usage, selector, match].map(field => field.toString(16).padStart(2, '0')).join('') + data;
const publish = (...records: string[]) => resolver.records.set(`${place} TLSA`, records);
const look = () => requireTlsa(systemResolver([resolver.address]), { host, chainPem: chain });

describe("a host name's certificate may be installed", () => {
  test('if there is no TLSA record', async () => {
    await look();
    expect(resolver.questions).toContain(`${place} TLSA`);
  });

  test.each([0, 1].flatMap(selector => [0, 1, 2].map(match => ({ selector, match }))))(
    'if a record 3 $selector $match fits it, beside others that do not',
    async ({ selector, match }) => {
      publish(
        record(3, selector, match, of.other(selector, match)),
        record(3, selector, match, of.leaf(selector, match)),
      );
      await look();
    },
  );

  test.each([
    ['2 0 1', 0, 1],
    ['2 1 1', 1, 1],
    ['2 1 2', 1, 2],
  ])('if a record %s fits its signer', async (_, selector, match) => {
    publish(record(2, selector, match, of.signer(selector, match)));
    await look();
  });

  test.each([
    ['PKIX-TA', [0, 1, 1]],
    ['PKIX-EE', [1, 1, 1]],
    ['a whole trust anchor', [2, 1, 0]],
    ['an unknown usage', [4, 1, 1]],
    ['an unknown selector', [3, 2, 1]],
    ['an unknown hash', [3, 1, 3]],
  ])('if senders of mail ignore all records, or if we do not judge them: %s', async (_, [usage, selector, match]) => {
    publish(record(usage!, selector!, match!, of.other(1, 1)));
    await look();
  });
});

describe('a certificate that no record fits', () => {
  test.each([
    ['of another key', () => record(3, 1, 1, of.other(1, 1))],
    ['of another certificate', () => record(3, 0, 2, of.other(0, 2))],
    ['of another signer', () => record(2, 1, 1, of.other(1, 1))],
    ['of its signer, with the usage of a leaf', () => record(3, 1, 1, of.signer(1, 1))],
    ['of the leaf, with the usage of a signer', () => record(2, 1, 1, of.leaf(1, 1))],
  ])('is refused, with the line to publish: a record %s', async (_, wrong) => {
    publish(wrong(), record(1, 1, 1, of.leaf(1, 1)));
    await expect(look()).rejects.toMatchObject({
      ...{ name: 'TlsaMismatch', about: host },
      message: expect.stringContaining(`${place}. IN TLSA 3 1 1 ${of.leaf(1, 1)}`),
    });
  });

  test('may exist: a failed query is no permission', async () => {
    resolver.rcode = 2;
    await expect(look()).rejects.toMatchObject({ name: 'DnsNotPropagated' });
  });
});
