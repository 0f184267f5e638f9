/**
 * What the audit of a real mail server finds after changes by hand, and that a delivery repairs
 * them.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startAdoptedMailHost, type Look, type MailHost } from './mail-host.ts';
import type { Issued } from './scratch-ca.ts';

vi.setConfig({ testTimeout: 120_000 });

let mail: MailHost;
let certificates: Record<string, Issued>;
let hostName: string;
const web = (domain: string) => `webmail.${domain}`;
const [one, two, three] = ['one.test', 'two.test', 'three.test'] as const;
const ALL = 'fact audit-ports 465,25,587,993,143,995,110,443';

/**
 * The rows, in order: the host by its name and without a name, then three domains, the last without
 * webmail.
 */
const rows = (): Look[] => [
  { domain: hostName, leaf: certificates[hostName]!.leaf, mail: hostName },
  { domain: hostName, leaf: certificates[hostName]!.leaf, mail: 'default' },
  { domain: one, leaf: certificates[one]!.leaf, web: web(one) },
  { domain: two, leaf: certificates[two]!.leaf, web: web(two) },
  { domain: three, leaf: certificates[three]!.leaf },
];
const audit = (looks = rows()) => mail.deliver([], { mode: 'verify', looks });
const entry = (domain: string) =>
  domain === hostName
    ? { domain, kind: 'host' as const, mail: hostName, certificate: certificates[domain]! }
    : { domain, certificate: certificates[domain]!, ...(domain !== three && { web: web(domain) }) };
const everything = () => [hostName, one, two, three].map(entry);

beforeAll(async () => {
  mail = await startAdoptedMailHost('audit');
  hostName = mail.host.hostName;
  certificates = { [hostName]: mail.ca.issue([hostName]) };
  for (const domain of [one, two, three]) certificates[domain] = mail.wildcard(domain);
  expect((await mail.deliver(everything())).letters).toBe('ssss');
}, 300_000);
afterAll(() => mail?.stop());

it('says of a server where all is as it should be which ports it saw, and nothing else', async () => {
  expect(await audit()).toMatchObject({ exitCode: 0, outcome: 'verified', letters: '', rest: [ALL, 'audited 5'] });
});

describe('what somebody did by hand', () => {
  const found: [what: string, how: string, unseen: string[]][] = [
    [
      'two domains out of Postfix’s map',
      'for name in one.test .one.test two.test .two.test; do echo $name; done | postmap -d - lmdb:/etc/sealpost/sni',
      ['unseen 25,465,587 3x2'],
    ],
    ['Postfix’s map removed', 'rm /etc/sealpost/sni.lmdb; postfix reload', ['unseen 25,465,587 1 2x3']],
    [
      'Dovecot’s file emptied',
      ': >/etc/sealpost/dovecot.d/domains.conf; doveadm reload; sleep 1',
      ['unseen 110,143,993,995 3x3'],
    ],
    ['nginx’s names emptied', ': >/etc/sealpost/nginx-names; nginx -s reload; sleep 1', ['unseen 443 3x2']],
    [
      'one domain’s file replaced by another’s',
      'cd /etc/sealpost/live; cp two.test.pem x; cat x >one.test.pem; rm x',
      ['unseen all 3'],
    ],
    ['one domain’s file removed', 'mv /etc/sealpost/live/two.test.pem /root/', ['unseen all 4']],
    [
      'another certificate where no name is asked for',
      'cat /etc/sealpost/live/one.test.pem >/etc/sealpost/host/postfix.pem; postfix reload; sleep 1',
      ['unseen 25,465,587 2'],
    ],
  ];

  it.each(found)('%s is found, and a delivery repairs it', async (_, how, unseen) => {
    await mail.sh(how);
    const answer = await audit();
    expect(answer.rest.filter(line => line.startsWith('unseen'))).toEqual(unseen);
    expect(answer.rest.at(-1)).toBe('audited 5');
    const repaired = await mail.run(mail.write(everything(), { looks: rows() }));
    expect(repaired.letters).toMatch(/^[su]{4}$/);
    expect(repaired.letters).toContain('s');
    // The same command audits every port.
    expect(repaired.rest).toEqual([ALL, 'audited 5']);
  });

  it('a daemon that was stopped is told as dead, and is no domain’s fault', async () => {
    await mail.sh('nginx -s stop; while [ -e /run/nginx.pid ]; do sleep 0.1; done');
    const answer = await audit();
    expect(answer.rest).toEqual([
      'fact port-dead 443',
      'fact audit-ports 465,25,587,993,143,995,110',
      'fact audit-dead 443',
      'audited 5',
    ]);
    await mail.sh('nginx');
    await expect.poll(async () => (await audit()).rest, { timeout: 10_000 }).toEqual([ALL, 'audited 5']);
  });

  it('an image from before: nothing of ours is left, and every row is told as lost', async () => {
    await mail.sh('mv /etc/sealpost /etc/sealpost.away');
    const answer = await audit();
    expect(answer.rest).toEqual(['fact audit-ports ', 'unseen all 1x5', 'audited 5']);
    await mail.sh('rm -r /etc/sealpost; mv /etc/sealpost.away /etc/sealpost');
  });
});

it('a look that has used up its time says how far it came', async () => {
  const looks = Array.from({ length: 250 }, () => ({ ...rows()[2]!, mail: '-' }));
  const { rest } = await mail.run(mail.write([], { mode: 'verify', looks }), {
    environment: { SEALPOST_AUDIT_SECONDS: '0' },
  });
  expect(rest).toEqual([ALL, 'audited 200']);
});

it('thousands of rows fit into what SSM hands on, whatever is wrong with them', async () => {
  const many = (leaf: (n: number) => string) =>
    Array.from({ length: 10_000 }, (_, n) => ({ domain: `d${n}.test`, leaf: leaf(n), mail: '-' }));
  const strange = 'a'.repeat(64);
  const lost = await audit(many(() => strange));
  expect(lost.rest).toEqual([ALL, 'unseen all 1x10000', 'audited 10000']);
  // Every other row is known, and has no name to be looked for.
  const mixed = Array.from({ length: 10_000 }, (_, n) =>
    n % 2 === 0 ? { ...rows()[2]!, mail: '-', web: '-' } : { domain: `d${n}.test`, leaf: strange, mail: '-' },
  );
  const answer = await audit(mixed);
  expect(answer.text.length).toBeLessThan(23_000);
  expect(answer.rest.at(-1)).toBe('audited 10000');
  const steps = answer.rest.flatMap(line => (line.startsWith('unseen all ') ? line.slice(11).split(' ') : []));
  expect(steps).toEqual(Array(5_000).fill('2'));
});

it('leaves nothing in /run', async () => {
  expect(await mail.sh('ls -d /run/sealpost* 2>/dev/null || :')).toBe('');
});
