/** What `sealpost settings` says, looked at on a real mail server as a mail program would. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { isEnough, liveLook, lookAt, settingsText, settingsXml } from '../../bin/settings.ts';
import type { Look } from '../../bin/here.ts';
import type { Dns } from '../../core/dns/authoritative.ts';
import type { DomainRecord } from '../../core/record/domain.ts';
import { startAdoptedMailHost, type MailHost } from '../install/mail-host.ts';

vi.setConfig({ testTimeout: 120_000 });

const domain = 'example.test';
let mail: MailHost;
let look: Look;
let record: DomainRecord;
const ports = (all: { port: number; works: boolean }[]) => all.filter(one => one.works).map(one => one.port);

beforeAll(async () => {
  mail = await startAdoptedMailHost('settings');
  const { hostName: server, address } = mail.host;
  const host = mail.ca.issue([server]);
  const answer = await mail.deliver([
    { domain: server, kind: 'host', mail: server, certificate: host },
    { domain, certificate: mail.wildcard(domain) },
  ]);
  expect(answer).toMatchObject({ outcome: 'installed', letters: 'ss' });
  const known = [`mail.${domain}`, server];
  const dns: Dns = {
    resolve: async name => (known.includes(name) ? [address] : []),
    caa: async () => [],
    tlsa: async () => [],
  };
  look = liveLook(dns, mail.ca.root);
  record = { domain, wanted: 1, done: 1, spec: { domain, mailServers: [server], policy: 'wildcard' } };
}, 600_000);
afterAll(() => mail?.stop());

test('each line of a domain that is served by name is seen, under its own mail name', async () => {
  const all = await lookAt(record, look);
  expect(ports(all)).toEqual([993, 143, 995, 110, 465, 587]);
  expect(isEnough(all)).toBe(true);
  const text = settingsText(record, all);
  expect(text).toMatch(/IMAP +mail\.example\.test +993 +TLS +seen just now/);
  expect(text).toContain('_submissions._tcp.example.test. SRV 0 1 465 mail.example.test.');
});

test('each line of a domain that is served under the server is seen, under the name of the server', async () => {
  const server = mail.host.hostName;
  const under = { ...record, servedUnder: [{ server }] };
  const all = await lookAt(under, look);
  expect(ports(all)).toEqual([993, 143, 995, 110, 465, 587]);
  expect(settingsText(under, all)).toContain(`served under ${server}: type that host name`);
  expect(settingsXml(domain, all)).toContain(`<hostname>${server}</hostname>`);
});

test('a name that the certificate does not cover, or that has no address, is not called good', async () => {
  const other = { ...record, spec: { ...record.spec!, domain: 'other.test' }, domain: 'other.test' };
  const all = await lookAt(other, look);
  expect(ports(all)).toEqual([]);
  expect(isEnough(all)).toBe(false);
  expect(all[0]!.why).toBe('mail.other.test has no address in DNS');
  const pretended = await look({ protocol: 'imap', port: 993, security: 'TLS', host: `mail.${domain}` });
  expect(pretended).toMatchObject({ trusted: true });
});

test('a daemon that is down takes its lines out of what is written for programs', async () => {
  await mail.sh('doveadm stop; sleep 1');
  const all = await lookAt(record, look);
  expect(ports(all)).toEqual([465, 587]);
  expect(isEnough(all)).toBe(false);
  const text = settingsText(record, all);
  expect(text).toMatch(/IMAP +mail\.example\.test +993 +TLS +NOT: .*ECONNREFUSED/);
  expect(text).not.toContain('_imaps._tcp');
});
