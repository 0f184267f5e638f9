import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemResolver } from '../../../core/dns/authoritative.ts';
import { checkCaa, lookUpCaa } from '../../../core/dns/caa.ts';
import { startNameServer } from './name-server.ts';
import type { NameServer } from './name-server.ts';

const issuing = { identities: ['letsencrypt.org'], accountUrl: async () => 'https://ca.example/acct/1' };
const both = ['mail.example.com', '*.mail.example.com'];
let resolver: NameServer;

beforeAll(async () => void (resolver = await startNameServer('127.0.0.1')));
afterAll(() => resolver.stop());
beforeEach(() => {
  resolver.records.clear();
  resolver.rcode = 0;
});

const check = async (records: Record<string, string[]>, names = both, accountUrl = issuing.accountUrl) => {
  for (const [name, values] of Object.entries(records)) resolver.records.set(`${name} CAA`, values);
  const look = await lookUpCaa(systemResolver([resolver.address]), names);
  return checkCaa(look, { ...issuing, accountUrl });
};
const forbidden = { name: 'CaaForbids', about: 'mail.example.com' };

test('a domain without CAA records may have a certificate', () => check({}));

test('a domain whose CAA names our CA, anywhere above, may have a certificate', () =>
  check({ 'example.com': ['0 issue "LetsEncrypt.org"'] }));

test('the records nearest to the name decide, not those above', async () => {
  await check({ 'mail.example.com': ['0 issue "letsencrypt.org"'], 'example.com': ['0 issue ";"'] });
  await expect(
    check({ 'mail.example.com': ['0 issue "other-ca.example"'], 'example.com': ['0 issue "letsencrypt.org"'] }),
  ).rejects.toMatchObject(forbidden);
});

/** 200 KB of a customer's zone: a pattern that takes quadratic time would need minutes for it. */
test.each([
  ['blanks', ' '.repeat(200_000)],
  ['semicolons', ';'.repeat(200_000)],
  ['semicolons and blanks', '; '.repeat(100_000)],
  ['letters', 'a-'.repeat(100_000)],
])('a value of %s is refused in linear time, with a message of bounded length', async (_, value) => {
  const records = [{ flags: 0, tag: 'issue', value: `x${value}x` }];
  const found = [{ name: 'mail.example.com', at: 'example.com', records }];
  const before = process.cpuUsage();
  const refusal = await checkCaa(found, issuing).catch((error: Error) => error);
  const { user } = process.cpuUsage(before);
  expect(refusal).toMatchObject(forbidden);
  expect(Buffer.byteLength((refusal as Error).message)).toBeLessThanOrEqual(2_048);
  // CPU and no clock: the bound of a whole step (2 s), of which this takes a hundredth.
  expect(user).toBeLessThan(2_000_000);
});

test('a domain whose CAA names another CA is refused, with the line that it needs', async () => {
  await expect(check({ 'example.com': ['0 issue "other-ca.example"'] })).rejects.toMatchObject({
    ...forbidden,
    message: expect.stringContaining('example.com. CAA 0 issue "letsencrypt.org"'),
  });
});

test('issuewild decides for the wildcard only, and not for the bare name', async () => {
  const records = { 'example.com': ['0 issue "letsencrypt.org"', '0 issuewild ";"'] };
  await check(records, ['mail.example.com']);
  await expect(check(records)).rejects.toMatchObject({
    message: expect.stringContaining('forbids *.mail.example.com'),
  });
});

test('records that only give a contact forbid nothing', () =>
  check({ 'example.com': ['0 iodef "mailto:a@example.com"'] }));

test('a critical property that is unknown forbids', async () => {
  await expect(check({ 'example.com': ['128 tbs "unknown"'] })).rejects.toMatchObject(forbidden);
});

test('an account and a method that are not ours forbid', async () => {
  const issue = (parameters: string) => ({ 'example.com': [`0 issue "letsencrypt.org; ${parameters}"`] });
  await check(issue('validationmethods=http-01,dns-01; accounturi=https://ca.example/acct/1'));
  await expect(check(issue('validationmethods=http-01'))).rejects.toMatchObject(forbidden);
  await expect(check(issue('accounturi=https://ca.example/acct/2'))).rejects.toMatchObject(forbidden);
});

test('the account is read only if a record names one, and is left to the CA while there is none', async () => {
  const asked = () => Promise.reject(new Error('was asked'));
  await check({ 'example.com': ['0 issue "letsencrypt.org; validationmethods=dns-01"'] }, both, asked);
  const named = { 'example.com': ['0 issue "letsencrypt.org; accounturi=https://ca.example/acct/2"'] };
  await expect(check(named, both, asked)).rejects.toThrow('was asked');
  await check(named, both, async () => undefined as never);
});

test.each([
  'letsencrypt.org accounturi=https://ca.example/acct/1',
  'letsencrypt.org; accounturi',
  'letsencrypt.org; accounturi=https://ca.example/acct/1; accounturi=https://ca.example/acct/1',
  'letsencrypt.org; validationmethods=dns-01; validationmethods=http-01',
  'letsencrypt.org; validationmethods=dns-01 http-01',
  'letsencrypt.org; validationmethods=',
])('%s allows no CA', async value => {
  await expect(check({ 'example.com': [`0 issue "${value}"`] })).rejects.toMatchObject(forbidden);
});

test.each([
  'letsencrypt.org;',
  ' letsencrypt.org ; ',
  'letsencrypt.org;policy=ev',
  'letsencrypt.org; AccountURI=https://ca.example/acct/1',
])('%s allows ours', value => check({ 'example.com': [`0 issue "${value}"`] }));

test.each([
  [1, 'forbids'],
  [2, 'does not'],
])('an unknown property with the flags %d %s', async (flags, what) => {
  const checked = check({ 'example.com': [`${flags} tbs "unknown"`] });
  if (what === 'forbids') await expect(checked).rejects.toMatchObject(forbidden);
  else await checked;
});

test('the records above several names are queried once', async () => {
  resolver.questions.length = 0;
  await check({ 'example.com': ['0 issue "letsencrypt.org"'] }, ['mail.example.com', 'webmail.example.com', ...both]);
  const asked = resolver.questions.filter(question => /CAA/.test(JSON.stringify(question)));
  expect(asked).toHaveLength(3);
});

test('a failed query is no permission', async () => {
  resolver.rcode = 2;
  await expect(check({})).rejects.toMatchObject({ name: 'DnsNotPropagated' });
});
