/** What an administrator runs before the server is registered: it says all, and changes nothing. */
import { afterAll, expect, it, vi } from 'vitest';
import { installer } from '../../install/assemble.ts';
import type { Kind } from '../../local/hosts/software.ts';
import { startMailHost, type MailHost } from './mail-host.ts';

vi.setConfig({ testTimeout: 60_000 });
/** Every file and directory where sealpost could write: name, mode, owner, time, link, content. */
const everything =
  'find /etc /usr/local -xdev -printf "%p %m %u %g %T@ %l\\n" | sort; find /etc /usr/local -xdev -type f -exec sha256sum {} + | sort; ls -d /run/sealpost* 2>/dev/null || :';
const PROGRAM = '/root/installer.sh';

const kinds: Kind[] = [
  { release: 'trixie', software: ['exim', 'dovecot', 'apache'] },
  { release: 'bookworm', software: ['postfix', 'dovecot', 'nginx'] },
];

let mail: MailHost;

async function begin(kind: Kind): Promise<void> {
  mail = await startMailHost('alone', kind);
  await mail.host.write(PROGRAM, Buffer.from(installer().text), 0o600);
}
afterAll(() => mail?.stop());

it('says that a reload would end Apache, before sealpost has a directory there', async () => {
  await begin(kinds[0]!);
  const pair = (name: string) =>
    mail.sh(
      `cd /etc/apache2; openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -keyout ${name}.key -out ${name}.pem`,
    );
  await pair('one');
  await pair('two');
  const site = [
    '<VirtualHost *:8443>',
    'ServerName x.example',
    'SSLEngine on',
    'SSLCertificateFile /etc/apache2/one.pem',
    'SSLCertificateKeyFile /etc/apache2/two.key',
    '</VirtualHost>',
    '',
  ];
  await mail.host.write('/etc/apache2/sites-enabled/aa.conf', Buffer.from(site.join('\n')), 0o644);
  const said = await mail.sh(`sh ${PROGRAM} inspect`);
  expect(said).toMatch(/^apache \S+ cannot be adopted.*\n {2}a reload would end Apache: \S+two.key is not the key of/m);
  expect(await mail.sh('ls -d /etc/sealpost 2>/dev/null || echo none')).toBe('none');
}, 180_000);

it.each(kinds)(
  'prints each of $software with its plan, in sentences, and changes nothing',
  async kind => {
    await mail?.stop();
    await begin(kind);
    const before = await mail.sh(everything);
    const said = await mail.sh(`sh ${PROGRAM} inspect`);
    expect(said).toMatch(/^What adoption by sealpost would change on alone\.provider\.test\. Nothing has been changed/);
    for (const daemon of kind.software)
      expect(said).toMatch(new RegExp(`^${daemon} \\S+ can be adopted and loses nothing.*"adopt":true`, 'm'));
    expect(said).toMatch(/^ {2}It answers TLS on 465, 25, 587\.$/m);
    expect(said).toContain('/etc/sealpost/host/dovecot.pem');
    expect(said).toMatch(/undo-adoption/);
    expect(await mail.sh(everything)).toBe(before);
  },
  180_000,
);

it('says what stands in the way of one daemon, and the plan of the others', async () => {
  await mail.sh('cp /etc/nginx/nginx.conf /root/; echo "no such thing;" >>/etc/nginx/nginx.conf');
  const said = await mail.sh(`sh ${PROGRAM} inspect`);
  await mail.sh('mv /root/nginx.conf /etc/nginx/nginx.conf');
  expect(said).toMatch(
    /^nginx [0-9.]+ cannot be adopted\. Take this out of the way, .*"leaveOut":\["nginx"\] in the registration:\n {2}\S/m,
  );
  expect(said).toMatch(/^postfix [0-9.]+ can be adopted/m);
});

it('waits for nobody: another installer may be at work', async () => {
  await mail.sh('mkdir -p /etc/sealpost; touch /etc/sealpost/lock');
  const said = await mail.sh(`flock /etc/sealpost/lock timeout 60 sh ${PROGRAM} inspect`);
  expect(said).toMatch(/^dovecot [0-9.]+ can be adopted/m);
  await mail.sh('rm -r /etc/sealpost');
});

it('says of a panel that its server is refused, and why', async () => {
  await mail.sh('mkdir -p /usr/local/hestia/bin');
  const said = await mail.sh(`sh ${PROGRAM} inspect; rmdir -p /usr/local/hestia/bin 2>/dev/null || :`);
  expect(said).toMatch(/^postfix [0-9.]+ cannot be adopted.*\n {2}HestiaCP writes its daemons' files anew/m);
});
