/** Files that people bring and CAs send: CSV, PEM, and the DER in it. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { readTable } from '../../bin/import-rows.ts';
import { combinedPem, inspectChain } from '../../core/certificate/certificate.ts';
import { readProvided } from '../../core/certificate/from-elsewhere.ts';
import { isSealpostError, type ErrorName } from '../../core/errors.ts';
import { CA, scratchPki } from '../core/certificate/scratch-pki.ts';
import { property, type Property } from './property.ts';

const DOMAIN = 'example.test';
const NAMES = [DOMAIN, `*.${DOMAIN}`];
let made: { leaf: string; key: string; root: string } | undefined;

/** A leaf with its root, by openssl. */
function pki(): { leaf: string; key: string; root: string } {
  if (made) return made;
  const directory = mkdtempSync(join(tmpdir(), 'sealpost-fuzz-'));
  try {
    const make = scratchPki(directory);
    const root = make({ subject: 'root', extensions: [...CA, 'subjectKeyIdentifier=hash'] });
    const extensions = [
      `subjectAltName=${NAMES.map(name => `DNS:${name}`).join(',')}`,
      'extendedKeyUsage=serverAuth',
      'authorityKeyIdentifier=keyid',
    ];
    const leaf = make({ subject: 'leaf', by: root, extensions });
    return (made = { leaf: leaf.pem, key: leaf.key, root: root.pem });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function refusedAs(name: ErrorName, error: unknown, secret?: string): void {
  assert.ok(isSealpostError(error, name), `not foreseen: ${(error as Error)?.stack}`);
  assert.ok(Buffer.byteLength(error.message) <= 2_048);
  if (secret) for (const line of secret.split('\n')) assert.ok(line.length < 30 || !error.message.includes(line));
}

/** One change of a text or of bytes: other bytes in place of some. */
const change = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  gone: fc.oneof(fc.constantFrom(0, 1, 2), fc.nat({ max: 400 })),
  put: fc.oneof(
    fc.uint8Array({ maxLength: 4 }).map(bytes => Buffer.from(bytes).toString('latin1')),
    fc.constantFrom(
      '',
      '-----',
      '-----BEGIN CERTIFICATE-----\n',
      '-----END PRIVATE KEY-----\n',
      '\x80',
      '\0',
      '\r',
      '=',
    ),
  ),
});
const changes = fc.array(change, { minLength: 1, maxLength: 4 });

function changed(text: string, by: { at: number; gone: number; put: string }[]): string {
  return by.reduce((now, { at, gone, put }) => {
    const from = Math.floor(at * now.length);
    return now.slice(0, from) + put + now.slice(from + gone);
  }, text);
}

const toPem = (der: Buffer) =>
  `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;

/** Another way to write the same PEM (RFC 7468 §2, §3). */
const writing = fc.record({
  width: fc.constantFrom(1, 48, 64, 76, 1_000_000),
  eol: fc.constantFrom('\n', '\r\n', '\r'),
  before: fc.constantFrom('', 'Bag Attributes\n  friendlyName: x\n', '# Root\n', '\ufeff'),
  indent: fc.constantFrom('', ' ', '\t'),
});
const rewritten = (
  pem: string,
  { width, eol, before, indent }: { width: number; eol: string; before: string; indent: string },
) =>
  pem.replace(
    /(-----BEGIN [A-Z ]+-----)([^-]+)(-----END [A-Z ]+-----)/g,
    (_, begin: string, body: string, end: string) => {
      const lines = body.replace(/\s/g, '').match(new RegExp(`.{1,${width}}`, 'g'))!;
      return [before + begin, ...lines.map(line => indent + line), end, ''].join(eol);
    },
  );

const cell = fc.oneof(
  fc.constantFrom(
    'example.com',
    'bücher.example',
    'mx1.provider.example',
    'list',
    'wildcard',
    'mail',
    '@ www',
    '=1+1',
    '',
  ),
  fc.string({ unit: 'binary', maxLength: 10 }),
  fc.string({ unit: fc.constantFrom('"', ',', ';', '\t', '\n', '\r', ' ', 'a', '.'), maxLength: 12 }),
);
const HEAD = ['domain', 'server', 'policy', 'names', 'webmail server'];
const written = fc.record({
  rows: fc.array(fc.tuple(fc.stringMatching(/^[a-z]{1,9}$/), fc.subarray(['mail', 'webmail', '@'])), { maxLength: 12 }),
  delimiter: fc.constantFrom(',', ';', '\t'),
  eol: fc.constantFrom('\n', '\r\n', '\r'),
  order: fc.shuffledSubarray(HEAD, { minLength: 5 }),
  isQuoted: fc.boolean(),
  start: fc.constantFrom('', '\ufeff'),
});

export const files: Property[] = [
  property('the bytes of a CSV file are rows and problems, or the file is refused', {
    runs: 1_500,
    of: fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .tuple(
          fc.shuffledSubarray([...HEAD, 'Domain ', 'x']),
          fc.array(fc.array(cell, { maxLength: 6 }), { maxLength: 8 }),
        )
        .map(([head, rows]) => new TextEncoder().encode([head, ...rows].map(row => row.join(',')).join('\n'))),
    ),
    holds: bytes => {
      let table;
      try {
        table = readTable(bytes);
      } catch (error) {
        return refusedAs('InvalidStepInput', error);
      }
      const { rows, problems, repeated } = table;
      const lines = new TextDecoder().decode(bytes).split(/\r\n|\r|\n/).length;
      for (const { line } of [...rows, ...problems, ...repeated])
        assert.ok(line >= 1 && line <= lines, `line ${line} of ${lines}`);
      const domains = rows.map(({ wish }) => wish.domain);
      assert.equal(new Set(domains).size, domains.length, 'one wish for each domain');
    },
  }),
  property('each row of a CSV file is read as the wish that was written, on its line', {
    runs: 1_000,
    of: written,
    holds: ({ rows, delimiter, eol, order, isQuoted, start }) => {
      const wishes = rows.map(([name, names], at) => ({
        ...{ domain: `${name}${at}.example`, mailServers: ['mx1.provider.example'] },
        ...(names.length > 0 ? { policy: 'list', names } : { policy: 'wildcard' }),
      }));
      const cells = (wish: (typeof wishes)[number]): Record<string, string> => ({
        ...{
          domain: wish.domain,
          server: wish.mailServers.join(' '),
          names: 'names' in wish ? wish.names!.join(' ') : '',
        },
        ...{ policy: '', 'webmail server': '' },
      });
      const quote = (text: string) => (isQuoted ? `"${text.replaceAll('"', '""')}"` : text);
      const lines = [order, ...wishes.map(wish => order.map(column => cells(wish)[column]!))];
      const text = start + lines.map(line => line.map(quote).join(delimiter)).join(eol);
      const table = readTable(new TextEncoder().encode(text));
      assert.deepEqual(table, { rows: wishes.map((wish, at) => ({ line: at + 2, wish })), problems: [], repeated: [] });
    },
  }),
  property('a certificate with changed bytes is read, or refused as unusable', {
    runs: 1_500,
    of: changes,
    holds: by => {
      const der = changed(new X509Certificate(pki().leaf).raw.toString('latin1'), by);
      try {
        const facts = inspectChain(toPem(Buffer.from(der, 'latin1')));
        assert.match(facts.sha256, /^[0-9a-f]{64}$/);
        if (facts.ariId !== undefined) assert.match(facts.ariId, /^[\w-]*\.[\w-]*$/);
      } catch (error) {
        refusedAs('CertificateUnusable', error);
      }
    },
  }),
  property('a provided file that was changed is taken whole, or refused without a word of the key', {
    runs: 150,
    of: fc.tuple(changes, fc.boolean()),
    holds: async ([by, isKeyApart]) => {
      const { leaf, key, root } = pki();
      const pem = changed(isKeyApart ? leaf : key + leaf, by);
      const given = { domain: DOMAIN, pem, covers: [`mail.${DOMAIN}`], roots: root, now: Date.now() };
      try {
        const { chainPem } = await readProvided({ ...given, ...(isKeyApart && { key }) });
        assert.deepEqual(inspectChain(chainPem).names, NAMES);
      } catch (error) {
        refusedAs('InvalidStepInput', error, key);
      }
    },
  }),
  property('key and chain are the same lines, however their PEM is written', {
    runs: 500,
    of: writing,
    holds: how => {
      const { leaf, key, root } = pki();
      const plain = combinedPem({ keyPem: key, chainPem: leaf + root });
      assert.equal(combinedPem({ keyPem: rewritten(key, how), chainPem: rewritten(leaf + root, how) }), plain);
      for (const line of plain.trimEnd().split('\n'))
        assert.match(line, /^(-----(BEGIN|END) (PRIVATE KEY|CERTIFICATE)-----|[A-Za-z0-9+/=]{1,64})$/);
    },
  }),
];
