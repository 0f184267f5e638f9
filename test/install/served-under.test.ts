/** Servers on which sealpost can do less: software without an adapter, and panels. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { installer } from '../../install/assemble.ts';
import { startServices } from '../../local/hosts/mail-server.ts';
import { startMailHost, type MailHost } from './mail-host.ts';

vi.setConfig({ testTimeout: 120_000 });

let mail: MailHost;
let before: string;
const configuration =
  'cat /etc/postfix/main.cf /etc/nginx/sites-available/webmail; ls /etc/nginx/conf.d /etc/dovecot/conf.d';
const inspect = (adopt = false) => mail.deliver([], { mode: 'inspect', adopt });

beforeAll(async () => {
  mail = await startMailHost('under');
  before = await mail.sh(configuration);
}, 600_000);
afterAll(() => mail?.stop());

it('where all software can serve by name, inspect says that nothing cannot', async () => {
  const { rest } = await inspect();
  expect(rest).toContain('fact serves-by-name postfix,dovecot,nginx');
  expect(rest.filter(line => /^fact (cannot-serve-by-name \S|refused)/.test(line))).toEqual([]);
});

it.each([
  ['/usr/local/cpanel/version', 'cPanel', /AutoSSL/],
  ['/usr/local/directadmin/directadmin', 'DirectAdmin', /mail_sni=1/],
  ['/usr/local/psa/version', 'Plesk', /SSL It!/],
])(
  'where %s is, %s has the files: refused with the reason and what to do, and not a line is written',
  async (path, panel, instead) => {
    await mail.sh(`mkdir -p ${path.replace(/[^/]+$/, '')}; : >${path}`);
    const { rest } = await inspect(true);
    const refused = rest.find(line => line.startsWith('fact refused '));
    expect(refused).toContain(`fact refused ${panel} writes its daemons' files anew`);
    expect(refused).toMatch(instead);
    expect(rest).toContain('fact adopted no');
    expect(rest.find(line => line.startsWith('fact serves-by-name'))?.trim()).toBe('fact serves-by-name');
    expect(await mail.sh(configuration)).toBe(before);
    await mail.sh(`rm -r ${path}`);
  },
);

it('software without an adapter is found by its port, and a certificate of our daemons does not speak for it', async () => {
  const own = mail.ca.issue([mail.host.hostName]);
  await mail.host.write('/root/imap.pem', Buffer.from(own.pem), 0o600);
  await mail.sh(
    'doveadm stop; sleep 1; setsid openssl s_server -accept 993 -cert /root/imap.pem -key /root/imap.pem -quiet </dev/zero >/dev/null 2>&1 & sleep 1',
  );
  const { rest } = await inspect();
  expect(rest).toContain('fact cannot-serve-by-name openssl');
  expect(rest.find(line => line.startsWith('fact ports '))).toMatch(/,993$/);
  // Postfix still has the self-signed one.
  expect(rest).toContain('fact host-certificate untrusted');
  expect(await mail.served(993, 'mail.example.test')).toBe(own.leaf);
});

it('a server of webmail alone has its own name seen there, then a customer’s, and the audit sees both', async () => {
  await mail.sh(
    'pkill -x openssl; postfix stop; while [ -n "$(ss -Hltn sport = :993 or sport = :25)" ]; do sleep 0.1; done',
  );
  const { hostName } = mail.host;
  const inspected = (await inspect(true)).rest;
  expect(inspected).toEqual(
    expect.arrayContaining(['fact serves-by-name nginx', 'fact adopted yes', 'fact host-certificate untrusted']),
  );
  const own = mail.ca.issue([hostName]);
  const host = { domain: hostName, kind: 'host' as const, mail: '-', web: hostName, certificate: own };
  expect(await mail.deliver([host])).toMatchObject({ letters: 's', rest: [] });
  expect(await mail.served(443, hostName)).toBe(own.leaf);
  expect((await inspect()).rest).toContain('fact host-certificate trusted');

  const certificate = mail.wildcard('example.test');
  const web = 'webmail.example.test';
  expect(await mail.deliver([{ domain: 'example.test', certificate, web }])).toMatchObject({ letters: 's', rest: [] });
  expect(await mail.served(443, web)).toBe(certificate.leaf);
  const looks = [
    { domain: hostName, leaf: own.leaf, mail: '-', web: hostName },
    { domain: 'example.test', leaf: certificate.leaf, mail: '-', web },
  ];
  expect((await mail.deliver([], { mode: 'verify', looks })).rest).toEqual(['fact audit-ports 443', 'audited 2']);
});

it('nginx that is adopted after mail can read what was installed before', async () => {
  await mail.host.write('/run/installer', Buffer.from(installer().text), 0o700);
  const nginxAway = 'nginx -s stop; while [ -e /run/nginx.pid ]; do sleep 0.1; done';
  await mail.sh(`sh /run/installer undo-adoption; rm /run/installer; ${nginxAway}`);
  await startServices(mail.host);
  await mail.sh(nginxAway);
  expect((await inspect(true)).rest).toContain('fact serves-by-name postfix,dovecot');
  const late = mail.wildcard('late.test');
  const web = 'webmail.late.test';
  expect(await mail.deliver([{ domain: 'late.test', certificate: late, web }])).toMatchObject({ letters: 's' });

  await startServices(mail.host);
  expect((await inspect(true)).rest).toContain('fact serves-by-name postfix,dovecot,nginx');
  const another = { domain: 'another.test', certificate: mail.wildcard('another.test'), web: 'webmail.another.test' };
  expect(await mail.deliver([another])).toMatchObject({ letters: 's' });
  await expect.poll(() => mail.served(443, web), { timeout: 10_000 }).toBe(late.leaf);
});
