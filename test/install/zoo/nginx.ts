import type { ZooDaemon } from './row.ts';

const SITE = '/etc/nginx/sites-available/webmail';
const PAIR = 'ssl_certificate /root/zoo/ecdsa.pem; ssl_certificate_key /root/zoo/ecdsa.key;';
/** The server block of the webmail, with these directives, and other blocks. */
const site = (directives: string, others = '') =>
  `cat >${SITE} <<END\nserver {\n${directives}\n    root /var/www/webmail;\n}\n${others}\nEND`;
/** Another site of this server. */
const shop = (listen: string) => `server { listen ${listen}; server_name shop.test; ${PAIR} root /srv; }`;
const SAY_WHICH = 'say which';

export const nginx: ZooDaemon = {
  daemon: 'nginx',
  trees: ['/etc/nginx', '/etc/group', '/etc/gshadow'],
  check: 'nginx -t 2>/dev/null',
  start: 'nginx',
  stop: '[ ! -e /run/nginx.pid ] || { nginx -s stop 2>/dev/null; while [ -e /run/nginx.pid ]; do sleep 0.1; done; }',
  rows: [
    {
      name: 'one server block, the default on 443',
      on: ['bookworm', 'trixie'],
      make: ':',
      keys: ['ECDSA'],
      expected: 'works',
      why: 'This is the usual configuration.',
    },
    {
      name: 'an RSA and an ECDSA certificate in one block',
      on: ['bookworm', 'trixie'],
      make: `sed -i 's|^ *ssl_certificate .*|ssl_certificate /root/zoo/rsa.pem; ssl_certificate /root/zoo/ecdsa.pem;|
        s|^ *ssl_certificate_key .*|ssl_certificate_key /root/zoo/rsa.key; ssl_certificate_key /root/zoo/ecdsa.key;|' \\
        ${SITE}`,
      keys: ['RSA', 'ECDSA'],
      expected: 'works',
      why: 'Each pair gets a file of its own, so a client without ECDSA keeps what it had.',
    },
    {
      name: 'an RSA certificate alone',
      on: ['bookworm'],
      make: site(
        '    listen 443 ssl default_server; server_name $name;\n    ssl_certificate /root/zoo/rsa.pem; ssl_certificate_key /root/zoo/rsa.key;',
      ),
      keys: ['RSA'],
      expected: 'works',
      why: 'The default stays that of the operator.',
    },
    {
      name: 'a default server that rejects handshakes, beside webmail.*',
      on: ['bookworm', 'trixie'],
      make: site(
        `    listen 443 ssl; server_name webmail.*; ${PAIR}`,
        'server { listen 443 ssl default_server; ssl_reject_handshake on; }',
      ),
      keys: [],
      names: ['webmail.a.test'],
      expected: 'works',
      why: 'Each name of a customer comes to the block with webmail.*, and other names are rejected as before.',
    },
    {
      name: 'a default server that rejects handshakes, beside one webmail name',
      on: ['bookworm'],
      make: site(
        `    listen 443 ssl; server_name $name; ${PAIR}`,
        'server { listen 443 ssl default_server; ssl_reject_handshake on; }',
      ),
      keys: [],
      names: [],
      expected: { refused: 'this block answers on *:443 for each name that no block has' },
      why: 'A customer’s name would be rejected; webmail.* in server_name mends that.',
    },
    {
      name: 'the default server is another site',
      on: ['bookworm'],
      make: site(
        `    listen 443 ssl; server_name webmail.provider.test; ${PAIR}`,
        'server { listen 443 ssl default_server; server_name shop.test; ssl_certificate /root/zoo/rsa.pem; ssl_certificate_key /root/zoo/rsa.key; }',
      ),
      keys: ['RSA'],
      names: ['shop.test', 'webmail.provider.test'],
      expected: { refused: `${SITE}:` },
      why: 'A customer’s name comes to the other site, so a certificate in the block of the webmail is never served.',
    },
    {
      name: 'two sites in one file that share a certificate',
      on: ['bookworm', 'trixie'],
      make: site(`    listen 443 ssl default_server; server_name $name; ${PAIR}`, shop('443 ssl')),
      keys: ['ECDSA'],
      names: ['shop.test'],
      expected: 'works',
      why: 'Only the lines of the block of the webmail change.',
    },
    {
      name: 'webmail.* and several names, another site is the default',
      on: ['bookworm'],
      make: site(
        `    listen 443 ssl; server_name $name webmail.provider.test webmail.*; ssl_certificate /root/zoo/rsa.pem; ssl_certificate_key /root/zoo/rsa.key;`,
        shop('443 ssl default_server'),
      ),
      keys: ['ECDSA'],
      names: ['shop.test', 'webmail.a.test'],
      expected: 'works',
      why: 'Each name of a customer comes to webmail.*, and the other site keeps its certificate.',
    },
    {
      name: 'a name by a regular expression, another site is the default',
      on: ['bookworm'],
      make: site(
        `    listen 443 ssl; server_name "~^webmail\\\\.(?<of>.+)\\$"; ${PAIR}`,
        shop('443 ssl default_server'),
      ),
      keys: ['ECDSA'],
      names: ['shop.test', 'webmail.a.test'],
      expected: 'works',
      why: 'An expression that begins with webmail and a dot is that of each webmail name.',
    },
    {
      name: 'a relative path and a path with a space',
      on: ['bookworm'],
      make: `mkdir '/etc/nginx/tls files'
        cp /root/zoo/ecdsa.pem '/etc/nginx/tls files/web.pem'
        cp /root/zoo/ecdsa.key '/etc/nginx/tls files/web.key'
        ${site(`    listen 443 ssl default_server; server_name $name;\n    ssl_certificate "tls files/web.pem";\n    ssl_certificate_key 'tls files/web.key';`)}`,
      keys: ['ECDSA'],
      expected: 'works',
      why: 'Paths are read as nginx reads them: relative to the folder of nginx.conf, in quotes of both kinds.',
    },
    {
      name: 'HTTP/2 and IPv6',
      on: ['bookworm', 'trixie'],
      make: site(
        `    listen 443 ssl http2 default_server;\n    listen [::]:443 ssl http2 default_server;\n    server_name $name;\n    ${PAIR}`,
      ),
      families: [4, 6],
      keys: ['ECDSA'],
      expected: 'works',
      why: 'Both listeners have the same server block.',
    },
    {
      name: 'a second block on 8443',
      on: ['bookworm'],
      make: site(
        `    listen 443 ssl; server_name $name; ${PAIR}`,
        `server { listen 8443 ssl; server_name $name; ssl_certificate /root/zoo/rsa.pem; ssl_certificate_key /root/zoo/rsa.key; }`,
      ),
      keys: ['ECDSA'],
      expected: 'works',
      why: '8443 is not 443; its block is not touched.',
    },
    {
      name: 'conf.d is not included',
      on: ['bookworm'],
      make: `sed -i '/conf.d/d' /etc/nginx/nginx.conf`,
      keys: ['ECDSA'],
      expected: 'works',
      why: 'Our include stands in the http block itself.',
    },
    {
      name: 'comments of certbot, aligned values, CRLF',
      on: ['bookworm', 'trixie'],
      make: `cat >${SITE} <<END
server {
    listen          443 ssl default_server; # managed by Certbot
    server_name     $name;
    ssl_certificate     /root/zoo/ecdsa.pem; # managed by Certbot
    ssl_certificate_key /root/zoo/ecdsa.key; # managed by Certbot
    # ssl_certificate   /old.pem;
    root            /var/www/webmail;
}
END
        sed -i 's/$/\\r/' ${SITE}`,
      keys: ['ECDSA'],
      expected: 'works',
      why: 'Only the value of a directive is exchanged, and undo puts back the file as it was.',
    },
    {
      name: 'a whole block on one line',
      on: ['bookworm'],
      make: `echo "server { listen 443 ssl; server_name $name; ${PAIR} }" >${SITE}`,
      keys: ['ECDSA'],
      expected: 'works',
      why: 'Directives are known by line and column.',
    },
    {
      name: 'a certificate that a variable chooses',
      on: ['bookworm'],
      make: `echo 'map $ssl_server_name $pem { default /root/zoo/ecdsa; }' >/etc/nginx/conf.d/map.conf
        chmod 644 /root/zoo/ecdsa.key
        ${site(`    listen 443 ssl; server_name $name; ssl_certificate \\$pem.pem; ssl_certificate_key \\$pem.key;`)}`,
      keys: ['ECDSA'],
      expected: { refused: 'is chosen by a variable or an engine already' },
      why: 'Somebody chooses certificates by name there already; two maps cannot both decide.',
    },
    {
      name: 'the certificate in the http block',
      on: ['bookworm', 'trixie'],
      make: `echo '${PAIR}' >/etc/nginx/conf.d/tls.conf
        ${site('    listen 443 ssl default_server; server_name $name;', 'server { listen 443 ssl; server_name shop.test; root /srv; }')}`,
      keys: ['ECDSA'],
      names: ['shop.test'],
      expected: 'works',
      why: 'The block of the webmail gets lines of its own, and the other sites keep what they inherit.',
    },
    {
      name: 'the certificate in a file that one block includes',
      on: ['bookworm'],
      make: `echo '${PAIR}' >/etc/nginx/snippets/tls.conf
        ${site('    listen 443 ssl default_server; server_name $name; include snippets/tls.conf;')}`,
      keys: ['ECDSA'],
      expected: 'works',
      why: 'The file is that of the webmail alone.',
    },
    {
      name: 'the certificate in a file that two blocks include',
      on: ['bookworm'],
      make: `echo '${PAIR}' >/etc/nginx/snippets/tls.conf
        ${site('    listen 443 ssl default_server; server_name $name; include snippets/tls.conf;', 'server { listen 443 ssl; server_name shop.test; include snippets/tls.conf; }')}`,
      keys: ['ECDSA'],
      names: ['shop.test'],
      expected: { refused: '/etc/nginx/snippets/tls.conf:1: several server blocks include this certificate' },
      why: 'A change of the file would change the other site, too.',
    },
    {
      name: 'a listener behind a load balancer (proxy_protocol)',
      on: ['bookworm'],
      make: site(`    listen 443 ssl proxy_protocol default_server; server_name $name; ${PAIR}`),
      proxied: [443],
      keys: ['ECDSA'],
      expected: 'works',
      why: 'The proof sends a PROXY header, as the load balancer does.',
    },
    {
      name: 'two blocks with names of this server',
      on: ['bookworm'],
      make: site(
        `    listen 443 ssl; server_name webmail.provider.test; ${PAIR}`,
        `server { listen 443 ssl default_server; server_name $name; ${PAIR} }`,
      ),
      keys: ['ECDSA'],
      expected: { refused: SAY_WHICH },
      why: 'sealpost does not choose between two sites; the registration says which is the webmail.',
    },
    {
      name: 'one site, that of a customer with an alias webmail',
      on: ['bookworm'],
      make: site(`    listen 443 ssl; server_name shop.test webmail.shop.test; ${PAIR}`),
      keys: ['ECDSA'],
      expected: { refused: SAY_WHICH },
      why: 'The names are those of a customer, so the block is not taken.',
    },
    {
      name: 'the web root belongs to a customer',
      on: ['bookworm'],
      make: `useradd -m -d /srv/eve eve
        sed -i 's|root .*|root /srv/eve;|' ${SITE}`,
      keys: ['ECDSA'],
      expected: { refused: 'belongs to eve' },
      why: 'A customer with an alias for the name of the webmail must not get everybody’s names.',
    },
    {
      name: 'the site’s file may be written by others',
      on: ['bookworm'],
      make: `mkdir -m 777 /etc/nginx/open
        mv ${SITE} /etc/nginx/open/webmail
        ln -sf ../open/webmail /etc/nginx/sites-enabled/webmail`,
      keys: ['ECDSA'],
      expected: { refused: '/etc/nginx/open:0: others than root may write here' },
      why: 'Somebody could put a link there, and root would write where it leads.',
    },
    {
      name: 'the worker has no user of its own (nobody)',
      on: ['bookworm', 'trixie'],
      make: "sed -i '/^user/d' /etc/nginx/nginx.conf",
      keys: ['ECDSA'],
      expected: 'works',
      why: 'A user line comes in front, with the user that nginx was built with.',
    },
    {
      name: 'the worker has a group that its user has not',
      on: ['bookworm'],
      make: `groupadd sites
        sed -i 's/^user .*/user www-data sites;/' /etc/nginx/nginx.conf`,
      keys: ['ECDSA'],
      expected: { refused: '/etc/nginx/nginx.conf:1: the worker has the group sites' },
      why: 'Our group would take its place, and files of that group could not be read any more.',
    },
    {
      name: 'pages with SSI',
      on: ['bookworm'],
      make: `${site(`    listen 443 ssl default_server; server_name $name; ${PAIR}`, `server { listen 80; server_name shop.test; ssi on; root /srv; }`)}`,
      keys: ['ECDSA'],
      expected: { refused: 'a page with SSI can print any variable of nginx' },
      why: 'The owner of such a page could learn where keys are.',
    },
    {
      name: 'a key with a password',
      on: ['bookworm'],
      make: `echo secret >/etc/nginx/password
        openssl ec -in /root/zoo/ecdsa.key -aes256 -passout pass:secret -out /etc/nginx/web.key 2>/dev/null
        ${site('    listen 443 ssl; server_name $name; ssl_certificate /root/zoo/ecdsa.pem; ssl_certificate_key /etc/nginx/web.key; ssl_password_file /etc/nginx/password;')}`,
      keys: ['ECDSA'],
      expected: { refused: 'its key has a password' },
      why: 'The worker would have to know the password at each handshake.',
    },
    {
      name: 'the webmail on one address, another site on another',
      on: ['bookworm'],
      make: site(
        `    listen $(hostname -I | cut -d' ' -f1):443 ssl; server_name $name; ${PAIR}`,
        shop('127.0.0.1:443 ssl'),
      ),
      keys: ['ECDSA'],
      expected: { refused: 'nginx answers on 127.0.0.1:443 without the webmail' },
      why: 'A customer who comes to the other address gets the other site.',
    },
    {
      name: 'a comment like a line of nginx -T, and stapling',
      on: ['bookworm'],
      make: site(
        `    # configuration file /etc/nginx/other.conf:\n    listen 443 ssl; server_name $name; ssl_stapling on;\n    ${PAIR}`,
      ),
      keys: ['ECDSA'],
      expected: 'works',
      why: 'The files are read themselves, not what nginx -T prints of them.',
    },
  ],
};
