/**
 * Put back means: what each daemon served before. It is not what the domain had on another daemon.
 */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startAdoptedMailHost, type MailHost } from './mail-host.ts';
import { impatient } from './contract.story.ts';
import type { Issued } from './scratch-ca.ts';

vi.setConfig({ testTimeout: 60_000 });
let mail: MailHost;
let first: Issued;

beforeAll(async () => {
  mail = await startAdoptedMailHost('putback');
  first = mail.wildcard('example.test');
  await mail.deliver([{ domain: 'example.test', certificate: first }]);
}, 300_000);
afterAll(() => mail?.stop());

it('a daemon that did not serve the old certificate before need not serve it after a roll-back', async () => {
  // Somebody takes the names from the port at which Postfix is looked at; IMAP serves them on.
  await mail.sh('postconf -P submissions/inet/tls_server_sni_maps= && postfix reload');
  await expect.poll(() => mail.served(465, 'mail.example.test')).not.toBe(first.leaf);
  const own = await mail.served(465, 'mail.example.test');
  const renewed = mail.wildcard('example.test');
  const answer = await mail.run(mail.write([{ domain: 'example.test', certificate: renewed }]), impatient);
  expect(answer).toMatchObject({ exitCode: 20, outcome: 'rolled-back', letters: 'b' });
  expect(answer.rest[0]).toMatch(/^1 b InstallRolledBack not seen on port 465 at [\d.]+ \(postfix\)/);
  expect(await mail.served(993, 'mail.example.test')).toBe(first.leaf);
  expect(await mail.served(465, 'mail.example.test')).toBe(own);
});

it('a daemon that served the old certificate before must serve it again', async () => {
  await mail.sh('postconf -PX submissions/inet/tls_server_sni_maps && postfix reload');
  await expect.poll(() => mail.served(465, 'mail.example.test')).toBe(first.leaf);
  const renewed = mail.wildcard('example.test');
  // After the switch the port shows neither the new certificate nor the old one.
  const edit = (text: string) =>
    text.replace(
      /^( *)phase prove$/m,
      '$&\n    postconf -P submissions/inet/tls_server_sni_maps= && postfix reload >/dev/null 2>&1',
    );
  const delivery = mail.write([{ domain: 'example.test', certificate: renewed }]);
  const answer = await mail.run(delivery, { ...impatient, edit });
  expect(answer).toMatchObject({ exitCode: 30, outcome: 'broken', letters: 'x' });
});
