/** The delivery as the installer's awk reads it, without a mail server. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { writeDelivery } from '../../core/deliver-to-server/delivery.ts';

const part = join(import.meta.dirname, '../../install/parts/delivery.sh');
const scratch = mkdtempSync(join(tmpdir(), 'sealpost-delivery-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const key = '-----BEGIN PRIVATE KEY-----\nS0VZ\n-----END PRIVATE KEY-----\n';
const leaf = '-----BEGIN CERTIFICATE-----\nTEVBRg==\n-----END CERTIFICATE-----\n';
const install = {
  certificate: 'a'.repeat(64),
  fingerprint: 'b'.repeat(64),
  names: ['example.test', '*.example.test'],
  probe: { mail: 'mail.example.test', webmail: 'webmail.example.test' },
  pem: key + leaf,
  life: { notBefore: 1, notAfter: 2 },
};
const entries = [
  { domain: 'example.test', v: 3, install },
  { domain: 'old.test', v: 4 },
];
const good = writeDelivery(
  { server: 'mx1.provider.test', seq: 7, mode: 'install', roots: leaf, entries },
  1_732_480_000_000,
).text;

function read(text: string) {
  const directory = mkdtempSync(join(scratch, 'one-'));
  mkdirSync(join(directory, 'new'));
  writeFileSync(join(directory, 'delivery'), text);
  const sh = (script: string) => spawnSync('sh', ['-c', `. ${part}; cd ${directory}; ${script}`], { encoding: 'utf8' });
  const head = sh('read_head delivery');
  const count = /^entries (\d+)$/m.exec(text)?.[1] ?? '0';
  const split = sh(`entries=${count}; split_delivery delivery .`);
  return { head, split, directory };
}

describe('what the cloud writes', () => {
  const { head, split, directory } = read(good);
  it('has a head that the host reads in one line', () => {
    expect(head).toMatchObject({ status: 0, stdout: 'mx1.provider.test 7 1732480000 1732482700 install no 2 - -\n' });
  });

  it('says in the head which site is the webmail', () => {
    const webmail = { file: '/etc/web/sites/webmail.conf', name: 'webmail.provider.test' };
    const delivery = {
      server: 'mx1.provider.test',
      seq: 7,
      mode: 'inspect' as const,
      roots: leaf,
      entries: [],
      webmail,
    };
    const { text } = writeDelivery(delivery, 1_732_480_000_000);
    expect(read(text).head.stdout).toMatch(/ inspect no 0 webmail.provider.test \/etc\/web\/sites\/webmail.conf\n$/);
    for (const wrong of [
      'webmail',
      'webmail a',
      'webmail a b',
      'webmail a; /b',
      'webmail $a /b',
      'webmail a /b c',
      'webmail a /b;',
    ])
      expect(read(text.replace(/^webmail .*$/m, wrong)).head.status, wrong).toBe(1);
  });

  it('says in the head which software is left out', () => {
    const webmail = { file: '/etc/web/sites/webmail.conf', name: 'webmail.provider.test' };
    const head = (more: Partial<Parameters<typeof writeDelivery>[0]>) =>
      writeDelivery({ server: 'mx1.provider.test', seq: 7, mode: 'inspect', roots: leaf, entries: [], ...more }, 0)
        .text;
    const leaveOut = ['nginx', 'exim'];
    expect(read(head({ leaveOut })).head.stdout).toMatch(/ inspect no 0 - - nginx exim\n$/);
    expect(read(head({ leaveOut, webmail })).head.stdout).toMatch(/webmail.conf nginx exim\n$/);
    for (const wrong of ['leave-out', 'leave-out NGINX', 'leave-out $x', 'leave-out a b;', 'leave-out a\nleave-out b'])
      expect(read(head({ leaveOut }).replace(/^leave-out .*$/m, wrong)).head.status, wrong).toBe(1);
  });

  it.each([true, false, 'with-losses'] as const)('has the consent %s in its head', adopt => {
    const { text } = writeDelivery(
      { server: 'mx1.provider.test', seq: 7, mode: 'inspect', adopt, roots: leaf, entries: [] },
      1_732_480_000_000,
    );
    const word = adopt === true ? 'yes' : adopt || 'no';
    expect(read(text).head.stdout).toBe(`mx1.provider.test 7 1732480000 1732482700 inspect ${word} 0 - -\n`);
  });

  it('is split into one PEM a domain, the roots, and a line an entry', () => {
    expect(split).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(join(directory, 'entries'), 'utf8')).toBe(
      `1 install example.test domain ${install.certificate} ${install.fingerprint} mail.example.test webmail.example.test example.test *.example.test\n` +
        '2 remove old.test domain - - - -\n',
    );
    expect(readFileSync(join(directory, 'new/example.test.pem'), 'utf8')).toBe(key + leaf);
    expect(readFileSync(join(directory, 'roots.pem'), 'utf8')).toBe(leaf);
    expect(readdirSync(join(directory, 'new'))).toEqual(['example.test.pem']);
  });
});

describe('a domain with a certificate for webmail alone', () => {
  const delivery = { server: 'mx1.provider.test', seq: 7, mode: 'install' as const, roots: '' };
  const own = { ...install, names: ['webmail.example.test'], probe: { webmail: 'webmail.example.test' } };
  const both = [
    { domain: 'example.test', v: 3, install },
    { domain: 'example.test', v: 3, for: 'webmail' as const, install: own },
  ];
  it('is two entries, each with a place of its own', () => {
    const { split, directory } = read(writeDelivery({ ...delivery, entries: both }, 0).text);
    expect(split).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(join(directory, 'entries'), 'utf8').split('\n')[1]).toBe(
      `2 install example.test@webmail webmail ${own.certificate} ${own.fingerprint} - webmail.example.test webmail.example.test`,
    );
    expect(readdirSync(join(directory, 'new')).sort()).toEqual(['example.test.pem', 'example.test@webmail.pem']);
  });

  it('is not removed and installed in one delivery', () => {
    const entries = [{ domain: 'example.test', v: 3 }, both[1]!];
    expect(read(writeDelivery({ ...delivery, entries }, 0).text).split.status).toBe(1);
    expect(read(writeDelivery({ ...delivery, entries: entries.toReversed() }, 0).text).split.status).toBe(1);
  });
});

describe('a delivery that is not what the cloud writes is refused whole', () => {
  const heads: [what: string, from: string, to: string][] = [
    ['another version', 'sealpost-delivery 1', 'sealpost-delivery 2'],
    ['a sequence number that is a command', 'seq 7', 'seq $(id)'],
    ['no sequence number', 'seq 7\n', ''],
    ['two modes', 'mode install\n', 'mode install\nmode verify\n'],
    ['an unknown mode', 'mode install', 'mode upgrade'],
    ['a consent that is none', 'adopt no', 'adopt with-everything'],
    ['an unknown line', 'adopt no\n', 'adopt no\nshell yes\n'],
  ];
  it.each(heads)('%s', (_what, from, to) => {
    expect(read(good.replace(from, to)).head.status).toBe(1);
  });

  const bodies: [what: string, from: string | RegExp, to: string][] = [
    ['a domain that climbs out of its directory', /example\.test 3/, '../../../tmp/x 3'],
    ['a domain with a quote', /example\.test 3/, 'exam"ple.test 3'],
    ['a name with a brace for a configuration file', '*.example.test', 'a.test{'],
    ['a probe that is an option', 'probe mail', 'probe -mail'],
    ['a shell word for a fingerprint', 'b'.repeat(64), '`id`'],
    ['an entry out of order', 'entry 2 remove', 'entry 3 remove'],
    ['one domain twice', 'old.test', 'example.test'],
    ['fewer entries than announced', 'entries 2', 'entries 3'],
    ['a line that is none of these', 'probe mail', 'run mail'],
    ['a text that was cut', /end\n$/, ''],
    ['a look at a place that is none', /end\n$/, `look ../x ${'b'.repeat(64)} - -\nend\n`],
    ['a look by a name that is an option', /end\n$/, `look old.test ${'b'.repeat(64)} -x -\nend\n`],
    ['an entry without certificate', key + leaf + 'entry', 'entry'],
  ];
  it.each(bodies)('%s', (_what, from, to) => {
    const text = good.replace(from, to);
    expect(text).not.toBe(good);
    const { split, directory } = read(text);
    expect(split.status).not.toBe(0);
    expect(existsSync('/tmp/x.pem')).toBe(false);
    expect(readdirSync(join(directory, 'new')).every(name => /^[a-z.]+\.pem$/.test(name))).toBe(true);
  });
});
