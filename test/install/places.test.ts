/** What customers see at each address of a server, and not at loopback alone. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { impatient } from './contract.story.ts';
import { startAdoptedMailHost, type MailHost } from './mail-host.ts';
import type { Issued } from './scratch-ca.ts';

vi.setConfig({ testTimeout: 60_000 });

const IPV6 = 'fd5e:a190::7';
const IMAP = '/etc/dovecot/local.conf';
let mail: MailHost;
let first: Issued;
const entryOf = (domain: string, certificate = mail.wildcard(domain)) => ({
  domain,
  certificate,
  web: `webmail.${domain}`,
});

beforeAll(async () => {
  mail = await startAdoptedMailHost('places');
  await mail.sh(`ip -6 addr add ${IPV6}/64 dev eth0 nodad; cp ${IMAP} /root/local.conf`);
  first = mail.wildcard('first.test');
  expect(await mail.deliver([entryOf('first.test', first)])).toMatchObject({ letters: 's' });
}, 300_000);
afterAll(() => mail?.stop());

it('a certificate that only one address does not serve is rolled back, with the address and the log', async () => {
  await mail.sh(`printf 'local ${mail.host.address} {\\n  ssl_cert = </etc/ssl/certs/server.pem\\n}\\n' >>${IMAP}
    doveadm reload`);
  await expect.poll(() => mail.served(993, 'mail.first.test'), { timeout: 10_000 }).toBe('nothing');
  const answer = await mail.run(mail.write([entryOf('second.test')]), impatient);
  expect(answer).toMatchObject({ exitCode: 20, outcome: 'rolled-back', letters: 'b' });
  expect(answer.rest[0]).toMatch(
    new RegExp(
      `^1 b InstallRolledBack not seen on port 993 at ${mail.host.address} \\(dovecot\\): .*Conflict in setting`,
    ),
  );
});

it('an audit finds what no customer gets, and names the address', async () => {
  const looks = [{ domain: 'first.test', leaf: first.leaf, web: 'webmail.first.test' }];
  const { rest } = await mail.deliver([], { mode: 'verify', looks });
  expect(rest).toContain('unseen 110,143,993,995 1');
  await mail.sh(`cp /root/local.conf ${IMAP}; doveadm reload`);
  await expect.poll(() => mail.served(993, 'mail.first.test'), { timeout: 10_000 }).toBe(first.leaf);
  expect((await mail.deliver([], { mode: 'verify', looks })).rest.at(-1)).toBe('audited 1');
});

it('an address of IPv6 alone that serves something else is found, though all others are right', async () => {
  await mail.sh(`sed 's|listen 443.*|listen [${IPV6}]:443 ssl;|; s|ssl_certificate .*|ssl_certificate /etc/ssl/certs/server.pem;|
    s|ssl_certificate_key .*|ssl_certificate_key /etc/ssl/private/server.key;|' \\
    /etc/nginx/sites-available/webmail >/etc/nginx/sites-enabled/six
    nginx -s reload; sleep 1`);
  const answer = await mail.run(mail.write([entryOf('second.test')]), impatient);
  expect(answer).toMatchObject({ exitCode: 20, outcome: 'rolled-back', letters: 'b' });
  expect(answer.rest[0]).toContain(`not seen on port 443 at [${IPV6}] (nginx)`);
  await mail.sh('rm /etc/nginx/sites-enabled/six; nginx -s reload; sleep 1');
});

it('a listener that no longer answers at all after a reload is found', async () => {
  // The inspection has seen it answer.
  await mail.sh(
    `sed -i 's|listen 443.*|&\\n    listen [::]:443 ssl;|' /etc/nginx/sites-available/webmail; nginx -s reload; sleep 1`,
  );
  await mail.deliver([], { mode: 'inspect' });
  await mail.sh(
    `sed -i 's|listen .::.:443 ssl;|listen [::]:443;|' /etc/nginx/sites-available/webmail; nginx -s reload; sleep 1`,
  );
  const answer = await mail.run(mail.write([entryOf('second.test')]), impatient);
  expect(answer.rest[0]).toContain(`not seen on port 443 at [${IPV6}] (nginx)`);
});
