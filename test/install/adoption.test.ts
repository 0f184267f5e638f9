import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { installer } from '../../install/assemble.ts';
import { startMailHost, type MailHost } from './mail-host.ts';

vi.setConfig({ testTimeout: 60_000 });

let mail: MailHost;
let before: string;
const configuration =
  'cat /etc/postfix/main.cf /etc/nginx/sites-available/webmail; doveconf -n; ls /etc/nginx/conf.d /etc/dovecot/conf.d';
const PORTS = [25, 465, 587, 143, 993, 110, 995, 443];
const servedByDefault = async () => new Set(await Promise.all(PORTS.map(port => mail.served(port, ''))));

beforeAll(async () => {
  mail = await startMailHost('adoption');
  before = await mail.sh(configuration);
}, 120_000);
afterAll(() => mail?.stop());

it('inspect says what runs here and prints every line that adoption would write, and writes none', async () => {
  const answer = await mail.deliver([], { mode: 'inspect' });
  expect(answer).toMatchObject({ exitCode: 0, outcome: 'inspected', letters: '' });
  expect(answer.rest).toEqual(
    expect.arrayContaining([
      'fact os Debian GNU/Linux 12 (bookworm)',
      expect.stringMatching(/^fact postfix 3\.7\./),
      expect.stringMatching(/^fact dovecot 2\.3\./),
      expect.stringMatching(/^fact nginx 1\.22\./),
      'fact ports 465,25,587,993,143,995,110,443',
      'fact serves-by-name postfix,dovecot,nginx',
      'fact adopted no',
      'fact blocks 0',
      // 256 MB, Dovecot's default, at 280 kB each.
      'fact blocks-max 936',
      'fact host-certificate untrusted',
      'fact adopt-change main.cf tls_server_sni_maps = lmdb:/etc/sealpost/sni',
      'fact adopt-change /etc/dovecot/conf.d/99-sealpost.conf shutdown_clients = no',
    ]),
  );
  expect(await mail.sh(configuration)).toBe(before);
});

it('a server that is not adopted refuses every domain with that reason', async () => {
  const answer = await mail.deliver([{ domain: 'example.test', certificate: mail.wildcard('example.test') }]);
  expect(answer).toMatchObject({ exitCode: 0, outcome: 'installed', letters: 'r' });
  expect(answer.rest[0]).toMatch(/^1 r InstallRefused this server is not adopted/);
});

it('a run killed while it adopts leaves every port serving, and the next one adopts', async () => {
  const edit = (text: string) => text.replace('mark_adopting nginx\n', 'mark_adopting nginx\n  kill -9 $$$$\n');
  const killed = await mail.run(mail.write([], { mode: 'inspect', adopt: true }), { edit });
  expect(killed.exitCode).toBe(137);
  expect(await servedByDefault()).toHaveProperty('size', 1);
  const answer = await mail.deliver([], { mode: 'inspect', adopt: true });
  expect(answer.rest).toContain('fact adopted yes');
});

it('adoption changes nothing that a client is served', async () => {
  const [leaf, ...others] = await servedByDefault();
  expect(others).toEqual([]);
  expect(leaf).toMatch(/^[0-9a-f]{64}$/);
  expect(
    await mail.sh(
      'postconf -h smtpd_tls_chain_files; doveconf -h shutdown_clients; cat /etc/nginx/sites-available/webmail',
    ),
  ).toMatch(/^\/etc\/sealpost\/host\/postfix\.pem\nno\n[^]*ssl_certificate_key \$sealpost_pem;/);
});

it('a renewed certificate of the provider’s own is served by default until the host has one of ours', async () => {
  const own = mail.ca.issue([mail.host.hostName]);
  await mail.host.write('/etc/ssl/certs/server.pem', Buffer.from(own.chain), 0o644);
  await mail.host.write('/etc/ssl/private/server.key', Buffer.from(own.key), 0o600);
  await mail.deliver([]);
  expect(await servedByDefault()).toEqual(new Set([own.leaf]));
});

it('the host’s own certificate becomes what the mail daemons serve by default, and the web’s own stays', async () => {
  const certificate = mail.ca.issue([mail.host.hostName]);
  const web = await mail.served(443, '');
  const answer = await mail.deliver([
    { domain: mail.host.hostName, kind: 'host', mail: mail.host.hostName, certificate },
  ]);
  expect(answer).toMatchObject({ exitCode: 0, outcome: 'installed', letters: 's' });
  for (const port of [25, 465, 587, 143, 993, 110, 995]) expect(await mail.served(port, '')).toBe(certificate.leaf);
  expect(await mail.served(443, '')).toBe(web);
  const inspected = await mail.deliver([], { mode: 'inspect' });
  expect(inspected.rest).toContain('fact host-certificate trusted');
});

it('undo-adoption puts every line back as it was', async () => {
  await mail.host.write('/run/installer', Buffer.from(installer().text), 0o700);
  await mail.sh('sh /run/installer undo-adoption');
  const main = (text: string) => text.replace(/\n+/g, '\n');
  expect(main(await mail.sh(configuration))).toBe(main(before));
  const own = await mail.sh('openssl x509 -in /etc/ssl/certs/server.pem -noout -fingerprint -sha256');
  const leaf = own.replace(/.*=/, '').replaceAll(':', '').toLowerCase();
  await expect.poll(servedByDefault, { timeout: 15_000, interval: 500 }).toEqual(new Set([leaf]));
});
