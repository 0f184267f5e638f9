/** A third name that two domains of a server have: it is in both certificates. Without a host. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const install = join(import.meta.dirname, '../../install');
const scratch = mkdtempSync(join(tmpdir(), 'sealpost-name-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** A line of /etc/sealpost/domains. */
const line = (domain: string, names: string[], kind = 'domain') =>
  `${domain} ${kind} id leaf mail.${domain} - ${names.join(' ')}\n`;
const outer = line('example.test', ['example.test', '*.example.test', 'shop.example.test']);
const shop = line('shop.example.test', ['shop.example.test', '*.shop.example.test']);
const host = line('mx1.provider.test', ['mx1.provider.test'], 'host');

function sh(adapter: string, script: string): string {
  const text = `home=${scratch} run=${scratch}; . ${install}/parts/adapter.sh; . ${install}/adapters/${adapter}.sh; cd ${scratch}; ${script}`;
  const { status, stdout, stderr } = spawnSync('sh', ['-euc', text], { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return stdout;
}

/** @returns what Postfix's map gets, and the names that go out of it */
function sorted({
  before,
  after,
  changed,
  exact = '',
}: {
  before: string;
  after: string;
  changed: string[];
  exact?: string;
}) {
  writeFileSync(join(scratch, 'before'), before);
  writeFileSync(join(scratch, 'after'), after);
  writeFileSync(join(scratch, 'changed'), changed.map(one => `${one}\n`).join(''));
  sh('postfix', `exact=${exact}; postfix_sort before after changed`);
  const read = (name: string) => readFileSync(join(scratch, name), 'utf8').split('\n').filter(Boolean).sort();
  return {
    put: read('postfix.put').map(one => one.replace(`${scratch}/`, '').replace('live/', '').replace('.pem', '')),
    drop: read('postfix.drop'),
  };
}
const both = ['.shop.example.test shop.example.test', 'shop.example.test shop.example.test'];

test('Postfix: the longer domain has the name, whichever of them comes first or is renewed', () => {
  const own = ['.example.test example.test', 'example.test example.test'];
  const all = outer + shop + host;
  const first = sorted({ before: host, after: all, changed: ['example.test', 'shop.example.test'] });
  expect(first.put).toEqual([...own, ...both].sort());
  const renewed = sorted({ before: all, after: all, changed: ['example.test'] });
  expect(renewed.put).toContain('shop.example.test shop.example.test');
  expect(sorted({ before: all, after: all, changed: ['shop.example.test'] }).put).toEqual(both);
});

test('Postfix: once that domain is removed, the name has the certificate of the other one', () => {
  const { put, drop } = sorted({ before: outer + shop, after: outer, changed: ['shop.example.test'] });
  expect(put).toEqual(['shop.example.test example.test']);
  expect(drop).toEqual(['.shop.example.test', 'mail.shop.example.test']);
});

test('Postfix: the name of the look has an entry only beside a map of the operator', () => {
  const asked = { before: '', after: outer + host, changed: ['example.test', 'mx1.provider.test'] };
  expect(sorted(asked).put).not.toContain('mail.example.test example.test');
  expect(sorted(asked).put).toContain('mx1.provider.test host/postfix');
  expect(sorted({ ...asked, exact: 'yes' }).put).toContain('mail.example.test example.test');
});

test('Exim: the line of the longer domain comes first', () => {
  writeFileSync(join(scratch, 'list'), outer + shop);
  const lines = sh('exim', 'exim_default=default; exim_render list').split('\n');
  expect(lines.filter(one => one.startsWith('shop.example.test:'))).toEqual([
    `shop.example.test: ${scratch}/exim/shop.example.test.pem`,
    `shop.example.test: ${scratch}/exim/example.test.pem`,
  ]);
  expect(lines[0]).toBe('*: default');
});
