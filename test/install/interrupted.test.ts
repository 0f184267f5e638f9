/**
 * A transaction that is killed, that meets another one, or that the configuration or the disk
 * hinders.
 */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { killedAt, startAdoptedMailHost, type MailHost } from './mail-host.ts';

vi.setConfig({ testTimeout: 60_000 });

let mail: MailHost;
beforeAll(async () => {
  mail = await startAdoptedMailHost('interrupted');
}, 300_000);
afterAll(() => mail?.stop());

const web = 'webmail.example.test';
const everywhere = async (name = 'mail.example.test') =>
  new Set([await mail.served(465, name), await mail.served(993, name), await mail.served(443, web)]);
const leftovers = () => mail.sh('ls -d /etc/sealpost/tx /etc/sealpost/*.new /etc/sealpost/*/*.new 2>/dev/null || :');

const points = ['stage', 'check', 'switch', 'apply', 'prove', 'commit'];
it.each(points)(
  'killed at the start of %s: some valid pair is served, and the same delivery again finishes',
  async point => {
    const [example, other] = [mail.wildcard('example.test'), mail.wildcard('other.test')];
    const delivery = mail.write([
      { domain: 'example.test', certificate: example, web },
      { domain: 'other.test', certificate: other },
    ]);
    const before = await everywhere();
    expect((await mail.run(delivery, { edit: killedAt(point) })).exitCode).toBe(137);
    for (const leaf of await everywhere()) expect([...before, example.leaf]).toContain(leaf);

    const again = await mail.run(delivery);
    expect(again).toMatchObject({ exitCode: 0, hash: delivery.hash, outcome: 'installed', letters: 'ss' });
    expect(await everywhere()).toEqual(new Set([example.leaf]));
    expect(await mail.served(993, 'mail.other.test')).toBe(other.leaf);
    expect(await leftovers()).toBe('');
  },
  60_000,
);

it('killed with half of the files renamed: the same delivery again finishes', async () => {
  const [example, other] = [mail.wildcard('example.test'), mail.wildcard('other.test')];
  const delivery = mail.write([
    { domain: 'example.test', certificate: example, web },
    { domain: 'other.test', certificate: other },
  ]);
  const edit = (text: string) =>
    text.replace(/^( *)phase switch$/m, '$&\nmv "$tx/new/other.test.pem" "$home/live/"; kill -9 $$$$');
  expect((await mail.run(delivery, { edit })).exitCode).toBe(137);
  expect(await mail.run(delivery)).toMatchObject({ exitCode: 0, letters: 'ss' });
  expect(await everywhere()).toEqual(new Set([example.leaf]));
});

it('killed after its answer was stored: the same delivery gets that answer', async () => {
  const delivery = mail.write([{ domain: 'example.test', certificate: mail.wildcard('example.test'), web }]);
  const edit = (text: string) => text.replace(/^ {2}drop_transaction$/m, '  kill -9 $$$$');
  expect((await mail.run(delivery, { edit })).exitCode).toBe(137);
  expect(await mail.run(delivery)).toMatchObject({ exitCode: 0, outcome: 'installed', letters: 's' });
  await mail.deliver([]);
  expect(await leftovers()).toBe('');
});

it('killed, then a newer delivery: the interrupted one is finished first, neither is lost', async () => {
  const [example, other] = [mail.wildcard('example.test'), mail.wildcard('other.test')];
  const interrupted = mail.write([{ domain: 'example.test', certificate: example, web }]);
  const edit = killedAt('apply');
  await mail.run(interrupted, { edit });
  const next = await mail.deliver([{ domain: 'other.test', certificate: other }]);
  expect(next).toMatchObject({ exitCode: 0, letters: 's' });
  expect(await everywhere()).toEqual(new Set([example.leaf]));
  expect(await mail.served(993, 'mail.other.test')).toBe(other.leaf);
});

it('killed, then an older delivery: it is stale, and nothing is finished on its behalf', async () => {
  const example = mail.wildcard('example.test');
  const delivery = mail.write([{ domain: 'example.test', certificate: example, web }]);
  const edit = killedAt('switch');
  await mail.run(delivery, { edit });
  expect((await mail.deliver([], { seq: 1 })).outcome).toMatch(/^stale /);
  expect(await everywhere()).not.toContain(example.leaf);
  expect(await mail.run(delivery)).toMatchObject({ letters: 's' });
});

it('two at once: the second waits and gives the answer of the first', async () => {
  const delivery = mail.write([{ domain: 'example.test', certificate: mail.wildcard('example.test'), web }]);
  const [one, two] = await Promise.all([mail.run(delivery), mail.run(delivery)]);
  expect(one).toMatchObject({ exitCode: 0, letters: 's' });
  expect(two.text).toBe(one.text);
});

it('an installer that may not wait says busy', async () => {
  const held = mail.sh(
    'mkfifo /run/let-go; flock /etc/sealpost/lock sh -c ": >/run/held; cat /run/let-go"; rm /run/let-go /run/held',
  );
  await mail.sh('until [ -e /run/held ]; do sleep 0.1; done');
  const answer = await mail.run(mail.write([]), { environment: { SEALPOST_LOCK_WAIT: '0' } });
  await mail.sh('echo >/run/let-go');
  await held;
  expect(answer).toMatchObject({ exitCode: 40, text: '' });
});

const hindered = { environment: { SEALPOST_PROOF_WAIT: '3' } };
/** Dovecot cannot take anything new, and the old is served at once where it is put back. */
const hopeless = { environment: { SEALPOST_PROOF_WAIT: '1' } };

it('a Dovecot that cannot reload for somebody else’s mistake: rolled back, the old certificate seen on every port', async () => {
  const before = await everywhere();
  await mail.sh('echo "no_such_setting = {" >/etc/dovecot/conf.d/98-foreign.conf');
  const delivery = mail.write([{ domain: 'example.test', certificate: mail.wildcard('example.test'), web }]);
  const answer = await mail.run(delivery, hopeless);
  await mail.sh('rm /etc/dovecot/conf.d/98-foreign.conf');
  expect(answer).toMatchObject({ exitCode: 20, outcome: 'rolled-back', letters: 'b' });
  expect(answer.rest[0]).toMatch(/^1 b InstallRolledBack not seen on port 993 at [\d.]+ \(dovecot\)/);
  expect(await everywhere()).toEqual(before);
  expect(await leftovers()).toBe('');
});

it('a new domain that Dovecot does not take leaves no trace, and its neighbour without mail here goes on', async () => {
  await mail.sh('echo "no_such_setting = {" >/etc/dovecot/conf.d/98-foreign.conf');
  const only = mail.ca.issue(['webmail.web.test']);
  const delivery = mail.write([
    { domain: 'new.test', certificate: mail.wildcard('new.test') },
    { domain: 'web.test', certificate: only, mail: '-', web: 'webmail.web.test' },
  ]);
  const answer = await mail.run(delivery, hindered);
  await mail.sh('rm /etc/dovecot/conf.d/98-foreign.conf');
  expect(answer).toMatchObject({ exitCode: 0, outcome: 'installed', letters: 'bs' });
  expect(await mail.served(443, 'webmail.web.test')).toBe(only.leaf);
  expect(await mail.sh('cd /etc/sealpost; ls live; cat domains; postmap -s lmdb:sni | cut -f1')).not.toContain(
    'new.test',
  );
});

it('killed while it puts the old one back: the next run goes on going back', async () => {
  const before = await everywhere();
  await mail.sh('echo "no_such_setting = {" >/etc/dovecot/conf.d/98-foreign.conf');
  const delivery = mail.write([{ domain: 'example.test', certificate: mail.wildcard('example.test'), web }]);
  const edit = killedAt('back');
  expect((await mail.run(delivery, { ...hopeless, edit })).exitCode).toBe(137);
  const answer = await mail.run(delivery, hopeless);
  await mail.sh('rm /etc/dovecot/conf.d/98-foreign.conf');
  expect(answer).toMatchObject({ exitCode: 20, outcome: 'rolled-back', letters: 'b' });
  expect(await everywhere()).toEqual(before);
});

it('no room: nothing is switched, and it says how much is missing', async () => {
  await mail.sh(
    'cp -a /etc/sealpost /etc/sealpost.kept; mount -t tmpfs -o size=1m tmpfs /etc/sealpost; cp -a /etc/sealpost.kept/. /etc/sealpost/',
  );
  const answer = await mail.deliver([{ domain: 'example.test', certificate: mail.wildcard('example.test'), web }]);
  await mail.sh('umount /etc/sealpost; rm -rf /etc/sealpost.kept');
  expect(answer).toMatchObject({ exitCode: 50, text: '' });
  expect(answer.stderr).toMatch(/phase stage: \/etc\/sealpost has \d+ kB free, this delivery needs \d+/);
});

it('a read-only directory is an environment error, with its reason', async () => {
  await mail.sh('mount --bind /etc/sealpost /etc/sealpost; mount -o remount,ro,bind /etc/sealpost');
  const answer = await mail.deliver([]);
  await mail.sh('umount /etc/sealpost');
  expect(answer).toMatchObject({ exitCode: 50, text: '' });
  expect(answer.stderr).toContain('/etc/sealpost cannot be written');
});

it.each([
  ['openssl', { exitCode: 50, text: '', stderr: expect.stringContaining('openssl is missing') }],
  ['postmap', { exitCode: 20, letters: 'b', text: expect.stringContaining('postmap: not found') }],
  ['doveconf', { exitCode: 20, letters: 'b', text: expect.stringContaining('doveconf: not found') }],
])('without %s the old certificate is served, and the next delivery with it installs', async (program, answered) => {
  await mail.deliver([{ domain: 'example.test', verb: 'remove' }]);
  const before = await everywhere();
  const path = (await mail.sh(`command -v ${program}`)).trim();
  await mail.sh(`mv ${path} ${path}.gone`);
  const entry = { domain: 'example.test', certificate: mail.wildcard('example.test'), web };
  const answer = await mail.run(mail.write([entry]), hindered);
  await mail.sh(`mv ${path}.gone ${path}`);
  expect(answer).toMatchObject(answered);
  expect(await everywhere()).toEqual(before);
  expect(await leftovers()).toBe('');
  expect(await mail.deliver([entry])).toMatchObject({ letters: 's' });
});

// The last test: its host keeps the small disk.
it('the disk is filled in the middle of a delivery: each port serves a whole pair, and the next run installs', async () => {
  await mail.sh(`cp -a /etc/sealpost /etc/sealpost.kept; mount -t tmpfs -o size=8m tmpfs /etc/sealpost
    cp -a /etc/sealpost.kept/. /etc/sealpost/`);
  // A daemon that has files of before open goes on with those, which nobody writes any more.
  await mail.sh('postfix reload; doveadm reload; nginx -s reload; sleep 2');
  const before = await everywhere();
  for (const point of ['check', 'switch', 'prove']) {
    const example = mail.wildcard('example.test');
    const delivery = mail.write([{ domain: 'example.test', certificate: example, web }]);
    // All that is free: a stranger's process has the same disk.
    const fill = 'head -c 9000000 /dev/zero >/etc/sealpost/stranger 2>/dev/null || :';
    const edit = (text: string) => text.replaceAll(new RegExp(`^( *)phase ${point}$`, 'gm'), `$&\n${fill}`);
    const full = await mail.run(delivery, { ...hopeless, edit });
    const served = await everywhere();
    for (const leaf of served)
      expect([...before, example.leaf], `${point}: ${full.text}${full.stderr}`).toContain(leaf);
    if (full.letters === 's') expect(served, point).toEqual(new Set([example.leaf]));
    await mail.sh('rm /etc/sealpost/stranger');
    // The same delivery would get the answer that is stored. Another one mends what this one left.
    const next = mail.wildcard('example.test');
    const again = await mail.deliver([{ domain: 'example.test', certificate: next, web }]);
    expect(again, `${point}: ${again.text}${again.stderr}`).toMatchObject({ exitCode: 0, letters: 's' });
    expect(await everywhere(), point).toEqual(new Set([next.leaf]));
    before.clear();
    before.add(next.leaf);
  }
  expect(await leftovers()).toBe('');
}, 120_000);
