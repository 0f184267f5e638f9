import type { Row, ZooDaemon } from './row.ts';

const SITES = '/etc/apache2/sites-available';
const PAIR = 'SSLCertificateFile /root/zoo/ecdsa.pem\nSSLCertificateKeyFile /root/zoo/ecdsa.key';
/** A virtual host on 443 in a file of its own, $name.conf in sites-enabled. */
const site = (file: string, lines: string, address = '*:443') =>
  `cat >/etc/apache2/sites-enabled/${file}.conf <<END\n<VirtualHost ${address}>\n${lines}\n</VirtualHost>\nEND\n`;
const WEBMAIL = 'ServerName $name\nDocumentRoot /var/www/webmail\nSSLEngine on';
const ALONE = 'rm /etc/apache2/sites-enabled/*\n';
const SHOP = site('000-shop', `ServerName shop.test\nSSLEngine on\n${PAIR}`);
const on: Row['on'] = ['trixie'];

export const apache: ZooDaemon = {
  daemon: 'apache',
  trees: ['/etc/apache2'],
  check: 'apachectl -t 2>/dev/null',
  start: 'apachectl start',
  stop: `[ ! -e /run/apache2/apache2.pid ] ||
    { apachectl stop; while [ -e /run/apache2/apache2.pid ]; do sleep 0.1; done; }`,
  rows: [
    {
      name: 'one virtual host on 443',
      on,
      make: ':',
      keys: ['ECDSA'],
      expected: 'works',
      why: 'This is the usual configuration.',
    },
    {
      name: 'a virtual host by address',
      on,
      make: `sed -i "s|<VirtualHost .*|<VirtualHost $(hostname -I | cut -d' ' -f1):443>|" ${SITES}/webmail.conf`,
      keys: ['ECDSA'],
      expected: 'works',
      why: 'Each of our virtual hosts has the address of the webmail of the provider.',
    },
    {
      name: 'several virtual hosts, the first is another site',
      on,
      make: SHOP,
      keys: ['ECDSA'],
      names: ['shop.test'],
      expected: 'works',
      why: 'Our virtual hosts come last, so the first stays that of unknown names.',
    },
    {
      name: 'an RSA and an ECDSA certificate in one virtual host',
      on,
      make: `${ALONE}${site('webmail', `${WEBMAIL}\nSSLCertificateFile /root/zoo/rsa.pem\nSSLCertificateKeyFile /root/zoo/rsa.key\n${PAIR}`)}`,
      keys: ['RSA', 'ECDSA'],
      expected: 'works',
      why: 'The virtual host of the provider is not touched.',
    },
    {
      name: 'a quoted path with a space, and a path relative to ServerRoot',
      on,
      make: `mkdir '/etc/apache2/tls files'
        cp /root/zoo/ecdsa.pem '/etc/apache2/tls files/web.pem'
        cp /root/zoo/ecdsa.key /etc/apache2/web.key
        ${ALONE}${site('webmail', `${WEBMAIL}\nSSLCertificateFile "tls files/web.pem"\nSSLCertificateKeyFile web.key`)}`,
      keys: ['ECDSA'],
      expected: 'works',
      why: 'Paths are read as Apache reads them.',
    },
    {
      name: 'SSLUseStapling for the whole server',
      on,
      make: `printf 'SSLUseStapling on\\nSSLStaplingCache shmcb:/run/apache2/stapling(32768)\\n' >/etc/apache2/conf-enabled/stapling.conf
        a2enmod -q socache_shmcb`,
      keys: ['ECDSA'],
      expected: 'works',
      why: 'Apache staples nothing for a certificate without a responder, and serves it.',
    },
    {
      name: 'a certificate of mod_md',
      on,
      make: `a2enmod -q md
        printf 'MDCertificateAgreement accepted\\n<MDomain %s manual>\\nMDCertificateFile /root/zoo/ecdsa.pem\\nMDCertificateKeyFile /root/zoo/ecdsa.key\\n</MDomain>\\n' $name >/etc/apache2/conf-enabled/md.conf
        ${ALONE}${site('webmail', WEBMAIL)}`,
      keys: ['ECDSA'],
      expected: 'works',
      why: 'mod_md has the names of its own domains only, and our virtual hosts name their certificates.',
    },
    {
      name: 'the certificate outside of the virtual hosts',
      on,
      make: `printf '${PAIR.replace('\n', '\\n')}\\n' >/etc/apache2/conf-enabled/tls.conf
        ${ALONE}${site('webmail', WEBMAIL)}`,
      keys: ['ECDSA'],
      expected: 'works',
      why: 'Our virtual hosts name certificates of their own.',
    },
    {
      name: 'the certificate in a file that the virtual host includes',
      on,
      make: `printf '${PAIR.replace('\n', '\\n')}\\n' >/etc/apache2/tls.inc
        ${ALONE}${site('webmail', `${WEBMAIL}\nInclude tls.inc`)}`,
      keys: ['ECDSA'],
      expected: { refused: '/etc/apache2/tls.inc:1: the webmail includes this SSLCertificateFile' },
      why: 'Each of our virtual hosts would include it, too, and serve that certificate.',
    },
    {
      name: 'names over several lines, IfModule around the virtual host',
      on,
      make: `${ALONE}cat >/etc/apache2/sites-enabled/webmail.conf <<'END'
<IfModule mod_ssl.c>
  <VirtualHost _default_:443>
    ServerAlias webmail.other.test \\
      mail.other.test
    ServerName NAME
    DocumentRoot /var/www/webmail
    SSLCertificateFile \\
      /root/zoo/ecdsa.pem
    SSLCertificateKeyFile "/root/zoo/ecdsa.key"
  </VirtualHost>
</IfModule>
END
        sed -i "s/NAME/$name/" /etc/apache2/sites-enabled/webmail.conf`,
      keys: ['ECDSA'],
      names: ['mail.other.test'],
      expected: 'works',
      why: 'A directive is dropped with the lines that continue it.',
    },
    {
      name: 'a virtual host made by a macro',
      on,
      make: `a2enmod -q macro
        ${ALONE}cat >/etc/apache2/sites-enabled/webmail.conf <<END
<Macro Site \\$host>
<VirtualHost *:443>
ServerName \\$host
SSLEngine on
${PAIR}
</VirtualHost>
</Macro>
Use Site $name
END`,
      keys: ['ECDSA'],
      expected: { refused: 'say which is the webmail' },
      why: 'The body stands in the macro with its variables; a virtual host of its own can be copied.',
    },
    {
      name: 'an alias webmail.* that takes all names',
      on,
      make: `${ALONE}${site('webmail', `${WEBMAIL}\nServerAlias webmail.*\n${PAIR}`)}`,
      keys: ['ECDSA'],
      names: ['webmail.a.test'],
      expected: { refused: '/etc/apache2/sites-enabled/webmail.conf:1: the alias webmail.* comes before' },
      why: 'Apache takes the first virtual host that has the name, and ours come last.',
    },
    {
      name: 'a second address without the webmail',
      on,
      make: `${site('shop', `ServerName shop.test\nSSLEngine on\n${PAIR}`, '127.0.0.1:443')}`,
      keys: ['ECDSA'],
      expected: { refused: 'Apache answers on 127.0.0.1:443 without the webmail' },
      why: 'At that address Apache looks at the virtual hosts of that address only.',
    },
    {
      name: 'two virtual hosts with names of this server',
      on,
      make: site('shop', `ServerName webmail.provider.test\nSSLEngine on\n${PAIR}`),
      keys: ['ECDSA'],
      expected: { refused: 'say which is the webmail' },
      why: 'sealpost does not choose between two sites; the registration says which is the webmail.',
    },
    {
      name: 'one site, that of a customer with an alias webmail',
      on,
      make: `${ALONE}${site('shop', `ServerName shop.test\nServerAlias webmail.shop.test\nSSLEngine on\n${PAIR}`)}`,
      keys: ['ECDSA'],
      expected: { refused: 'say which is the webmail' },
      why: 'The names are those of a customer, so the virtual host is not taken.',
    },
    {
      name: 'the document root belongs to a customer',
      on,
      make: `id eve >/dev/null 2>&1 || useradd -m -d /srv/eve eve
        sed -i 's|DocumentRoot .*|DocumentRoot /srv/eve|' ${SITES}/webmail.conf`,
      keys: ['ECDSA'],
      expected: { refused: 'belongs to eve' },
      why: 'A customer with an alias for the name of the webmail must not get everybody’s names.',
    },
    {
      name: 'conf.d in place of sites-enabled',
      on,
      make: `mkdir /etc/apache2/conf.d
        cp ${SITES}/webmail.conf /etc/apache2/conf.d/webmail.conf
        rm -r /etc/apache2/sites-enabled
        sed -i 's|sites-enabled/|conf.d/|' /etc/apache2/apache2.conf`,
      keys: ['ECDSA'],
      expected: 'works',
      why: 'Our site goes into the last directory that Apache includes by a pattern.',
    },
    {
      name: 'the virtual host at the end of the main file',
      on,
      make: `cat ${SITES}/webmail.conf >>/etc/apache2/apache2.conf
        rm -r /etc/apache2/sites-enabled`,
      keys: ['ECDSA'],
      expected: { refused: '/etc/apache2/apache2.conf:0: no directory is included by a pattern after this file' },
      why: 'Our virtual hosts would come before yours, and take the place of the first.',
    },
    {
      name: 'a file that comes after zz-sealpost.conf',
      on,
      make: `mv /etc/apache2/sites-enabled/webmail.conf /etc/apache2/sites-enabled/zzz.conf`,
      keys: ['ECDSA'],
      expected: { refused: '/etc/apache2/sites-enabled/zzz.conf:0: this file comes after our zz-sealpost.conf' },
      why: 'Our virtual hosts must come last.',
    },
    {
      name: 'a directory of sites that others may write to',
      on,
      make: 'chmod 777 /etc/apache2/sites-enabled',
      keys: ['ECDSA'],
      expected: { refused: '/etc/apache2/sites-enabled:0: others than root may write here' },
      why: 'Somebody could put a link there, and root would write where it leads.',
    },
    {
      name: 'a listener behind a load balancer (RemoteIPProxyProtocol)',
      on,
      make: `a2enmod -q remoteip
        sed -i 's|SSLEngine on|&\\nRemoteIPProxyProtocol On|' ${SITES}/webmail.conf`,
      proxied: [443],
      keys: ['ECDSA'],
      expected: 'works',
      why: 'The proof sends a PROXY header, as the load balancer does.',
    },
  ],
};
