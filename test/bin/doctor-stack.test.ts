/** `sealpost doctor`: each thing around a deployment, well and not well. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { examine, readDirectory } from '../../bin/doctor-stack.ts';
import type { Surroundings } from '../../bin/here.ts';
import { scratchCa } from '../install/scratch-ca.ts';

const now = Date.UTC(2026, 11, 1);
const issuer = { name: 'ca', directoryUrl: 'https://ca.example/dir', staging: false };
const server = {
  record: {
    ...{ server: 'mx1.provider.example', node: 'mi-0123456789abcdef0', roleId: 'AROAEXAMPLE', adopt: true },
    ...{ registeredAt: now, wanted: 1, done: 1, seq: 1, hostSecuredAt: now, dueAt: now + 60_000 },
    capability: { daemon: ['postfix adopted'] },
  },
  ...{ work: new Map(), installed: new Map() },
};
const well: Surroundings = {
  challengeZone: 'acme.provider.example',
  dns: { resolve: async () => ['ns2.example', 'ns1.example'] },
  issuers: [issuer],
  directory: async () => ({
    newOrder: 'https://ca.example/order',
    meta: { termsOfService: 'https://ca.example/terms' },
  }),
  known: { domains: [], issuers: [], servers: new Map([['mx1.provider.example', server]]) } as never,
};

test('says of each that it is in order', async () => {
  const { text, isWell } = await examine(well, now);
  expect(text.split('\n')).toEqual([
    'ok    challenge zone acme.provider.example: is delegated to ns1.example, ns2.example',
    'ok    issuer ca: answers at https://ca.example/dir; its terms: https://ca.example/terms',
    'ok    mail server mx1.provider.example: is well',
  ]);
  expect(isWell).toBe(true);
});

describe('says what is wrong, with the remedy:', () => {
  const failing = async () => {
    throw new Error('no route');
  };
  test.each<[string, Partial<Surroundings>, string, string]>([
    ['a zone without delegation', { dns: { resolve: async () => [] } }, 'has no name servers', 'Put an NS record'],
    ['resolvers that are silent', { dns: { resolve: failing } }, 'did not answer (no route)', 'setting Resolvers'],
    ['a CA that is silent', { directory: failing }, 'gave no directory (no route)', 'TrustedRoots'],
    [
      'a CA that binds accounts',
      { directory: async () => ({ newOrder: 'https://ca.example/o', meta: { externalAccountRequired: true } }) },
      'wants an external account',
      '"externalAccount":true',
    ],
    ['no server', { known: { domains: [], issuers: [], servers: new Map() } }, 'none is registered', 'help register'],
  ])('%s', async (_, wrong, found, remedy) => {
    const { text, isWell, data } = await examine({ ...well, ...wrong }, now);
    expect(isWell).toBe(false);
    const lines = text.split('\n');
    const at = lines.findIndex(line => line.startsWith('WRONG'));
    expect(lines[at]).toContain(found);
    expect(lines[at + 1]).toMatch(/^ {6}→ /);
    expect(lines[at + 1]).toContain(remedy);
    expect((data as { findings: { remedy?: string }[] }).findings.filter(one => one.remedy)).toHaveLength(1);
  });

  test('that a CA is for trying only, which is no fault', async () => {
    const { text, isWell } = await examine({ ...well, issuers: [{ ...issuer, staging: true }] }, now);
    expect(text).toContain('nobody trusts its certificates');
    expect(isWell).toBe(true);
  });
});

describe('the directory of a CA', () => {
  let ca: ReturnType<typeof scratchCa>;
  let https: Server;
  let url: string;
  let directory: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'sealpost-doctor-'));
    ca = scratchCa(directory);
    const { chain, key } = ca.issue(['localhost']);
    https = createServer({ cert: chain, key }, ({ url }, response) =>
      response.end(url === '/dir' ? JSON.stringify({ newOrder: 'https://localhost/order' }) : 'hello'),
    );
    await new Promise<void>(resolve => https.listen(0, '127.0.0.1', resolve));
    url = `https://localhost:${(https.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    https.close();
    rmSync(directory, { recursive: true });
  });

  test('is read with the roots of the setting, and with these only', async () => {
    expect(await readDirectory(`${url}/dir`, { roots: ca.root })).toEqual({ newOrder: 'https://localhost/order' });
    await expect(readDirectory(`${url}/dir`, { roots: '' })).rejects.toThrow(/certificate/);
  });

  test('is none where something else answers', async () => {
    await expect(readDirectory(`${url}/other`, { roots: ca.root })).rejects.toThrow(
      'status 200, and no ACME directory',
    );
  });
});
