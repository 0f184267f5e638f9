import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemResolver } from '../../../core/dns/authoritative.ts';
import { checkCaa } from '../../../core/dns/caa.ts';
import { startNameServer } from './name-server.ts';
import type { NameServer } from './name-server.ts';

const issuing = { identities: ['letsencrypt.org'], accountUrl: 'https://ca.example/acct/1' };
const both = ['mail.example.com', '*.mail.example.com'];
let resolver: NameServer;

beforeAll(async () => void (resolver = await startNameServer('127.0.0.1')));
afterAll(() => resolver.stop());
beforeEach(() => {
  resolver.records.clear();
  resolver.rcode = 0;
});

const check = (records: Record<string, string[]>, names = both) => {
  for (const [name, values] of Object.entries(records)) resolver.records.set(`${name} CAA`, values);
  return checkCaa(systemResolver([resolver.address]), names, issuing);
};
const forbidden = { name: 'CaaForbids', about: 'mail.example.com' };

test('a domain without CAA records may have a certificate', () => check({}));

test('one that names our CA, anywhere above, may', () => check({ 'example.com': ['0 issue "LetsEncrypt.org"'] }));

test('the records nearest to the name decide, not those above', async () => {
  await check({ 'mail.example.com': ['0 issue "letsencrypt.org"'], 'example.com': ['0 issue ";"'] });
  await expect(
    check({ 'mail.example.com': ['0 issue "other-ca.example"'], 'example.com': ['0 issue "letsencrypt.org"'] }),
  ).rejects.toMatchObject(forbidden);
});

test('one that names another CA may not, and is told which line it needs', async () => {
  await expect(check({ 'example.com': ['0 issue "other-ca.example"'] })).rejects.toMatchObject({
    ...forbidden,
    message: expect.stringContaining('example.com. CAA 0 issue "letsencrypt.org"'),
  });
});

test('issuewild decides alone for the wildcard, and says nothing of the bare name', async () => {
  const records = { 'example.com': ['0 issue "letsencrypt.org"', '0 issuewild ";"'] };
  await check(records, ['mail.example.com']);
  await expect(check(records)).rejects.toMatchObject({
    message: expect.stringContaining('forbids *.mail.example.com'),
  });
});

test('records that only say whom to tell forbid nothing', () =>
  check({ 'example.com': ['0 iodef "mailto:a@example.com"'] }));

test('a critical property that nobody knows forbids', async () => {
  await expect(check({ 'example.com': ['128 tbs "unknown"'] })).rejects.toMatchObject(forbidden);
});

test('an account and a method that are not ours forbid', async () => {
  const issue = (parameters: string) => ({ 'example.com': [`0 issue "letsencrypt.org; ${parameters}"`] });
  await check(issue('validationmethods=http-01,dns-01; accounturi=https://ca.example/acct/1'));
  await expect(check(issue('validationmethods=http-01'))).rejects.toMatchObject(forbidden);
  await expect(check(issue('accounturi=https://ca.example/acct/2'))).rejects.toMatchObject(forbidden);
});

test('no answer is not a permission', async () => {
  resolver.rcode = 2;
  await expect(check({})).rejects.toMatchObject({ name: 'DnsNotPropagated' });
});
