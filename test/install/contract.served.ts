/** An adopted server: what is served, by whom it is judged, and how it is renewed. */
import { expect, it } from 'vitest';
import { TEST_MAILBOX } from '../../local/hosts/mail-server.ts';
import { openSession } from '../../local/clients/session.ts';
import { posttlsFinger, testssl } from './judges.ts';
import { killedAt } from './mail-host.ts';
import { domain, impatient, isWeb, web, type Story } from './contract.story.ts';

export function served(story: Story): void {
  const { ports, mailPorts, underHost, isUnder, kind } = story;

  it('a renewed certificate of the provider’s own is served by default until the host has one of ours', async () => {
    const { mail } = story;
    const own = mail.ca.issue([mail.host.hostName]);
    await mail.host.write('/root/own.key', Buffer.from(own.key), 0o600);
    await mail.host.write('/root/own.pem', Buffer.from(own.chain), 0o600);
    await mail.sh(`for file in $(cat /etc/sealpost/adoption/*.chain /etc/sealpost/adoption/*.files 2>/dev/null | sort -u); do
        certificates=$(grep -c 'BEGIN CERTIFICATE' "$file" || :) keys=$(grep -c 'PRIVATE KEY' "$file" || :)
        { [ "$keys" = 0 ] || cat /root/own.key; [ "$certificates" = 0 ] || cat /root/own.pem; } >"$file"
      done`);
    await mail.deliver([]);
    for (const port of mailPorts)
      await expect.poll(() => mail.served(port, ''), { timeout: 10_000, message: `port ${port}` }).toBe(own.leaf);
  });

  it('its own name is served on every mail port without a name, and the web’s default stays', async () => {
    const { mail } = story;
    story.host = mail.ca.issue([mail.host.hostName]);
    const webDefault = await mail.served(443, '');
    const answer = await mail.deliver([story.ofHost(story.host)]);
    expect(answer).toMatchObject({ exitCode: 0, letters: 's' });
    for (const port of mailPorts) expect(await mail.served(port, ''), `port ${port}`).toBe(story.host.leaf);
    expect(await mail.served(443, '')).toBe(webDefault);
    expect((await mail.deliver([], { mode: 'inspect' })).rest).toContain('fact host-certificate trusted');
  });

  it('domains are served by name on every port that can, and from now on somebody is logged in and idle', async () => {
    const { mail } = story;
    story.idle = await openSession(mail.host.address, 993, /^\* OK/);
    await story.idle.ask(`a LOGIN ${TEST_MAILBOX.user} "${TEST_MAILBOX.password}"`, /^a OK/);
    await story.idle.ask('b SELECT INBOX', /^b OK/);
    await story.idle.ask('c IDLE', /^\+ /);
    story.example = mail.wildcard(domain);
    story.neighbour = mail.wildcard('neighbour.test');
    const answer = await mail.deliver([
      story.renewed(story.example),
      story.ofDomain('neighbour.test', story.neighbour),
    ]);
    expect(answer).toMatchObject({ exitCode: 0, outcome: 'installed', letters: 'ss', rest: [] });
    expect(await story.everywhere()).toEqual(story.onAll(story.example));
    expect(await story.neighbours()).toEqual(story.onAll(story.neighbour));
    expect(await mail.served(993, domain)).toBe(story.on(993, story.example));
  });

  it.runIf(isUnder)('a certificate for mail alone is refused where mail is served under the host’s name', async () => {
    const certificate = story.mail.wildcard('alone.test');
    const answer = await story.mail.deliver([{ domain: 'alone.test', certificate }]);
    expect(answer).toMatchObject({ exitCode: 0, letters: 'r' });
    expect(answer.rest).toEqual(['1 r InstallRefused no daemon that answers here can serve the certificate by name']);
    expect(await story.servedFor('alone.test')).toEqual(
      new Map(ports.map(port => [port, expect.not.stringMatching(certificate.leaf)])),
    );
  });

  it('a name that is not known is served what is served without a name, and a path reaches no file', async () => {
    for (const port of [465, 993, 443]) {
      const none = await story.mail.served(port, '');
      expect(await story.mail.served(port, 'webmail.stranger.test'), `port ${port}`).toBe(none);
      // GnuTLS ends the handshake of such a name.
      for (const path of [`../live/${domain}`, `${web}/../x`, '..'])
        expect([none, 'nothing'], `${path} on ${port}`).toContain(await story.mail.served(port, path));
    }
  });

  it.skipIf(isUnder)('the longer name wins where a wildcard covers it too', async () => {
    const name = `deep.${domain}`;
    const deep = story.mail.wildcard(name);
    const answer = await story.mail.deliver([{ domain: name, certificate: deep, mail: name }]);
    expect(answer.letters).toBe('s');
    for (const port of [465, 993]) expect(await story.mail.served(port, name)).toBe(deep.leaf);
    expect(await story.everywhere()).toEqual(story.onAll(story.example));
  });

  it('a renewal that is killed at its switch is finished by the same again, served on every port, and then changes nothing', async () => {
    const { mail } = story;
    const former = story.example;
    story.example = mail.wildcard(domain);
    const delivery = mail.write([story.renewed(story.example)]);
    expect((await mail.run(delivery, { edit: killedAt('apply') })).exitCode).toBe(137);
    await mail.sh('rm -r /run/sealpost.*'); // the document does it, an hour later
    for (const [port, leaf] of await story.everywhere())
      expect(
        [former, story.example].map(one => story.on(port, one)),
        `port ${port}`,
      ).toContain(leaf);
    expect(await mail.run(delivery)).toMatchObject({ letters: 's' });
    expect(await story.everywhere()).toEqual(story.onAll(story.example));
    expect(await mail.deliver([story.renewed(story.example)])).toMatchObject({ letters: 'u' });
  });

  it('a renewal of the host’s own is served on every mail port without a name, and the same again changes nothing', async () => {
    const { mail } = story;
    story.host = mail.ca.issue([mail.host.hostName]);
    expect(await mail.deliver([story.ofHost(story.host)])).toMatchObject({ letters: 's' });
    for (const port of mailPorts) expect(await mail.served(port, ''), `port ${port}`).toBe(story.host.leaf);
    expect(await mail.deliver([story.ofHost(story.host)])).toMatchObject({ letters: 'u' });
  });

  it('a bad certificate of the host’s own is put back on every mail port', async () => {
    const { mail } = story;
    const strange = mail.strangeCa.issue([mail.host.hostName]);
    const answer = await mail.run(mail.write([story.ofHost(strange)]), impatient);
    expect(answer).toMatchObject({ exitCode: 20, outcome: 'rolled-back', letters: 'b' });
    for (const port of mailPorts)
      await expect
        .poll(() => mail.served(port, ''), { timeout: 10_000, message: `port ${port}` })
        .toBe(story.host.leaf);
    expect(await story.everywhere()).toEqual(story.onAll(story.example));
  });

  it('posttls-finger finds chain and name good on 25, by the host’s name and by a domain’s that is served by name, and another’s wrong', async () => {
    const { mail } = story;
    const names = [mail.host.hostName, `mail.${domain}`, 'mail.nobody.test'];
    for (const [i, name] of names.entries()) {
      const verdict = await posttlsFinger(mail.host.address, name, mail.ca.root);
      const isGood = i < (underHost.includes(25) ? 1 : 2);
      expect(verdict.includes('Verified TLS connection established'), verdict).toBe(isGood);
      expect(verdict.includes('hostname mismatch'), verdict).toBe(!isGood);
    }
  });

  it.runIf(kind.testssl !== undefined)(
    'testssl.sh finds chain and name good',
    async () => {
      const port = kind.testssl!;
      const { hostName } = story.mail.host;
      const name = isWeb(port) ? web : underHost.includes(port) ? hostName : `mail.${domain}`;
      const via = name === hostName ? '' : 'wildcard';
      expect(await testssl(story.mail, name, port)).toMatchObject({
        cert_chain_of_trust: 'OK: passed.',
        cert_trust: expect.stringMatching(new RegExp(`^OK: Ok via SAN ${via}`)),
      });
    },
    300_000,
  );
}
