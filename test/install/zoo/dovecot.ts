import type { ZooDaemon } from './row.ts';

/** The words of the installed version: $cert, $key, $altcert, $altkey, and $from before a path. */
const words = `case $(dovecot --version) in
        2.3.*) cert=ssl_cert key=ssl_key altcert=ssl_alt_cert altkey=ssl_alt_key from='<' ;;
        *) cert=ssl_server_cert_file key=ssl_server_key_file altcert=ssl_server_alt_cert_file altkey=ssl_server_alt_key_file from= ;;
        esac`;
/** Two lines that name the RSA certificate and its key. */
const rsa = 'printf "%s = %s/root/zoo/rsa.pem\\n%s = %s/root/zoo/rsa.key\\n" $cert "$from" $key "$from"';
const main = '/etc/dovecot/dovecot.conf';
const ssl = '/etc/dovecot/conf.d/10-ssl.conf';
/** Where one row has its configuration. */
const site = '/etc/dovecot/site/main.conf';

export const dovecot: ZooDaemon = {
  daemon: 'dovecot',
  trees: ['/etc/dovecot'],
  check: `if [ -e ${site} ]; then doveconf -c ${site} -n >/dev/null; else doveconf -n >/dev/null; fi`,
  start: `if [ -e ${site} ]; then dovecot -c ${site}; else dovecot; fi`,
  stop: '[ ! -e /run/dovecot/master.pid ] || doveadm stop',
  rows: [
    {
      name: 'conf.d and local.conf, as Debian has it',
      on: ['bookworm', 'trixie'],
      make: ':',
      keys: ['ECDSA'],
      expected: 'works',
      why: 'This is the usual configuration. Our lines are in a file of their own in conf.d.',
    },
    {
      name: 'one file without conf.d (doveconf -n)',
      on: ['bookworm', 'trixie'],
      make: `doveconf -nP >/root/zoo/dovecot.conf
        rm -r /etc/dovecot/conf.d /etc/dovecot/local.conf
        printf %s "$(cat /root/zoo/dovecot.conf)" >${main}
        chmod 600 ${main}`,
      keys: ['ECDSA'],
      expected: 'works',
      why: 'One line at the end of the main file includes our own file. Undo takes the line out, and the file has no line end again.',
    },
    {
      name: 'local.conf sets the certificate again',
      on: ['bookworm', 'trixie'],
      make: `${words}; { ${rsa}; echo shutdown_clients = yes; } >>/etc/dovecot/local.conf`,
      keys: ['RSA'],
      expected: 'works',
      why: 'local.conf is read after conf.d, so our line comes at the end of the main file.',
    },
    {
      name: 'a file of conf.d after ours',
      on: ['bookworm', 'trixie'],
      make: `${words}; ${rsa} >/etc/dovecot/conf.d/zz-certificate.conf`,
      keys: ['RSA'],
      expected: 'works',
      why: 'The last setting wins, so our line comes at the end of the main file.',
    },
    {
      name: 'the certificate in an included directory',
      on: ['bookworm', 'trixie'],
      make: `${words}; mkdir /etc/dovecot/tls
        ${rsa} >/etc/dovecot/tls/a.conf
        echo '!include_try /etc/dovecot/tls/*.conf' >>${main}`,
      keys: ['RSA'],
      expected: 'works',
      why: 'Included files are read in Dovecot’s order. Our line comes after them.',
    },
    {
      name: 'an RSA certificate, and an ECDSA certificate as the alternative',
      on: ['bookworm', 'trixie'],
      make: `${words}; { ${rsa}; printf '%s = %s/root/zoo/ecdsa.pem\\n%s = %s/root/zoo/ecdsa.key\\n' $altcert "$from" $altkey "$from"; } >>${ssl}`,
      keys: ['RSA', 'ECDSA'],
      expected: 'works',
      why: 'Both are kept. The blocks of customers’ names have no alternative, because that one is for the host’s name.',
    },
    {
      name: 'names relative to the main file',
      on: ['bookworm', 'trixie'],
      make: `${words}; cp /root/zoo/rsa.pem /root/zoo/rsa.key /etc/dovecot
        printf '%s = %srsa.pem\\n%s = %srsa.key\\n' $cert "$from" $key "$from" >>/etc/dovecot/local.conf`,
      keys: ['RSA'],
      expected: 'works',
      why: 'A relative name begins at the directory of the main file.',
    },
    {
      name: 'the configuration in another directory',
      on: ['bookworm', 'trixie'],
      make: `mkdir /etc/dovecot/site
        cp -a /etc/dovecot/conf.d /etc/dovecot/local.conf /etc/dovecot/site
        cp -a ${main} ${site}
        rm -r /etc/dovecot/conf.d ${main}`,
      keys: ['ECDSA'],
      expected: 'works',
      why: 'The process that listens names its main file (dovecot -c).',
    },
    {
      name: 'the main file is a link',
      on: ['trixie'],
      make: `mkdir /etc/dovecot/git
        mv ${main} /etc/dovecot/git/dovecot.conf
        ln -s git/dovecot.conf ${main}
        echo '!include_try /etc/dovecot/nothing.conf' >>${main}
        ${words}; ${rsa} >>/etc/dovecot/local.conf`,
      keys: ['RSA'],
      expected: 'works',
      why: 'The file behind the link gets our line, and the link stays.',
    },
    {
      name: 'conf.d is a link by a whole path',
      on: ['bookworm', 'trixie'],
      make: `mv /etc/dovecot/conf.d /etc/dovecot/parts
        ln -s /etc/dovecot/parts /etc/dovecot/conf.d`,
      keys: ['ECDSA'],
      expected: 'works',
      why: 'A test of a copy does not write through the link, and our file is in the folder behind it.',
    },
    {
      name: 'an own name (local_name)',
      on: ['bookworm', 'trixie'],
      make: `${words}; { echo 'local_name own.zoo-neighbour.test {'; ${rsa}; echo '}'; } >>${ssl}`,
      names: ['own.zoo-neighbour.test'],
      keys: ['ECDSA'],
      expected: 'works',
      why: 'That name is served as before, beside ours.',
    },
    {
      name: 'more memory and processes than ours',
      on: ['trixie'],
      make: `printf '%s\\n' 'default_vsz_limit = 4G' 'service imap-login {' 'process_min_avail = 3' 'restart_request_count = 100' '}' >>/etc/dovecot/local.conf`,
      keys: ['ECDSA'],
      expected: 'works',
      why: 'What the operator has set higher stays.',
    },
    {
      name: 'a certificate for one address (local)',
      on: ['bookworm', 'trixie'],
      make: `${words}; { echo "local $(hostname -I | cut -d' ' -f1) {"; ${rsa}; echo '}'; } >>${ssl}`,
      ports: [993],
      keys: ['RSA'],
      expected: { refused: 'has a certificate of its own: take ssl_' },
      why: 'On 2.3 such a block is in conflict with each block of ours, and no name is served at that address. On 2.4 a client there without a name would not be served the host’s certificate.',
    },
    {
      name: 'a certificate for one protocol',
      on: ['bookworm', 'trixie'],
      make: `${words}; { echo 'protocol imap {'; ${rsa}; echo '}'; } >>/etc/dovecot/local.conf`,
      ports: [993],
      keys: ['RSA'],
      expected: { refused: '/etc/dovecot/local.conf:' },
      why: 'That protocol would go on with its own certificate.',
    },
    {
      name: 'an encrypted key',
      on: ['bookworm'],
      make: `openssl pkey -in /root/zoo/rsa.key -aes256 -passout pass:secret -out /etc/dovecot/secret.key
        sed -i 's|^ssl_cert = .*|ssl_cert = </root/zoo/rsa.pem|; s|^ssl_key = .*|ssl_key = </etc/dovecot/secret.key\\nssl_key_password = secret|' ${ssl}`,
      keys: ['RSA'],
      expected: { refused: 'the private key is encrypted or cannot be read' },
      why: 'Our copy of the chain would need the password, too.',
    },
    {
      name: 'ECDSA shut out',
      on: ['bookworm', 'trixie'],
      make: `${words}; { ${rsa}; echo 'ssl_cipher_list = ALL:!aECDSA:!aNULL'; } >>/etc/dovecot/local.conf`,
      keys: ['RSA'],
      expected: { refused: ': ssl_cipher_list shuts ECDSA certificates out' },
      why: 'Our certificates have ECDSA keys, and a client of TLS 1.2 would be served none of them.',
    },
    {
      name: 'ssl = no',
      on: ['bookworm', 'trixie'],
      make: `sed -i 's/^ssl = .*/ssl = no/' ${ssl}; grep -q '^ssl = no' ${ssl} || echo 'ssl = no' >>${ssl}`,
      keys: [],
      expected: { refused: ': ssl = no switches TLS off: set ssl = yes' },
      why: 'No port offers TLS, so there is nothing to adopt.',
    },
  ],
};
