/** A daemon that has no memory for another reload: nothing is switched, and nobody notices. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startMailHost, type MailHost } from './mail-host.ts';

vi.setConfig({ testTimeout: 60_000 });

let mail: MailHost;
const imap = (domain: string) => mail.served(993, `mail.${domain}`);
/** Leaves this many kB in /run, where Dovecot 2.4 writes its configuration at each reload. */
const leave = (kB: number) =>
  mail.sh(`rm -f /run/fill; free=$(df -Pk /run | awk 'NR == 2 { print $4 }')
    dd if=/dev/zero of=/run/fill bs=1k count=$((free - ${kB})) 2>/dev/null`);

beforeAll(async () => {
  mail = await startMailHost('room', { release: 'trixie', software: ['postfix', 'dovecot', 'nginx'] });
  expect((await mail.deliver([], { mode: 'inspect', adopt: true })).text).toContain('\nfact adopted yes');
}, 600_000);
afterAll(() => mail?.stop());

it('without room for a reload new domains and renewals are refused with the numbers, and the old ones are served', async () => {
  const first = mail.wildcard('first.test');
  const gone = mail.wildcard('gone.test');
  const both = [first, gone].map(certificate => ({ domain: certificate.names[0]!, certificate }));
  expect((await mail.deliver(both)).letters).toBe('ss');
  await leave(900);
  const [next, renewed] = [mail.wildcard('next.test'), mail.wildcard('first.test')];
  const answer = await mail.deliver([
    { domain: 'next.test', certificate: next },
    { domain: 'first.test', certificate: renewed },
    { domain: 'gone.test', verb: 'remove' },
  ]);
  expect(answer).toMatchObject({ exitCode: 0, letters: 'rrd' });
  expect(answer.rest[0]).toMatch(
    /^1 r ServerFull a reload of Dovecot needs \d+ kB in \/run\/dovecot, which has \d+ kB free; \d+ earlier configurations/,
  );
  expect(await imap('first.test')).toBe(first.leaf);
  expect((await mail.deliver([], { mode: 'inspect' })).rest.join('\n')).toMatch(
    /^fact reload needs \d+ kB, \/run\/dovecot has \d+,/m,
  );
  await mail.sh('rm /run/fill');
  expect((await mail.deliver([{ domain: 'first.test', certificate: renewed }])).letters).toBe('s');
  expect(await imap('first.test')).toBe(renewed.leaf);
  expect(await imap('gone.test')).not.toBe(gone.leaf);
});

it('on a full /run the installer stops before it changes anything, and says so', async () => {
  // The installer and the delivery take some 180 kB of it.
  await leave(400);
  const answer = await mail.deliver([{ domain: 'late.test', certificate: mail.wildcard('late.test') }]);
  expect(answer).toMatchObject({ exitCode: 50, text: '' });
  expect(answer.stderr).toMatch(/phase stage: \/run\/\S+ has \d+ kB free, this delivery needs \d+$/m);
  expect(await mail.sh('ls /etc/sealpost/tx 2>&1 || :')).toContain('No such file');
  await mail.sh('rm /run/fill');
});

it('a reload that fails is seen by what is logged, and put back without waiting for the proof', async () => {
  const renewed = mail.wildcard('first.test');
  const now = await imap('first.test');
  const fails = `echo "$(date '+%b %d %T') config: Fatal: Out of memory" >>/var/log/dovecot.log`;
  const edit = (text: string) => text.replace(/^ +dovecot_hup$/m, () => fails);
  const delivery = mail.write([{ domain: 'first.test', certificate: renewed }]);
  const answer = await mail.run(delivery, { edit, environment: { SEALPOST_PROOF_WAIT: '300' } });
  expect(answer).toMatchObject({ letters: 'b' });
  expect(answer.rest[0]).toContain('Fatal: Out of memory');
  expect(await imap('first.test')).toBe(now);
});
