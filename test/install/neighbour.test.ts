/**
 * A hostile neighbour beside each web server: a customer with a site, an alias, a shell account and
 * links in her web space, and code that runs as the user of the web server (PHP does). After each
 * delivery her pages and certificates are as before, nobody's names are hers, and no key can be
 * read.
 */
import { request } from 'node:https';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { installer } from '../../install/assemble.ts';
import type { Kind } from '../../local/hosts/software.ts';
import { startMailHost, type Entry, type MailHost } from './mail-host.ts';

interface Neighbourhood extends Kind {
  name: string;
  /** Makes the site of eve.test, with her aliases. */
  site: (aliases: string) => string;
  /** The file of the webmail. */
  webmail: string;
  /** The configuration is in force again. */
  reload: string;
  /**
   * A daemon's own user, which reads the copies that are made for it. A scanner of viruses is in
   * its group, as its documentation says.
   */
  reader?: string;
  /** What is said if a customer has an alias for the name of this server. */
  twice: RegExp;
}

const PAIR = '/etc/ssl/eve';
const neighbourhoods: Neighbourhood[] = [
  {
    name: 'nginx',
    release: 'bookworm',
    software: ['postfix', 'dovecot', 'nginx'],
    site: aliases => `cat >/etc/nginx/conf.d/eve.conf <<END
server {
  listen 443 ssl;
  server_name shop.eve.test webmail.eve.test ${aliases};
  ssl_certificate ${PAIR}.pem;
  ssl_certificate_key ${PAIR}.key;
  root /srv/eve/www;
}
END
`,
    webmail: '/etc/nginx/sites-available/webmail',
    reload: 'nginx -t && nginx -s reload && sleep 1',
    twice: /could each be the webmail; say which/,
  },
  {
    name: 'apache',
    release: 'trixie',
    software: ['exim', 'dovecot', 'apache'],
    site: aliases => `cat >/etc/apache2/sites-enabled/zy-eve.conf <<END
<VirtualHost *:443>
  ServerName shop.eve.test
  ServerAlias webmail.eve.test ${aliases}
  DocumentRoot /srv/eve/www
  SSLEngine on
  SSLCertificateFile ${PAIR}.pem
  SSLCertificateKeyFile ${PAIR}.key
  <Directory /srv/eve/www>
    Options FollowSymLinks
    Require all granted
  </Directory>
</VirtualHost>
END
`,
    webmail: '/etc/apache2/sites-available/webmail.conf',
    reload: 'apachectl -t && apachectl graceful && sleep 1',
    reader: 'Debian-exim',
    twice: /could each be the webmail; say which/,
  },
];

/** Each file that holds a key of ours, as its user could guess or learn its name. */
const GUESSES = ['/etc/sealpost', '/etc/sealpost/live', '/etc/sealpost/host', '/etc/sealpost/apache.conf'];

describe.each(neighbourhoods)('beside $name', kind => {
  let mail: MailHost;
  let before: string[];
  let byDefault: string;
  vi.setConfig({ testTimeout: 120_000 });
  afterAll(() => mail?.stop());
  beforeAll(async () => {
    mail = await startMailHost('neighbour', kind);
    await mail.sh(`set -eu
      useradd -m -d /srv/eve -s /bin/sh eve
      mkdir /srv/eve/www
      echo 'the page of eve' >/srv/eve/www/index.html
      chown -R eve /srv/eve
      chmod 755 /srv/eve
      ${kind.reader ? `useradd -r -G ${kind.reader} clamav` : ''}
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj /CN=shop.eve.test \\
        -addext subjectAltName=DNS:shop.eve.test,DNS:webmail.eve.test -keyout ${PAIR}.key -out ${PAIR}.pem 2>/dev/null
      ${kind.site('')}
      ${kind.reload}`);
    before = await pages();
    byDefault = await mail.served(443, '');
  }, 600_000);

  const page = (name: string, path = '/') =>
    new Promise<string>((resolve, reject) => {
      const options = {
        host: mail.host.address,
        servername: name,
        headers: { host: name },
        path,
        agent: false as const,
      };
      const asked = request({ ...options, rejectUnauthorized: false }, answer => {
        let text = '';
        answer.on('data', part => (text += part)).on('end', () => resolve(`${answer.statusCode} ${text.trim()}`));
      });
      asked.on('error', reject).end();
    });
  const hers = ['shop.eve.test', 'webmail.eve.test'];
  const pages = async () =>
    Promise.all(hers.flatMap(name => [page(name), mail.served(443, name)]).map(async one => String(await one)));
  const entry = (domain: string): Entry => {
    const certificate = mail.wildcard(domain);
    return { domain, certificate, web: `webmail.${domain}`, ...(kind.name === 'nginx' && { mail: '-' }) };
  };

  /** The key of a certificate, as it is on disk: its longest line. */
  const lineOf = (key: string) => key.split('\n').sort((a, b) => b.length - a.length)[0]!;

  /** What of ours the users of the host can read. The web server's user is one of them. */
  async function readable(keys: string[]): Promise<string> {
    const users = (await mail.sh('cut -d: -f1 /etc/passwd'))
      .split('\n')
      .filter(user => user !== 'root' && user !== kind.reader);
    await mail.host.write('/run/keys', Buffer.from(['no key at all', ...keys.map(lineOf), ''].join('\n')), 0o644);
    const walk = `find /etc/sealpost /run /var/lib /var/cache /tmp /srv -type f -readable -not -path '/run/keys' 2>/dev/null |
      xargs -r -d '\\n' grep -lFf /run/keys 2>/dev/null
      find /etc/sealpost -readable 2>/dev/null
      for each in ${GUESSES.join(' ')} /etc/sealpost/*/*; do cat $each 2>/dev/null; done | grep PRIVATE
      for each in /proc/[0-9]*; do
        case $(cat $each/cmdline | tr '\\0' ' ') in 'nginx: worker'*) cat $each/environ ;; esac
      done 2>/dev/null`;
    let found = '';
    for (const user of users) {
      const command = ['setpriv', `--reuid=${user}`, `--regid=$(id -g ${user})`, '--init-groups', 'sh', '-c'];
      found += await mail.sh(`cd /; ${command.join(' ')} '${walk.replaceAll("'", `'\\''`)}' || :`);
    }
    await mail.sh('rm /run/keys');
    return found;
  }

  /** Eve links to each file of ours that she can name, and asks the web server for it. */
  async function linked(): Promise<string> {
    const names = (await mail.sh('ls /etc/sealpost/live')).split('\n').map(name => `/etc/sealpost/live/${name}`);
    const said = [...names, ...GUESSES, `/etc/sealpost/host/${kind.name}.pem`, '/proc/self/environ'];
    let got = '';
    for (const [at, path] of said.entries()) {
      await mail.sh(`setpriv --reuid=eve --regid=eve --clear-groups ln -sfn ${path} /srv/eve/www/${at}`);
      got += await page('shop.eve.test', `/${at}`);
    }
    return got;
  }

  async function unharmed(certificates: Entry[]): Promise<void> {
    expect(await pages()).toEqual(before);
    for (const { web, certificate } of certificates) {
      expect(await mail.served(443, web!)).toBe(certificate!.leaf);
      expect(await page(web!)).toContain('Webmail of');
    }
    expect(await readable(certificates.map(({ certificate }) => certificate!.key))).toBe('');
    expect(await linked()).not.toContain('PRIVATE KEY');
  }

  it('a customer who has an alias for the name of this server: nothing is taken, and the registration can say which', async () => {
    await mail.sh(`set -eu; ${kind.site(mail.host.hostName)}\n${kind.reload}`);
    const { rest } = await mail.deliver([], { mode: 'inspect', adopt: true });
    expect(rest).toContainEqual(expect.stringMatching(new RegExp(`^fact daemon ${kind.name} refused .*`)));
    expect(rest.join('\n')).toMatch(kind.twice);
    const webmail = { file: kind.webmail, name: mail.host.hostName };
    const said = await mail.deliver([], { mode: 'inspect', webmail });
    expect(said.rest).toContainEqual(expect.stringContaining(`fact daemon ${kind.name} ready`));
    expect(said.rest).toContainEqual(
      expect.stringMatching(new RegExp(`costs that \\S+/webmail(.conf)?:1 \\(${mail.host.hostName}\\) answers`)),
    );
    await mail.sh(`set -eu; ${kind.site('')}\n${kind.reload}`);
  });

  it('a customer with an alias webmail of hers: adoption takes the site of this server', async () => {
    const { rest } = await mail.deliver([], { mode: 'inspect', adopt: true });
    expect(rest).toContainEqual(expect.stringMatching(new RegExp(`^fact daemon ${kind.name} adopted`)));
    await unharmed([]);
  });

  let installed: Entry[];
  it('a delivery, and a renewal', async () => {
    for (let i = 0; i < 2; i++) {
      installed = [entry('example.test'), entry('other.test')];
      const answer = await mail.deliver(installed);
      expect(answer, answer.text + answer.stderr).toMatchObject({ outcome: 'installed', letters: 'ss' });
      await unharmed(installed);
    }
  });

  it('two places with one web name: the second alone is refused, also in a later delivery', async () => {
    const host: Entry = { domain: mail.host.hostName, kind: 'host', mail: '-', web: 'webmail.provider.test' };
    const certificate = mail.ca.issue([mail.host.hostName, 'webmail.provider.test']);
    const both = [{ ...host, certificate }, entry('provider.test'), entry('third.test')];
    const answer = await mail.deliver(both);
    expect(answer, answer.text + answer.stderr).toMatchObject({ outcome: 'installed', letters: 'srs' });
    const reason = `InstallRefused webmail.provider.test is a name of ${mail.host.hostName} on this server already; give one of the two another name`;
    expect(answer.rest[0]).toBe(`2 r ${reason}`);
    const later = await mail.deliver([entry('provider.test'), entry('fourth.test')]);
    expect(later).toMatchObject({ letters: 'rs' });
    expect(later.rest[0]).toBe(`1 r ${reason}`);
    await unharmed(installed);
  });

  it.runIf(kind.name === 'apache')('the webmail that is on record is gone: nothing is taken in its place', async () => {
    await mail.sh(`mv /etc/apache2/sites-enabled/webmail.conf /root; ${kind.reload}`);
    const fifth = entry('fifth.test');
    const answer = await mail.deliver([fifth]);
    expect(answer).toMatchObject({ letters: 's' });
    expect(answer.rest).toContain(`fact webmail-gone apache ${mail.host.hostName} ${kind.webmail}`);
    await unharmed([...installed, fifth]);
    await mail.sh(`mv /root/webmail.conf /etc/apache2/sites-enabled; ${kind.reload}`);
  });

  it('a domain that is removed', async () => {
    const answer = await mail.deliver([{ domain: 'other.test', verb: 'remove' }]);
    expect(answer).toMatchObject({ letters: 'd' });
    await unharmed([installed[0]!]);
  });

  it.runIf(kind.name === 'nginx')(
    'a person has edited our lines: undo leaves what is the person’s, and TLS',
    async () => {
      await mail.sh(`set -eu
      sed -i 's|^ *ssl_certificate .*|    ssl_certificate   $sealpost_pem; # mine|' ${kind.webmail}
      sed -i 's|worker_connections .*|worker_connections 500; # mine|' /etc/nginx/nginx.conf
      nginx -t`);
      await mail.host.write('/run/installer', Buffer.from(installer().text), 0o700);
      const undone = await mail.sh('sh /run/installer undo-adoption; rm /run/installer');
      for (const file of [kind.webmail, '/etc/nginx/nginx.conf']) expect(undone).toContain(`kept ${file}: `);
      expect(await mail.sh(`nginx -t; grep -h mine ${kind.webmail} /etc/nginx/nginx.conf`)).toMatch(
        /ssl_certificate {3}\/etc\/ssl\/certs\/server.pem; # mine\s+worker_connections 500; # mine/,
      );
      expect(await mail.sh('grep -r sealpost /etc/nginx /etc/group; ls /etc/sealpost | grep web || :')).toBe('');
      await expect.poll(() => mail.served(443, ''), { timeout: 10_000 }).toBe(byDefault);
      expect(await pages()).toEqual(before);
    },
  );
});
