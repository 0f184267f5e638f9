/**
 * The installer is killed before each statement of the switch. The next run, which would finish
 * that transaction, is killed at the next statement, and so on. After each kill a valid pair is
 * served. The first run that is not killed finishes.
 */

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { installer } from '../../install/assemble.ts';
import { startAdoptedMailHost, type Entry, type MailHost } from './mail-host.ts';
import type { Issued } from './scratch-ca.ts';
import { placesIn, type Place } from './statements.ts';

vi.setConfig({ testTimeout: 60_000 });

const web = 'webmail.example.test';
const forward = ['finish', 'apply', 'postfix_apply', 'dovecot_apply', 'nginx_apply', 'commit', 'drop_transaction'];
let mail: MailHost;
let steady: Issued;
/**
 * The leaves that example.test may have: what was there, and what killed runs began, since the next
 * run finishes it.
 */
let valid: string[] = [];
let round = 0;

beforeAll(async () => {
  mail = await startAdoptedMailHost('anywhere');
  steady = mail.wildcard('steady.test');
  const example = mail.wildcard('example.test');
  valid = [example.leaf];
  const both = [
    { domain: 'example.test', certificate: example, web },
    { domain: 'steady.test', certificate: steady },
  ];
  expect((await mail.deliver(both)).letters).toBe('ss');
}, 300_000);
afterAll(() => mail?.stop());

const everywhere = () =>
  Promise.all([mail.served(465, 'mail.example.test'), mail.served(993, 'mail.example.test'), mail.served(443, web)]);
const neighbours = () => Promise.all([mail.served(465, 'mail.steady.test'), mail.served(993, 'mail.steady.test')]);

/** A renewal, and a domain that comes or goes, so that every list changes. */
function next(): Entry[] {
  const certificate = mail.wildcard('example.test');
  valid.push(certificate.leaf);
  const comes = (round += 1) % 2 === 1;
  const other: Entry = comes
    ? { domain: 'other.test', certificate: mail.wildcard('other.test'), web: 'webmail.other.test' }
    : { domain: 'other.test', verb: 'remove' };
  return [{ domain: 'example.test', certificate, web }, other];
}

async function killedAt({ index, isNested }: Place, environment?: Record<string, string>): Promise<void> {
  const edit = (text: string) => `${text.slice(0, index)}kill -9 $$\n${text.slice(index)}`;
  const { exitCode } = await mail.run(mail.write(next()), { edit, environment });
  expect(isNested ? [0, 20, 137] : [137]).toContain(exitCode);
  for (const leaf of await everywhere()) expect(valid).toContain(leaf);
  expect(await neighbours()).toEqual([steady.leaf, steady.leaf]);
}

/** The next run finishes the transaction of the last run, then its own. */
async function finishes(): Promise<void> {
  expect(await mail.deliver(next())).toMatchObject({ exitCode: 0, outcome: 'installed' });
  valid = valid.slice(-1);
  expect(new Set(await everywhere())).toEqual(new Set(valid));
  expect(await mail.sh('ls -d /etc/sealpost/tx /etc/sealpost/*.new /etc/sealpost/*/*.new 2>/dev/null || :')).toBe('');
}

describe('forward', () => {
  const places = placesIn(installer().text, forward);

  it('has enough of them', () => expect(places.filter(({ isNested }) => !isNested).length).toBeGreaterThan(20));
  it.each(places)('killed in $where', place => killedAt(place));
  it('finishes', finishes);
});

describe('while the old one is put back', () => {
  // Dovecot cannot take anything new, and keeps the old.
  const hindered = { SEALPOST_PROOF_WAIT: '1' };
  beforeAll(() => mail.sh('echo "no_such_setting = {" >/etc/dovecot/conf.d/98-foreign.conf'));
  it.each(placesIn(installer().text, ['put_back']))('killed in $where', place => killedAt(place, hindered));
  it('finishes once Dovecot can reload again', async () => {
    await mail.sh('rm /etc/dovecot/conf.d/98-foreign.conf');
    await finishes();
  });
});
