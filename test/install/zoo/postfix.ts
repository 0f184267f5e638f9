import type { ZooDaemon } from './row.ts';

/**
 * postscreen has port 25. With a test of this kind it speaks SMTP itself, and tlsproxy serves TLS.
 */
const postscreen = `sed -i 's|^smtp  *inet .*|smtp inet n - y - 1 postscreen\\nsmtpd pass - - y - - smtpd\\ntlsproxy unix - - y - 0 tlsproxy|' /etc/postfix/master.cf
        postconf -e postscreen_greet_wait=1s postscreen_access_list= postscreen_cache_map= postscreen_non_smtp_command_enable=yes`;
const twoKeys = `postconf -e smtpd_tls_cert_file=/root/zoo/rsa.pem smtpd_tls_key_file=/root/zoo/rsa.key \\
        smtpd_tls_eccert_file=/root/zoo/ecdsa.pem smtpd_tls_eckey_file=/root/zoo/ecdsa.key`;
/** A second instance in /etc/postfix/mx, with the services of this master.cf. */
const secondInstance = (services: string) => `mkdir -p /etc/postfix/mx /var/spool/postfix-mx /var/lib/postfix-mx
        cp /etc/postfix/main.cf /etc/postfix/dynamicmaps.cf /etc/postfix/mx
        ${services} >/etc/postfix/mx/master.cf
        postconf -c /etc/postfix/mx -e queue_directory=/var/spool/postfix-mx data_directory=/var/lib/postfix-mx \\
          multi_instance_name=postfix-mx multi_instance_enable=yes
        chown postfix /var/lib/postfix-mx
        postconf -e multi_instance_wrapper='$command_directory/postmulti -p --' multi_instance_enable=yes \\
          multi_instance_directories=/etc/postfix/mx
        touch -d '1 minute ago' /etc/postfix/mx/main.cf`;

export const postfix: ZooDaemon = {
  daemon: 'postfix',
  trees: ['/etc/postfix'],
  // Submission asks Dovecot about passwords, and smtpd ends without it. The zoo runs one daemon.
  settle: `for each in submission submissions; do
      postconf -P "$each/inet/smtpd_sasl_auth_enable=no" "$each/inet/smtpd_relay_restrictions=reject"
    done`,
  check: 'postfix check',
  start: 'touch -d "1 minute ago" /etc/postfix/main.cf; postfix start 2>/dev/null',
  stop: `for each in /etc/postfix /etc/postfix/mx; do
      ! postfix -c $each status 2>/dev/null || MAIL_CONFIG=$each /usr/sbin/postfix stop 2>/dev/null
    done`,
  rows: [
    {
      name: 'certificate and key in two files, as Debian has it',
      on: ['bookworm', 'trixie'],
      make: ':',
      keys: ['ECDSA'],
      expected: 'works',
      why: 'This is the usual configuration.',
    },
    {
      name: 'certificate and key in one file',
      on: ['bookworm'],
      make: `cat /root/zoo/rsa.key /root/zoo/rsa.pem >/etc/postfix/mail.pem
        chmod 600 /etc/postfix/mail.pem
        postconf -e smtpd_tls_cert_file=/etc/postfix/mail.pem
        postconf -X smtpd_tls_key_file`,
      keys: ['RSA'],
      expected: 'works',
      why: 'Postfix takes the key from the file of the certificate, and so does adoption.',
    },
    {
      name: 'one file with the key after the certificates, by a relative name',
      on: ['trixie'],
      make: `cat /root/zoo/rsa.pem /root/zoo/rsa.key >/var/spool/postfix/mail.pem
        chmod 600 /var/spool/postfix/mail.pem
        postconf -e smtpd_tls_cert_file=mail.pem
        postconf -X smtpd_tls_key_file`,
      keys: ['RSA'],
      expected: 'works',
      why: 'smtpd_tls_chain_files wants the key first, so adoption puts it first in its own file. A relative name begins at the queue directory.',
    },
    {
      name: 'an RSA and an ECDSA certificate',
      on: ['bookworm', 'trixie'],
      make: twoKeys,
      keys: ['RSA', 'ECDSA'],
      expected: 'works',
      why: 'smtpd_tls_chain_files takes both chains, so a client without ECDSA keeps what it had.',
    },
    {
      name: 'smtpd_tls_chain_files with four files',
      on: ['trixie'],
      make: `postconf -e 'smtpd_tls_chain_files = /root/zoo/ecdsa.key, /root/zoo/ecdsa.pem /root/zoo/rsa.key,/root/zoo/rsa.pem'
        postconf -X smtpd_tls_cert_file smtpd_tls_key_file`,
      keys: ['RSA', 'ECDSA'],
      expected: 'works',
      why: 'Each key in these files begins a chain. Both are kept.',
    },
    {
      name: 'both chains in one file, named by a variable',
      on: ['bookworm'],
      make: `cat /root/zoo/rsa.key /root/zoo/rsa.pem /root/zoo/ecdsa.key /root/zoo/ecdsa.pem >/etc/postfix/both.pem
        chmod 600 /etc/postfix/both.pem
        postconf -e 'smtpd_tls_chain_files = $config_directory/both.pem'`,
      keys: ['RSA', 'ECDSA'],
      expected: 'works',
      why: 'The file is read as smtpd reads it, and both chains are kept.',
    },
    {
      name: 'the intermediate certificate only in smtpd_tls_CAfile',
      on: ['bookworm'],
      make: `awk '/BEGIN/ { n++ } n == 1' /root/zoo/rsa.pem >/etc/postfix/leaf.pem
        awk '/BEGIN/ { n++ } n == 2' /root/zoo/rsa.pem >/etc/postfix/intermediate.pem
        postconf -e smtpd_tls_cert_file=/etc/postfix/leaf.pem smtpd_tls_key_file=/root/zoo/rsa.key smtpd_tls_CAfile=/etc/postfix/intermediate.pem`,
      keys: ['RSA'],
      expected: 'works',
      why: 'The library completes the chain from that file, for our setting as for the old ones.',
    },
    {
      name: 'own maps, on lines that go on, with comments between them and no line end at the end',
      on: ['bookworm', 'trixie'],
      make: `printf 'tls_server_sni_maps =\\n# ours\\n  hash:/etc/postfix/sni,\\n\\n # theirs\\n  hash:/etc/postfix/more\\nbiff = no' >>/etc/postfix/main.cf
        echo 'own.zoo-neighbour.test /root/zoo/ecdsa.key /root/zoo/ecdsa.pem' >/etc/postfix/sni
        : >/etc/postfix/more
        postmap -F /etc/postfix/sni /etc/postfix/more`,
      names: ['own.zoo-neighbour.test'],
      keys: ['ECDSA'],
      expected: 'works',
      why: 'Our map comes before the operator’s. The comments stay where they are, and undo gives main.cf back byte for byte.',
    },
    {
      name: 'an own map that has the name of a customer’s mail server',
      on: ['bookworm'],
      make: `echo 'mail.zoo.test /root/zoo/ecdsa.key /root/zoo/ecdsa.pem' >/etc/postfix/sni
        postmap -F /etc/postfix/sni
        postconf -e tls_server_sni_maps=hash:/etc/postfix/sni`,
      names: ['mail.zoo.test'],
      keys: ['ECDSA'],
      expected: 'works',
      why: 'Postfix asks all maps for the whole name before it asks for a name with a star. So our map has the whole name, too.',
    },
    {
      name: 'main.cf is a link',
      on: ['trixie'],
      make: `mkdir /etc/postfix/git
        mv /etc/postfix/main.cf /etc/postfix/git/main.cf
        ln -s git/main.cf /etc/postfix/main.cf`,
      keys: ['ECDSA'],
      expected: 'works',
      why: 'The file behind the link is changed, and the link stays.',
    },
    {
      name: 'main.cf and master.cf are links by a whole path',
      on: ['bookworm'],
      make: `mkdir /etc/postfix/git
        for each in main.cf master.cf; do
          mv /etc/postfix/$each /etc/postfix/git/$each
          ln -s /etc/postfix/git/$each /etc/postfix/$each
        done`,
      keys: ['ECDSA'],
      expected: 'works',
      why: 'A test of a copy does not write through the links.',
    },
    {
      name: 'postscreen and tlsproxy on port 25',
      on: ['bookworm', 'trixie'],
      make: postscreen,
      keys: ['ECDSA'],
      expected: 'works',
      why: 'tlsproxy takes smtpd’s chains and the same map.',
    },
    {
      name: 'tlsproxy with a certificate of its own',
      on: ['bookworm'],
      make: `${postscreen} \\
          tlsproxy_tls_cert_file=/root/zoo/rsa.pem tlsproxy_tls_key_file=/root/zoo/rsa.key`,
      ports: [25],
      keys: ['RSA'],
      expected: {
        refused: ': port 25 (postscreen) has a certificate of its own: take tlsproxy_tls_cert_file out',
      },
      why: 'Our setting would win over tlsproxy’s own, and port 25 would lose that certificate.',
    },
    {
      name: 'the second of two instances has the ports',
      on: ['bookworm', 'trixie'],
      make: `${secondInstance('cat /etc/postfix/master.cf')}
        postconf -e master_service_disable=inet`,
      keys: ['ECDSA'],
      expected: 'works',
      why: 'The process that listens names its directory, and that instance is adopted.',
    },
    {
      name: 'two instances share the ports',
      on: ['trixie'],
      make: `${secondInstance('grep -v "^subm" /etc/postfix/master.cf')}
        postconf -e master_service_disable=smtp.inet`,
      keys: ['ECDSA'],
      expected: { refused: 'several instances have the mail ports (/etc/postfix' },
      why: 'One set of files cannot serve two instances.',
    },
    {
      name: 'a service of master.cf with a certificate of its own',
      on: ['bookworm', 'trixie'],
      make: `postconf -P submissions/inet/smtpd_tls_cert_file=/root/zoo/rsa.pem submissions/inet/smtpd_tls_key_file=/root/zoo/rsa.key`,
      ports: [465],
      keys: ['RSA'],
      expected: {
        refused: ': the service submissions/inet has a certificate of its own: take -o smtpd_tls_cert_file out',
      },
      why: 'That service would go on with its own certificate.',
    },
    {
      name: 'a service of master.cf without our names, in braces on a line that goes on',
      on: ['bookworm'],
      make: `sed -i 's|^submissions .*|&\\n  # no names here\\n  -o { tls_server_sni_maps = }|' /etc/postfix/master.cf`,
      keys: ['ECDSA'],
      expected: {
        refused: ': the service submissions/inet has other names to certificates: take -o tls_server_sni_maps out',
      },
      why: 'That service would not know one of our names.',
    },
    {
      name: 'a certificate of its own for a service on another port',
      on: ['trixie'],
      make: `postconf -M '127.0.0.1:10025/inet=127.0.0.1:10025 inet n - y - - smtpd'
        postconf -P 127.0.0.1:10025/inet/smtpd_tls_cert_file=/root/zoo/rsa.pem 127.0.0.1:10025/inet/smtpd_tls_key_file=/root/zoo/rsa.key`,
      keys: ['ECDSA'],
      expected: 'works',
      why: 'No customer connects there, and that service keeps what it has.',
    },
    {
      name: 'smtpd_tls_security_level = none, and TLS on 465 and 587 alone',
      on: ['bookworm'],
      make: 'postconf -e smtpd_tls_security_level=none',
      ports: [465, 587],
      keys: ['ECDSA'],
      expected: 'works',
      why: 'The two services have their own level. The plan says that port 25 stays without TLS.',
    },
    {
      name: 'ECDSA shut out',
      on: ['trixie'],
      make: `postconf -e smtpd_tls_cert_file=/root/zoo/rsa.pem smtpd_tls_key_file=/root/zoo/rsa.key \\
        'smtpd_tls_exclude_ciphers = aNULL, MD5, ECDSA'`,
      keys: ['RSA'],
      expected: { refused: ': smtpd_tls_exclude_ciphers shuts ECDSA certificates out' },
      why: 'Our certificates have ECDSA keys, and a client of TLS 1.2 would be served none of them.',
    },
    {
      name: 'two RSA certificates',
      on: ['bookworm'],
      make: `postconf -e smtpd_tls_cert_file=/root/zoo/rsa.pem smtpd_tls_key_file=/root/zoo/rsa.key \\
        smtpd_tls_eccert_file=/root/zoo/rsa.pem smtpd_tls_eckey_file=/root/zoo/rsa.key`,
      keys: ['RSA'],
      expected: { refused: ': two of its certificates have keys of one type' },
      why: 'smtpd_tls_chain_files takes one chain for each type of key.',
    },
    {
      name: 'a setting that comes twice',
      on: ['bookworm'],
      make: `printf '%s\\n' 'smtpd_tls_chain_files = /root/zoo/rsa.key /root/zoo/rsa.pem' 'smtpd_tls_chain_files = /root/zoo/ecdsa.key /root/zoo/ecdsa.pem' >>/etc/postfix/main.cf`,
      keys: ['ECDSA'],
      expected: 'works',
      why: 'The last line is in force, and that one is replaced.',
    },
  ],
};
