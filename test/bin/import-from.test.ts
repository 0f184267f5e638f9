/** Other tools' directories, with certificates made by openssl, and lists as panels export them. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { main } from '../../bin/sealpost.ts';
import { scratchPki } from '../core/certificate/scratch-pki.ts';

/** As the README types it, but for its directory. */
const LINE = 'sealpost import /etc/letsencrypt --from certbot --servers mx1.provider.example --to domains.csv';
const MX1 = 'mx1.provider.example';
const HEAD = 'domain,server,policy,names';

let directory: string;
let pem: Record<'wildcard' | 'named' | 'expired' | 'deep' | 'bare', string>;
let out: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'sealpost-from-'));
  const pki = scratchPki(directory);
  const made = (names: string[], days?: { from: number; until: number }) =>
    pki({
      ...{ subject: 'scratch', ...(days && { days }) },
      extensions:
        names.length > 0
          ? [`subjectAltName=${names.map(name => `DNS:${name}`).join(',')}`]
          : ['keyUsage=digitalSignature'],
    }).pem;
  pem = {
    wildcard: made(['example.com', '*.example.com']),
    named: made(['mail.example.net', 'webmail.example.net', 'example.org']),
    expired: made(['old.example'], { from: -90, until: -1 }),
    deep: made(['*.sub.example.com', 'mail.example.co.uk']),
    bare: made([]),
  };
}, 60_000);
afterAll(() => rmSync(directory, { recursive: true }));
beforeEach(() => {
  out = '';
  vi.spyOn(process.stdout, 'write').mockImplementation(text => ((out += String(text)), true));
  // Whoever asked AWS would fail.
  vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:1');
  return () => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  };
});

function put(path: string, text: string): void {
  const file = join(directory, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
async function from(source: string, path: string): Promise<{ code: number; rows: string[]; said: string }> {
  const to = join(directory, 'domains.csv');
  rmSync(to, { force: true });
  const words = LINE.split(' ').slice(1).join(' ');
  const args = words
    .replace('certbot', source)
    .replace('/etc/letsencrypt', join(directory, path))
    .replace('domains.csv', to);
  const code = await main(args.split(' '));
  const [head, ...rows] = readFileSync(to, 'utf8').trim().split('\n');
  expect(head).toBe(HEAD);
  expect(statSync(to).mode & 0o777).toBe(0o600);
  return { code, rows, said: out };
}

describe('certbot', () => {
  test('links of live/ are read, the names of one domain are one row, and the account key is named', async () => {
    put('certbot/archive/example.com/cert1.pem', pem.wildcard);
    mkdirSync(join(directory, 'certbot/live/example.com'), { recursive: true });
    symlinkSync('../../archive/example.com/cert1.pem', join(directory, 'certbot/live/example.com/cert.pem'));
    put('certbot/live/example.com/chain.pem', 'a chain is not read');
    put('certbot/live/mail.example.net/cert.pem', pem.named);
    put('certbot/accounts/acme-v02.api.letsencrypt.org/directory/0123/private_key.json', '{}');
    const { code, rows, said } = await from('certbot', 'certbot');
    expect(rows).toEqual([
      `example.com,${MX1},wildcard,`,
      `example.net,${MX1},list,mail webmail`,
      `example.org,${MX1},list,@`,
    ]);
    expect(said).toMatch(/live\/example\.com\/cert\.pem: example\.com, \*\.example\.com; by .*, until \d{4}-\d\d-\d\d/);
    expect(said).toMatch(/private_key\.json is a key of its ACME account/);
    expect(said).toMatch(/^3 domains are in .*, 0 problems\. Read the file, then: sealpost import /m);
    expect(code).toBe(0);
  });

  test('what is of no use is named with its reason, and the rest is kept', async () => {
    put('bad/live/a/cert.pem', pem.expired);
    put('bad/live/b/cert.pem', 'no certificate');
    put('bad/live/c/cert.pem', pem.bare);
    put('bad/live/d/cert.pem', pem.deep);
    const { code, rows, said } = await from('certbot', 'bad');
    expect(rows).toEqual([`example.co.uk,${MX1},list,mail`]);
    expect(said).toMatch(/a\/cert\.pem has expired \(\d{4}-\d\d-\d\d\); it is left out/);
    expect(said).toMatch(/b\/cert\.pem cannot be read as a certificate/);
    expect(said).toMatch(/c\/cert\.pem names no domain/);
    expect(said).toMatch(/d\/cert\.pem: a wildcard of its domain does not cover \*\.sub\.example\.com/);
    expect(code).toBe(1);
  });

  test('a directory of something else is no empty success', async () => {
    mkdirSync(join(directory, 'other'));
    const { code, said } = await from('certbot', 'other');
    expect(said).toContain('has no certificate where the tool keeps them');
    expect(code).toBe(1);
  });
});

test('lego: the certificate, and not its chain', async () => {
  put('lego/certificates/_.example.com.crt', pem.wildcard);
  put('lego/certificates/_.example.com.issuer.crt', pem.named);
  put('lego/certificates/_.example.com.key', 'a key is not read');
  put('lego/accounts/acme-v02.api.letsencrypt.org/you@provider.example/keys/you@provider.example.key', '');
  const { rows, said } = await from('lego', 'lego');
  expect(rows).toEqual([`example.com,${MX1},wildcard,`]);
  expect(said).toContain('you@provider.example.key is a key of its ACME account');
});

test('acme.sh: both kinds of key of one domain are one row', async () => {
  for (const folder of ['example.com', 'example.com_ecc']) {
    put(`acme.sh/${folder}/example.com.cer`, pem.wildcard);
    put(`acme.sh/${folder}/ca.cer`, pem.named);
    put(`acme.sh/${folder}/fullchain.cer`, pem.named);
  }
  put('acme.sh/ca/acme-v02.api.letsencrypt.org/directory/account.key', '');
  const { rows, said } = await from('acme.sh', 'acme.sh');
  expect(rows).toEqual([`example.com,${MX1},wildcard,`]);
  expect(said).toContain('account.key is a key of its ACME account');
});

test.each([
  ['a domain a line, as plesk bin domain --list prints', 'example.com\nexample.net\n', 0],
  ['domains with users, as cPanel keeps them', 'example.com: anna\nexample.net: ben\n*: nobody\n', 0],
  [
    'a table with a column of domains',
    '"User","Domain","Plan"\n"anna","Example.com","basic"\n"ben","example.net",""\n',
    0,
  ],
  ['rows that are no domains', 'example.com\nlocalhost\nexample.net\n', 1],
])('a list: %s', async (_, text, code) => {
  put('list', text);
  const made = await from('list', 'list');
  expect(made.rows).toEqual([`example.com,${MX1},wildcard,`, `example.net,${MX1},wildcard,`]);
  expect(made.code).toBe(code);
});

test('a name that no certificate can have is a problem of its line', async () => {
  put('list', 'example.com\nexa_mple..com\n');
  const { code, said } = await from('list', 'list');
  expect(said).toMatch(/domains\.csv, line \d, domain: /);
  expect(code).toBe(1);
});

test('a tool that is not known is refused with those that are', async () => {
  const told = vi.spyOn(console, 'error').mockImplementation(() => {});
  expect(await main(['import', directory, '--from', 'caddy'])).toBe(2);
  expect(told.mock.calls.join()).toContain('Give certbot, lego, acme.sh or list.');
});

test('servers and file must be said', async () => {
  const told = vi.spyOn(console, 'error').mockImplementation(() => {});
  expect(await main(['import', directory, '--from', 'list'])).toBe(2);
  expect(told.mock.calls.join()).toContain('import --from needs --servers SERVERS and --to FILE.');
});
