/** A domain whose mail or webmail has a certificate of its own beside the domain's certificate. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startAdoptedMailHost, type Entry, type MailHost } from './mail-host.ts';
import type { Issued } from './scratch-ca.ts';

vi.setConfig({ testTimeout: 60_000 });

let mail: MailHost;
let ours: Issued;
let bought: Issued;
const [domain, post, web] = ['example.test', 'mail.example.test', 'webmail.example.test'];
const all = (certificate: Issued): Entry[] => [{ domain, certificate, web }];
const beside = (): Entry[] => [
  { domain, certificate: ours },
  { domain, kind: 'webmail', certificate: bought, mail: '-', web },
];
const places = () => mail.sh('cd /etc/sealpost; ls live; cut -d" " -f1 domains');
const served = async () => [await mail.served(465, post), await mail.served(993, post), await mail.served(443, web)];
const hindered = { environment: { SEALPOST_PROOF_WAIT: '3' } };

beforeAll(async () => {
  mail = await startAdoptedMailHost('two');
  ours = mail.wildcard(domain);
  bought = mail.ca.issue([web]);
  await mail.deliver(all(ours));
}, 300_000);
afterAll(() => mail?.stop());

it('webmail has its own, mail keeps the other', async () => {
  expect(await mail.deliver(beside())).toMatchObject({ exitCode: 0, outcome: 'installed', letters: 'ss', rest: [] });
  expect(await served()).toEqual([ours.leaf, ours.leaf, bought.leaf]);
});

it('what is served already is unchanged, both of it', async () => {
  expect(await mail.deliver(beside())).toMatchObject({ letters: 'uu' });
});

it('one that cannot be used refuses the other, too', async () => {
  const renewed = mail.wildcard(domain);
  const [first, second] = beside();
  const broken = { ...second!, certificate: { ...bought, pem: ours.key + bought.chain } };
  const answer = await mail.deliver([{ ...first!, certificate: renewed }, broken]);
  expect(answer).toMatchObject({ letters: 'rr' });
  expect(answer.rest).toEqual([1, 2].map(n => `${n} r CertificateUnusable key does not match the leaf`));
  expect(await served()).toEqual([ours.leaf, ours.leaf, bought.leaf]);
});

it('one that is not seen puts the other back, too', async () => {
  const renewed = mail.wildcard(domain);
  const [first, second] = beside();
  const strange = { ...second!, certificate: mail.strangeCa.issue([web]) };
  const answer = await mail.run(mail.write([{ ...first!, certificate: renewed }, strange]), hindered);
  expect(answer).toMatchObject({ exitCode: 20, letters: 'bb' });
  expect(await served()).toEqual([ours.leaf, ours.leaf, bought.leaf]);
});

const points = ['stage', 'check', 'switch', 'apply', 'prove', 'commit'];
it.each(points)('withdrawn, and killed at the start of %s: never without a certificate', async point => {
  await mail.deliver(beside());
  const withdrawn = mail.write(all(ours));
  const edit = (text: string) => text.replaceAll(new RegExp(`^( *)phase ${point}$`, 'gm'), '$&\nkill -9 $$$$');
  expect((await mail.run(withdrawn, { edit })).exitCode).toBe(137);
  const [smtp, imap, https] = await served();
  expect([smtp, imap]).toEqual([ours.leaf, ours.leaf]);
  expect([ours.leaf, bought.leaf]).toContain(https);

  expect(await mail.run(withdrawn)).toMatchObject({ exitCode: 0, letters: 's' });
  expect(await served()).toEqual([ours.leaf, ours.leaf, ours.leaf]);
  expect(await places()).toBe('example.test.pem\nexample.test');
});

it('a withdrawal that is not seen brings both back', async () => {
  await mail.deliver(beside());
  const strange = mail.strangeCa.issue([domain, `*.${domain}`]);
  expect(await mail.run(mail.write(all(strange)), hindered)).toMatchObject({ exitCode: 20, letters: 'b' });
  expect(await served()).toEqual([ours.leaf, ours.leaf, bought.leaf]);
  expect(await places()).toBe('example.test.pem\nexample.test@webmail.pem\nexample.test\nexample.test@webmail');
});

it('mail has its own: the names in it, and every other name keeps the other', async () => {
  const own = mail.ca.issue([post]);
  const entries: Entry[] = [
    { domain, certificate: ours, mail: domain, web },
    { domain, kind: 'mail', certificate: own, mail: post },
  ];
  expect(await mail.deliver(entries)).toMatchObject({ letters: 'ss' });
  expect(await served()).toEqual([own.leaf, own.leaf, ours.leaf]);
  for (const port of [25, 143, 465, 993]) expect(await mail.served(port, `imap.${domain}`)).toBe(ours.leaf);
  expect(await places()).toBe('example.test.pem\nexample.test@mail.pem\nexample.test\nexample.test@mail');
});

it('one for both and none of ours, then ours again', async () => {
  const own = mail.ca.issue([post, web]);
  const entries: Entry[] = [
    { domain, kind: 'mail', certificate: own, mail: post },
    { domain, kind: 'webmail', certificate: own, mail: '-', web },
  ];
  expect(await mail.deliver(entries)).toMatchObject({ letters: 'ss' });
  expect(await served()).toEqual([own.leaf, own.leaf, own.leaf]);
  expect(await places()).not.toContain('example.test.pem');
  expect(await mail.deliver(all(ours))).toMatchObject({ letters: 's' });
  expect(await served()).toEqual([ours.leaf, ours.leaf, ours.leaf]);
});

it('a removed domain leaves none of them behind', async () => {
  await mail.deliver(beside());
  expect(await mail.deliver([{ domain, verb: 'remove' }])).toMatchObject({ exitCode: 0, letters: 'd' });
  expect(await places()).toBe('');
  expect(await mail.sh('cd /etc/sealpost; cat dovecot.d/* nginx-names; postmap -s lmdb:sni')).not.toContain(domain);
});
