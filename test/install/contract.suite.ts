/**
 * What every kind of server has to do, in one story on one host. A kind is one line in kinds.ts and a file that calls
 * this; what a kind cannot do it must refuse with its reason. docs/servers/adding-one.md
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { installer } from '../../install/assemble.ts';
import { startServices, TEST_MAILBOX } from '../../local/hosts/mail-server.ts';
import { posttlsFinger, testssl } from './judges.ts';
import { kinds, software, type ServerKind } from './kinds.ts';
import { killedAt, startMailHost, type MailHost } from './mail-host.ts';
import type { Issued } from './scratch-ca.ts';
import { openSession, type Session } from '../../local/clients/session.ts';

export function contract(name: keyof typeof kinds): void {
  const kind: ServerKind = { name, ...kinds[name] };
  const parts = kind.software.map(each => ({ daemon: each, ...software[each] }));
  const isWeb = (port: number) => port === 443;
  const ports = parts.flatMap(part => part.ports);
  const mailPorts = ports.filter(port => !isWeb(port));
  const underHost = parts.filter(part => part.oneCertificate).flatMap(part => part.ports);
  /** One daemon that cannot is enough: mail of a domain is then served under the host's name, and its certificate is for webmail. */
  const isUnder = underHost.length > 0;
  const configuration = parts.map(part => part.configuration).join('; ');

  vi.setConfig({ testTimeout: 60_000 });
  const impatient = { environment: { SEALPOST_PROOF_WAIT: '5' } };
  const web = 'webmail.example.test';
  let mail: MailHost;
  let before: string;
  let idle: Session;
  let host: Issued;
  let example: Issued;
  let neighbour: Issued;

  const byDefault = async () => new Set(await Promise.all(ports.map(port => mail.served(port, ''))));
  /** By port, what is served for a domain: by its mail name, on 443 by its webmail's. */
  const servedFor = async (domain: string) =>
    new Map(
      await Promise.all(
        ports.map(
          async port => [port, await mail.served(port, `${isWeb(port) ? 'webmail' : 'mail'}.${domain}`)] as const,
        ),
      ),
    );
  const everywhere = () => servedFor('example.test');
  const neighbours = () => servedFor('neighbour.test');
  /** What is to be served on a port by a name of the domain that has this leaf. */
  const on = (port: number, { leaf }: Issued) => (underHost.includes(port) ? host.leaf : leaf);
  const onAll = (certificate: Issued) => new Map(ports.map(port => [port, on(port, certificate)]));
  const ofDomain = (domain: string, certificate: Issued) => ({
    ...{ domain, certificate, web: `webmail.${domain}` },
    ...(isUnder && { mail: '-' }),
  });
  const ofHost = (certificate: Issued) => ({
    ...{ domain: mail.host.hostName, kind: 'host' as const, mail: mail.host.hostName, certificate },
  });
  const renewed = (certificate = mail.wildcard('example.test')) => ofDomain('example.test', certificate);
  const ownLeaf = async () => {
    const own = await mail.sh('openssl x509 -in /etc/ssl/certs/server.pem -noout -fingerprint -sha256');
    return own.replace(/.*=/, '').replaceAll(':', '').toLowerCase();
  };
  const adopt = () => mail.deliver([], { mode: 'inspect', adopt: true });

  beforeAll(async () => {
    mail = await startMailHost('contract', kind);
    await mail.sh('tar -cf /root/image.tar -C / etc');
    before = await mail.sh(configuration);
  }, 600_000);
  afterAll(() => mail?.stop());

  describe('before it is ours', () => {
    it('daemons that do not run are not adopted, and nothing is written', async () => {
      for (const { stop } of parts) await mail.sh(stop);
      const { rest } = await adopt();
      for (const { daemon } of parts)
        expect(rest).toContain(`fact adopt-change none for ${daemon}: no port of it answers TLS`);
      expect(rest).toContain('fact adopted no');
      expect(await mail.sh(configuration)).toBe(before);
      await startServices(mail.host);
    });

    it('inspect says what is here and prints every line that adoption would write, and writes none', async () => {
      const answer = await mail.deliver([], { mode: 'inspect' });
      expect(answer).toMatchObject({ exitCode: 0, outcome: 'inspected', letters: '' });
      const fact = (word: string) =>
        answer.rest.filter(line => line.startsWith(`fact ${word} `)).map(line => line.slice(6 + word.length));
      for (const [word, pattern] of Object.entries(kind.facts)) expect(fact(word)[0], word).toMatch(pattern);
      expect(fact('ports')[0]!.split(',').map(Number).sort()).toEqual([...ports].sort());
      const named = (one: boolean) =>
        parts.filter(part => Boolean(part.oneCertificate) === one).map(part => part.daemon);
      expect(fact('serves-by-name')).toEqual([named(false).join(',')]);
      expect(fact('cannot-serve-by-name')).toEqual([named(true).join(',')]);
      const webServers = parts.filter(part => part.ports.every(isWeb)).map(part => part.daemon);
      expect(fact('web-servers')).toEqual([webServers.join(',')]);
      for (const { daemon } of parts) {
        expect(fact('configuration')).toContainEqual(expect.stringMatching(new RegExp(`^${daemon} /etc/`)));
        expect(fact('keys-read-by')).toContainEqual(expect.stringMatching(new RegExp(`^${daemon} \\S+$`)));
      }
      const counted = kind.software.includes('dovecot') ? ['blocks', 'blocks-max'] : [];
      for (const word of [...counted, 'memory-kb', 'free-kb', 'kernel-time'])
        expect(Number(fact(word)[0]), word).toBeGreaterThanOrEqual(0);
      expect(fact('adopted')).toEqual(['no']);
      expect(fact('host-certificate')).toEqual(['untrusted']);
      expect(fact('adopt-change').length).toBeGreaterThanOrEqual(parts.length);
      expect(fact('adopt-change').join('\n')).not.toContain('none for');
      expect(await mail.sh(configuration)).toBe(before);
    });

    it('it refuses every domain with that reason', async () => {
      const answer = await mail.deliver([renewed()]);
      expect(answer).toMatchObject({ exitCode: 0, letters: 'r' });
      expect(answer.rest[0]).toMatch(/^1 r InstallRefused this server is not adopted/);
    });

    it('killed while it adopts: every port serves on, and the next run adopts', async () => {
      const last = parts.at(-1)!.daemon;
      const edit = (text: string) => text.replace(`mark_adopting ${last}\n`, '$&kill -9 $$$$\n');
      const killed = await mail.run(mail.write([], { mode: 'inspect', adopt: true }), { edit });
      expect(killed.exitCode).toBe(137);
      await mail.sh('rm -r /run/sealpost.*'); // the document does it, an hour later
      expect(await byDefault()).toEqual(new Set([await ownLeaf()]));
      expect((await adopt()).rest).toContain('fact adopted yes');
      expect(await byDefault()).toEqual(new Set([await ownLeaf()]));
    });
  });

  describe('adopted', () => {
    it('a renewed certificate of the provider’s own is served by default until the host has one of ours', async () => {
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
      host = mail.ca.issue([mail.host.hostName]);
      const webDefault = await mail.served(443, '');
      const answer = await mail.deliver([ofHost(host)]);
      expect(answer).toMatchObject({ exitCode: 0, letters: 's' });
      for (const port of mailPorts) expect(await mail.served(port, ''), `port ${port}`).toBe(host.leaf);
      expect(await mail.served(443, '')).toBe(webDefault);
      expect((await mail.deliver([], { mode: 'inspect' })).rest).toContain('fact host-certificate trusted');
    });

    it('domains are served by name on every port that can, and from now on somebody is logged in and idle', async () => {
      idle = await openSession(mail.host.address, 993, /^\* OK/);
      await idle.ask(`a LOGIN ${TEST_MAILBOX.user} "${TEST_MAILBOX.password}"`, /^a OK/);
      await idle.ask('b SELECT INBOX', /^b OK/);
      await idle.ask('c IDLE', /^\+ /);
      example = mail.wildcard('example.test');
      neighbour = mail.wildcard('neighbour.test');
      const answer = await mail.deliver([renewed(example), ofDomain('neighbour.test', neighbour)]);
      expect(answer).toMatchObject({ exitCode: 0, outcome: 'installed', letters: 'ss', rest: [] });
      expect(await everywhere()).toEqual(onAll(example));
      expect(await neighbours()).toEqual(onAll(neighbour));
      expect(await mail.served(993, 'example.test')).toBe(on(993, example));
    });

    it.runIf(isUnder)(
      'a certificate for mail alone is refused where mail is served under the host’s name',
      async () => {
        const certificate = mail.wildcard('alone.test');
        const answer = await mail.deliver([{ domain: 'alone.test', certificate }]);
        expect(answer).toMatchObject({ exitCode: 0, letters: 'r' });
        expect(answer.rest).toEqual(['1 r InstallRefused nothing that answers here could serve it by name']);
        expect(await servedFor('alone.test')).toEqual(
          new Map(ports.map(port => [port, expect.not.stringMatching(certificate.leaf)])),
        );
      },
    );

    it('a name that is not known is served what is served without a name, and a path reaches no file', async () => {
      for (const port of [465, 993, 443]) {
        const none = await mail.served(port, '');
        expect(await mail.served(port, 'webmail.stranger.test'), `port ${port}`).toBe(none);
        // GnuTLS ends the handshake of such a name.
        for (const path of ['../live/example.test', `${web}/../x`, '..'])
          expect([none, 'nothing'], `${path} on ${port}`).toContain(await mail.served(port, path));
      }
    });

    it.skipIf(isUnder)('the longer name wins where a wildcard covers it too', async () => {
      const deep = mail.wildcard('deep.example.test');
      const answer = await mail.deliver([
        { domain: 'deep.example.test', certificate: deep, mail: 'deep.example.test' },
      ]);
      expect(answer.letters).toBe('s');
      for (const port of [465, 993]) expect(await mail.served(port, 'deep.example.test')).toBe(deep.leaf);
      expect(await everywhere()).toEqual(onAll(example));
    });

    it('a renewal that is killed at its switch is finished by the same again, served on every port, and then changes nothing', async () => {
      const former = example;
      example = mail.wildcard('example.test');
      const delivery = mail.write([renewed(example)]);
      expect((await mail.run(delivery, { edit: killedAt('apply') })).exitCode).toBe(137);
      await mail.sh('rm -r /run/sealpost.*'); // the document does it, an hour later
      for (const [port, leaf] of await everywhere())
        expect(
          [former, example].map(one => on(port, one)),
          `port ${port}`,
        ).toContain(leaf);
      expect(await mail.run(delivery)).toMatchObject({ letters: 's' });
      expect(await everywhere()).toEqual(onAll(example));
      expect(await mail.deliver([renewed(example)])).toMatchObject({ letters: 'u' });
    });

    it('a renewal of the host’s own is served on every mail port without a name, and the same again changes nothing', async () => {
      host = mail.ca.issue([mail.host.hostName]);
      expect(await mail.deliver([ofHost(host)])).toMatchObject({ letters: 's' });
      for (const port of mailPorts) expect(await mail.served(port, ''), `port ${port}`).toBe(host.leaf);
      expect(await mail.deliver([ofHost(host)])).toMatchObject({ letters: 'u' });
    });

    it('a bad certificate of the host’s own is put back on every mail port', async () => {
      const strange = mail.strangeCa.issue([mail.host.hostName]);
      const answer = await mail.run(mail.write([ofHost(strange)]), impatient);
      expect(answer).toMatchObject({ exitCode: 20, outcome: 'rolled-back', letters: 'b' });
      for (const port of mailPorts)
        await expect.poll(() => mail.served(port, ''), { timeout: 10_000, message: `port ${port}` }).toBe(host.leaf);
      expect(await everywhere()).toEqual(onAll(example));
    });

    it('posttls-finger finds chain and name good on 25, by the host’s name and by a domain’s that is served by name, and another’s wrong', async () => {
      const names = [mail.host.hostName, 'mail.example.test', 'mail.nobody.test'];
      for (const [i, name] of names.entries()) {
        const verdict = await posttlsFinger(mail.host.address, name, mail.ca.root);
        const isGood = i < (underHost.includes(25) ? 1 : 2);
        expect(verdict.includes('Verified TLS connection established'), verdict).toBe(isGood);
        expect(verdict.includes('hostname mismatch'), verdict).toBe(!isGood);
      }
    });

    // One port a kind, since a look costs three quarters of a minute: the rarer web server's, else the mail programs'.
    it('testssl.sh finds chain and name good', async () => {
      const [name, port, via] = kind.software.includes('apache')
        ? ([web, 443, 'wildcard'] as const)
        : underHost.includes(993)
          ? ([mail.host.hostName, 993, ''] as const)
          : (['mail.example.test', 993, 'wildcard'] as const);
      expect(await testssl(mail, name, port)).toMatchObject({
        cert_chain_of_trust: 'OK: passed.',
        cert_trust: expect.stringMatching(new RegExp(`^OK: Ok via SAN ${via}`)),
      });
    }, 300_000);

    it('a bad certificate is refused or put back, and the neighbours go on', async () => {
      const strange = mail.strangeCa.issue(['example.test', '*.example.test']);
      const pair = mail.wildcard('pair.test');
      neighbour = mail.wildcard('neighbour.test');
      const delivery = mail.write([
        renewed(strange),
        ofDomain('pair.test', { ...pair, pem: example.key + pair.chain }),
        ofDomain('neighbour.test', neighbour),
      ]);
      const answer = await mail.run(delivery, impatient);
      expect(answer).toMatchObject({ exitCode: 0, outcome: 'installed', letters: 'brs' });
      expect(answer.rest[0]).toMatch(/^1 b InstallRolledBack not seen on port \d+/);
      expect(answer.rest[1]).toBe('2 r CertificateUnusable key does not match the leaf');
      expect(await everywhere()).toEqual(onAll(example));
      expect(await neighbours()).toEqual(onAll(neighbour));
    });

    const hindered = parts.flatMap(({ daemon, ports, hinder }) => (hinder ? [{ daemon, ports, ...hinder }] : []));
    it.each(hindered)('$daemon cannot reload, for somebody else’s mistake: all is put back', async each => {
      await mail.sh(each.how);
      const fresh = ofDomain('new.test', mail.wildcard('new.test'));
      const answer = await mail.run(mail.write([fresh]), impatient);
      await mail.sh(each.mend);
      expect(answer).toMatchObject({ exitCode: 20, outcome: 'rolled-back', letters: 'b' });
      expect(answer.rest[0]).toContain(`(${each.daemon})`);
      expect(await mail.sh('ls /etc/sealpost/live')).not.toContain('new.test');
      expect(await everywhere()).toEqual(onAll(example));
    });

    it('a daemon that is dead beforehand stays so and is said to be; the others are served', async () => {
      const { daemon, stop, ports: deadPorts } = parts.at(-1)!;
      await mail.sh(stop);
      // Where mail is served under the host's name, that is what is left to be served.
      if (isUnder) host = mail.ca.issue([mail.host.hostName]);
      else neighbour = mail.wildcard('neighbour.test');
      const answer = await mail.deliver([isUnder ? ofHost(host) : ofDomain('neighbour.test', neighbour)]);
      expect(answer).toMatchObject({ exitCode: 0, outcome: 'installed', letters: 's' });
      expect(answer.rest).toEqual(deadPorts.map(port => `fact port-dead ${port}`));
      for (const port of deadPorts) expect(await mail.served(port, ''), daemon).toBe('nothing');
      await startServices(mail.host);
      if (deadPorts.includes(443))
        await expect.poll(() => mail.served(443, 'webmail.neighbour.test'), { timeout: 10_000 }).toBe(neighbour.leaf);
    });

    it('verify finds what is no longer served, on each port, and a delivery repairs it', async () => {
      const audit = async () => {
        const { hostName } = mail.host;
        const ofMail = ['default', hostName].map(name => ({ domain: hostName, leaf: host.leaf, mail: name }));
        const looks = isUnder
          ? [{ domain: 'example.test', leaf: example.leaf, web, mail: '-' }, ...ofMail]
          : [{ domain: 'example.test', leaf: example.leaf, web }];
        const { rest } = await mail.deliver([], { mode: 'verify', looks });
        expect(rest.at(-1)).toBe(`audited ${looks.length}`);
        return rest.filter(line => line.startsWith('unseen ')).sort();
      };
      expect(await audit()).toEqual([]);
      for (const { drift } of parts) await mail.sh(drift);
      const set = (those: number[]) => [...those].sort((a, b) => a - b).join(',');
      const lost = [`unseen ${set(ports.filter(port => !underHost.includes(port)))} 1`];
      if (isUnder) lost.push(`unseen ${set(underHost)} 2x2`);
      expect(await audit()).toEqual(lost.sort());
      const repaired = await mail.deliver([renewed(example), ...(isUnder ? [ofHost(host)] : [])]);
      expect(repaired.letters).toMatch(/^s+$/);
      expect(await audit()).toEqual([]);
    });

    it('a removed domain leaves no name and no key behind, and the neighbours go on', async () => {
      expect(await mail.deliver([{ domain: 'example.test', verb: 'remove' }])).toMatchObject({ letters: 'd' });
      const all = 'cd /etc/sealpost; find . -type f ! -name "*.lmdb" ! -name answer -exec cat {} +; find .';
      const words = (await mail.sh(all)).split(/[\s"/:;]/);
      for (const gone of ['example.test', '*.example.test', 'example.test.pem', web]) expect(words).not.toContain(gone);
      const leaves = async () => [...(await everywhere()).values()].includes(example.leaf);
      await expect.poll(leaves, { timeout: 15_000 }).toBe(false);
      expect(await neighbours()).toEqual(onAll(neighbour));
    });

    it('who was idle through all of it still is', async () => {
      expect(await idle.ask('DONE', /^c /)).toMatch(/^c OK/);
      expect(await idle.ask('d NOOP', /^d /)).toMatch(/^d OK/);
      idle.close();
    });
  });

  describe('in the end', () => {
    it.each(parts)(
      '$daemon alone has its configuration put back by hand: it is told, and adopted again when we may',
      async each => {
        const told = async () => {
          const { rest } = await mail.deliver([], { mode: 'verify' });
          return rest.filter(line => line.startsWith('fact audit-lost'));
        };
        await mail.sh(each.takeBack);
        expect(await told()).toEqual([`fact audit-lost ${each.daemon}`]);
        expect((await mail.deliver([], { mode: 'inspect' })).rest).toContain('fact adopted no');
        expect((await adopt()).rest).toContain('fact adopted yes');
        const answer = await mail.deliver([ofHost(host), ofDomain('neighbour.test', neighbour)]);
        expect(answer.letters).toMatch(/^[su]{2}$/);
        expect(await neighbours()).toEqual(onAll(neighbour));
        for (const port of mailPorts) expect(await mail.served(port, ''), `port ${port}`).toBe(host.leaf);
        expect(await told()).toEqual([]);
      },
      120_000,
    );

    it('a server that was rebuilt from its image is healed by the same deliveries', async () => {
      for (const { stop } of parts) await mail.sh(stop);
      await mail.sh(
        'rm -rf /etc/sealpost; tar -xf /root/image.tar -C /; rm -f /etc/apache2/sites-enabled/zz-* /etc/nginx/conf.d/sealpost.conf /etc/dovecot/conf.d/99-*; command -v update-exim4.conf >/dev/null && update-exim4.conf || :',
      );
      await startServices(mail.host);
      expect(await mail.sh(configuration)).toBe(before);
      expect((await adopt()).rest).toContain('fact adopted yes');
      const answer = await mail.deliver([ofHost(host), renewed(example)]);
      expect(answer.letters).toBe('ss');
      expect(await everywhere()).toEqual(onAll(example));
    });

    it('undo-adoption puts every line back as it was, and what was served before is served', async () => {
      await mail.host.write('/run/installer', Buffer.from(installer().text), 0o700);
      await mail.sh('sh /run/installer undo-adoption; rm /run/installer');
      const lines = (text: string) => text.replace(/\n+/g, '\n');
      expect(lines(await mail.sh(configuration))).toBe(lines(before));
      await expect.poll(byDefault, { timeout: 15_000, interval: 500 }).toEqual(new Set([await ownLeaf()]));
    });

    it('nothing of it is left in /run', async () => {
      expect(await mail.sh('ls -d /run/sealpost* 2>/dev/null || :')).toBe('');
    });
  });
}
