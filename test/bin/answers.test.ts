/** Each answer for a person, for a person who wants no progress, and for a program. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { Environment } from '../../bin/here.ts';
import { main } from '../../bin/sealpost.ts';
import { anIssuer, domain, mx1, newWorld, readyServer, type World } from '../core/world.ts';
import { scratchCa } from '../install/scratch-ca.ts';

const folder = mkdtempSync(join(tmpdir(), 'sealpost-answers-'));
const ca = scratchCa(folder);
const bought = ca.issue([`mail.${domain}`, `webmail.${domain}`]);
let world: World;
let parts: { asked: string[]; already: string[]; after?: string }[];
let out: string;
let error: string;

/** What a command finds there is the twins'; the adapters have tests of their own. */
const environment: Partial<Environment> = {
  store: async () => ({ ofDomain: async () => ({ domains: [await world.store.readDomain(domain)] }) }) as never,
  look: async () => async () => ({ trusted: true }),
  renew: async () => parts.shift()!,
  audit: async server => server === mx1,
  elsewhere: async () => ({ store: world.store, certificates: world.certificates, roots: ca.root }),
  importing: async () => ({ store: world.store, issuer: anIssuer(), seen: async () => undefined }),
};
vi.mock('../../bin/environment.ts', () => ({ environment: () => environment }));

beforeAll(() => {
  writeFileSync(join(folder, 'bought.pem'), bought.pem);
  writeFileSync(join(folder, 'domains.csv'), `domain,server\nnew.example,${mx1}\nnot a name,${mx1}\n`);
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(async () => {
  world = newWorld(Date.now());
  await readyServer(world, { capability: { 'serves-by-name': ['postfix,dovecot,nginx'] } });
  await world.store.acceptWish({ domain, mailServers: [mx1], policy: 'wildcard' }, { at: world.time }, world.time);
  parts = [
    { asked: ['a.example'], already: [], after: 'a' },
    { asked: [], already: ['b.example'] },
  ];
  [out, error] = ['', ''];
  vi.spyOn(process.stdout, 'write').mockImplementation(text => ((out += text), true));
  vi.spyOn(console, 'error').mockImplementation(text => void (error += `${text}\n`));
});
afterEach(() => vi.restoreAllMocks());

async function sealpost(line: string) {
  const code = await main(line.split(' ').map(word => word.replace('FOLDER', folder)));
  return { code, out, error };
}
const program = async (line: string) => {
  const { code, out, error } = await sealpost(`${line} --json`);
  expect(error).toBe('');
  return { code, data: JSON.parse(out) };
};

const LEFT = 'b.example was renewed within the last hour because somebody asked; it is left as it is.\n';
const CLOSING =
  '1 to be renewed, at once and not in the quiet hour; 1 were just now. sealpost watch shows the renewals.\n';

test('renew tells what it does while it does it', async () => {
  const told = `a.example is tried now.\n1 so far\n${LEFT}${CLOSING}`;
  expect(await sealpost('renew --all --yes')).toEqual({ code: 0, out: told, error: '' });
});

test('renew --quiet tells what came of it, and nothing before', async () => {
  expect(await sealpost('renew --all --yes --quiet')).toEqual({ code: 0, out: LEFT + CLOSING, error: '' });
});

test('renew --json is one object with the domains', async () => {
  expect(await program('renew --all --yes')).toEqual({
    code: 0,
    data: { asked: ['a.example'], already: ['b.example'] },
  });
});

test('audit --json says that the server is asked; without a server it is an error', async () => {
  expect(await program(`audit ${mx1}`)).toEqual({ code: 0, data: { server: mx1, asked: true } });
  out = '';
  const unknown = await sealpost('audit mx9.provider.example --json');
  expect([unknown.code, unknown.out]).toEqual([1, '']);
  expect(JSON.parse(unknown.error)).toMatchObject({ name: 'NotKnown', exitCode: 1 });
});

test('provide --json has the certificate and no key, and --withdraw what was withdrawn', async () => {
  const { code, data } = await program(`provide ${domain} --for both --pem FOLDER/bought.pem`);
  expect([code, data]).toEqual([
    0,
    {
      ...{ domain, for: ['mail', 'webmail'], fingerprint: bought.leaf, issuedBy: expect.any(String) },
      names: [`mail.${domain}`, `webmail.${domain}`],
      notBefore: expect.stringMatching(/^\d{4}-.*Z$/),
      notAfter: expect.stringMatching(/^\d{4}-.*Z$/),
      takenOverAt: expect.stringMatching(/^\d{4}-.*Z$/),
    },
  ]);
  expect(out).not.toContain('PRIVATE');
  out = '';
  expect(await program(`provide ${domain} --withdraw --for mail`)).toEqual({
    code: 0,
    data: { domain, withdrawn: ['mail'] },
  });
});

test('import tells how far it is; with --quiet it does not, and the rest is the same', async () => {
  const loud = await sealpost('import FOLDER/domains.csv');
  expect(loud.out).toMatch(/^line 3, domain: .*\nlooked at 1 of 1\n/);
  expect(loud.out).toMatch(/\n1 new, 0 known already, 1 bad rows\. [^\n]*\nNothing was done: [^\n]*\n$/);
  out = '';
  const quiet = await sealpost('--quiet import FOLDER/domains.csv');
  expect(quiet).toEqual({ ...loud, out: loud.out.replace('looked at 1 of 1\n', '') });
  expect(loud.code).toBe(1);
});

test('import --json is one object, with the bad rows and what it comes to', async () => {
  const { code, data } = await program('import FOLDER/domains.csv');
  expect(code).toBe(1);
  expect(data).toEqual({
    ...{ isDryRun: true, new: 1, known: 0, parked: 0, repeated: [], missing: [], issuer: 'ca' },
    problems: [{ line: 3, field: 'domain', text: expect.stringContaining('not a name') }],
    ...{ leftToOthers: 0, orders: 1, transitions: 11, dollars: expect.any(Number) },
  });
});

test('settings --json has each line; with --autoconfig there are two forms, and it is refused', async () => {
  const { code, data } = await program(`settings ${domain}`);
  expect(code).toBe(0);
  expect(data.settings[0]).toMatchObject({ protocol: 'imap', host: `mail.${domain}`, port: 993, works: true });
  const both = await sealpost(`settings ${domain} --autoconfig --json`);
  expect(both.code).toBe(2);
  expect(JSON.parse(error)).toMatchObject({ name: 'InvalidCombination', exitCode: 2 });
});
