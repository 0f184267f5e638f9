import type { ZooDaemon } from './row.ts';

export const postfix: ZooDaemon = {
  daemon: 'postfix',
  trees: ['/etc/postfix'],
  // Submission asks Dovecot about passwords, and smtpd ends without it. The zoo runs one daemon.
  settle: `for each in submission submissions; do
      postconf -P "$each/inet/smtpd_sasl_auth_enable=no" "$each/inet/smtpd_relay_restrictions=reject"
    done`,
  check: 'postfix check',
  start: 'touch -d "1 minute ago" /etc/postfix/main.cf; postfix start 2>/dev/null',
  stop: '! postfix status 2>/dev/null || postfix stop 2>/dev/null',
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
      fails: 'K1: the chain names the file twice, and Postfix then serves without TLS',
    },
    {
      name: 'an RSA and an ECDSA certificate',
      on: ['trixie'],
      make: `postconf -e smtpd_tls_cert_file=/root/zoo/rsa.pem smtpd_tls_key_file=/root/zoo/rsa.key \\
        smtpd_tls_eccert_file=/root/zoo/ecdsa.pem smtpd_tls_eckey_file=/root/zoo/ecdsa.key`,
      keys: ['RSA', 'ECDSA'],
      expected: 'works',
      why: 'smtpd_tls_chain_files takes both chains, so a client without ECDSA keeps what it had.',
      fails: 'K1: only the RSA chain is taken',
    },
  ],
};
