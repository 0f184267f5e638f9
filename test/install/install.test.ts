import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { TEST_MAILBOX } from '../../local/hosts/mail-server.ts';
import { seconds, startAdoptedMailHost, type MailHost } from './mail-host.ts';
import { openSession, type Session } from '../../local/clients/session.ts';
import type { Issued } from './scratch-ca.ts';

vi.setConfig({ testTimeout: 60_000 });

let mail: MailHost;
let first: Issued;
/** Opened before a renewal, and looked at some seconds after it. */
let opened: { imap: Session; smtp: Session; renewedAt: number };
const web = 'webmail.example.test';

beforeAll(async () => {
  mail = await startAdoptedMailHost('install');
  first = mail.wildcard('example.test');
}, 300_000);
afterAll(() => mail?.stop());

it('a new domain is served by its name on every port of every daemon', async () => {
  const other = mail.wildcard('other.test');
  const answer = await mail.deliver([
    { domain: 'example.test', certificate: first, web },
    { domain: 'other.test', certificate: other },
  ]);
  expect(answer).toMatchObject({ exitCode: 0, outcome: 'installed', letters: 'ss', rest: [] });
  for (const port of [25, 465, 587, 143, 993, 110, 995]) {
    expect(await mail.served(port, 'mail.example.test'), `port ${port}`).toBe(first.leaf);
    expect(await mail.served(port, 'other.test'), `port ${port}`).toBe(other.leaf);
  }
  expect(await mail.served(443, web)).toBe(first.leaf);
});

it('nobody but root can read a key by its name', async () => {
  expect(await mail.sh('cd /etc/sealpost; stat -c "%a %U:%G %n" live/* sni.lmdb')).toBe(
    '600 root:root live/example.test.pem\n600 root:root live/other.test.pem\n600 root:root sni.lmdb',
  );
});

it('the same delivery again is answered from its record', async () => {
  const delivery = mail.write([{ domain: 'example.test', certificate: first, web }]);
  const once = await mail.run(delivery);
  expect(once).toMatchObject({ exitCode: 0, outcome: 'installed', letters: 'u' });
  expect((await mail.run(delivery)).text).toBe(once.text);
});

it('what is served already needs no reload, and is looked at again', async () => {
  const reloads = () =>
    mail.sh('grep -c "SIGHUP received" /var/log/dovecot.log; grep -c "reload" /var/log/mail.log || :');
  const before = await reloads();
  const answer = await mail.deliver([{ domain: 'example.test', certificate: first, web }]);
  expect(answer.letters).toBe('u');
  expect(await reloads()).toBe(before);
});

it('a daemon that speaks TLS 1.3 alone is looked at by openssl, and so is all on a host without Perl', async () => {
  await mail.sh(
    `cp /etc/dovecot/local.conf /root/; echo 'ssl_min_protocol = TLSv1.3' >>/etc/dovecot/local.conf; doveadm reload`,
  );
  first = mail.wildcard('example.test');
  expect(await mail.deliver([{ domain: 'example.test', certificate: first, web }])).toMatchObject({ letters: 's' });
  await mail.sh('cp /root/local.conf /etc/dovecot/local.conf; doveadm reload; mv /usr/bin/perl /usr/bin/perl.away');
  first = mail.wildcard('example.test');
  expect(await mail.deliver([{ domain: 'example.test', certificate: first, web }])).toMatchObject({ letters: 's' });
  await mail.sh('mv /usr/bin/perl.away /usr/bin/perl');
  expect(await mail.served(993, 'mail.example.test')).toBe(first.leaf);
});

it('a renewal while somebody is idle in IMAP and another has SMTP open', async () => {
  const imap = await openSession(mail.host.address, 993, /^\* OK/);
  await imap.ask(`a LOGIN ${TEST_MAILBOX.user} "${TEST_MAILBOX.password}"`, /^a OK/);
  await imap.ask('b SELECT INBOX', /^b OK/);
  await imap.ask('c IDLE', /^\+ idling/);
  const smtp = await openSession(mail.host.address, 465, /^220 /);
  await smtp.ask('EHLO client.test', /^250 /);

  first = mail.wildcard('example.test');
  const answer = await mail.deliver([{ domain: 'example.test', certificate: first, web }]);
  expect(answer.letters).toBe('s');
  expect(await mail.served(993, 'mail.example.test')).toBe(first.leaf);
  opened = { imap, smtp, renewedAt: Date.now() };
});

it('a bad pair, a name that is not covered and an expired certificate are refused alone', async () => {
  const [good, bad, narrow, old, none] = ['good.test', 'bad.test', 'narrow.test', 'old.test', 'cut.test'];
  const mine = mail.wildcard(bad!);
  const cut = mail.wildcard(none!);
  const answer = await mail.deliver([
    { domain: good!, certificate: mail.wildcard(good!) },
    { domain: bad!, certificate: { ...mine, pem: mail.wildcard('x.test').key + mine.chain } },
    { domain: narrow!, certificate: mail.ca.issue(['www.narrow.test']) },
    { domain: old!, certificate: mail.wildcard(old!, { expired: true }) },
    { domain: none!, certificate: { ...cut, pem: cut.chain + cut.key } },
  ]);
  expect(answer).toMatchObject({ exitCode: 0, outcome: 'installed', letters: 'srrrr' });
  expect(answer.rest).toEqual([
    '2 r CertificateUnusable key does not match the leaf',
    '3 r CertificateUnusable the certificate does not cover mail.narrow.test',
    '4 r CertificateUnusable the certificate has expired',
    '5 r CertificateUnusable the private key must come first',
  ]);
});

it('a certificate for each name of a list is served for these names only', async () => {
  const certificate = mail.ca.issue(['mail.list.test', 'imap.list.test', 'post.list.test']);
  const answer = await mail.deliver([
    { domain: 'list.test', certificate, mail: 'mail.list.test', web: 'post.list.test' },
  ]);
  expect(answer.letters).toBe('s');
  expect(await mail.served(993, 'imap.list.test')).toBe(certificate.leaf);
  expect(await mail.served(443, 'post.list.test')).toBe(certificate.leaf);
  expect(await mail.served(465, 'www.list.test')).not.toBe(certificate.leaf);
});

it('the longer name wins where a wildcard covers it too', async () => {
  const deep = mail.wildcard('deep.example.test');
  expect(
    (await mail.deliver([{ domain: 'deep.example.test', certificate: deep, mail: 'deep.example.test' }])).letters,
  ).toBe('s');
  for (const port of [465, 993]) expect(await mail.served(port, 'mail.example.test')).toBe(first.leaf);
});

it('an older delivery is stale and touches nothing', async () => {
  const answer = await mail.deliver([{ domain: 'example.test', verb: 'remove' }], { seq: 2 });
  expect(answer).toMatchObject({ exitCode: 0, outcome: expect.stringMatching(/^stale \d+$/) });
  expect(await mail.served(993, 'mail.example.test')).toBe(first.leaf);
});

it('a delivery past its time is expired and touches nothing', async () => {
  const answer = await mail.deliver([{ domain: 'example.test', verb: 'remove' }], { issuedAt: seconds() - 86_400 });
  expect(answer).toMatchObject({ exitCode: 0, outcome: 'expired' });
  expect(await mail.served(993, 'mail.example.test')).toBe(first.leaf);
});

it('a clock that is behind is said to be, instead of calling every certificate bad', async () => {
  const answer = await mail.deliver([], { issuedAt: seconds() + 400 });
  expect(answer.exitCode).toBe(50);
  expect(answer.stderr).toMatch(/this clock is \d+ s behind/);
});

it('what does not fit into Dovecot’s memory is refused before anything is switched; renewals go on', async () => {
  const edit = (text: string) => text.replace('(most > limit ? limit : most)', '\'"$(dovecot_count)"\'');
  const renewed = mail.wildcard('other.test');
  const delivery = mail.write([
    { domain: 'full.test', certificate: mail.wildcard('full.test') },
    { domain: 'other.test', certificate: renewed },
  ]);
  const answer = await mail.run(delivery, { edit });
  expect(answer).toMatchObject({ exitCode: 0, letters: 'rs' });
  expect(answer.rest[0]).toMatch(/^1 r ServerFull /);
  expect(await mail.served(993, 'other.test')).toBe(renewed.leaf);
});

it('a renewal ends no session: idle in IMAP, open in SMTP, before and after', async () => {
  const { imap, smtp, renewedAt } = opened;
  // With shutdown_clients = yes, Dovecot says BYE 6 to 12 s after a reload.
  await new Promise(resolve => setTimeout(resolve, renewedAt + 13_000 - Date.now()));
  expect(await imap.ask('DONE', /^c /)).toMatch(/^c OK/);
  expect(await imap.ask('d NOOP', /^d /)).toMatch(/^d OK/);
  expect(await smtp.ask('NOOP', /^\d/)).toMatch(/^250 /);
  imap.close();
  smtp.close();
});

it('a lost map is rebuilt for all domains, not only for the one delivered', async () => {
  await mail.sh('rm /etc/sealpost/sni.lmdb; postfix reload');
  await mail.deliver([{ domain: 'example.test', certificate: first, web }]);
  const unknown = await mail.served(465, 'mail.stranger.test');
  for (const name of ['mail.example.test', 'other.test']) expect(await mail.served(465, name)).not.toBe(unknown);
});

it('a removed domain leaves no name, no block and no key behind', async () => {
  const answer = await mail.deliver([{ domain: 'example.test', verb: 'remove' }]);
  expect(answer).toMatchObject({ exitCode: 0, outcome: 'installed', letters: 'd' });
  const words = (
    await mail.sh('cd /etc/sealpost; ls; ls live; cat domains dovecot.d/* nginx-names; postmap -s lmdb:sni | cut -f1')
  ).split(/[\s"/]/);
  for (const gone of [
    'example.test',
    '*.example.test',
    '.example.test',
    'example.test.pem',
    'webmail.example.test',
    'tx',
  ])
    expect(words).not.toContain(gone);
  expect(words).toContain('.deep.example.test');
  await expect.poll(() => mail.served(993, 'mail.example.test'), { timeout: 15_000 }).not.toBe(first.leaf);
});

it('leaves nothing in /run', async () => {
  expect(await mail.sh('ls -d /run/sealpost* 2>/dev/null || :')).toBe('');
});
