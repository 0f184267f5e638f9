import type { ZooDaemon } from './row.ts';

const services = 'imapd imapd-ssl pop3d pop3d-ssl esmtpd esmtpd-ssl esmtpd-msa';

export const courier: ZooDaemon = {
  daemon: 'courier',
  trees: ['/etc/courier'],
  oneCertificate: true,
  // The clients of the zoo connect more often than Courier allows to one address.
  settle: `cd /etc/courier
    sed -i 's/^MAXPERIP=.*/MAXPERIP=200/; s/^MAXPERC=.*/MAXPERC=200/; s/^MAXDAEMONS=.*/MAXDAEMONS=200/' imapd pop3d esmtpd
    sed -i 's/^MAXPERIP=.*/MAXPERIP=200/; s/^MAXPERC=.*/MAXPERC=200/; s/^MAXDAEMONS=.*/MAXDAEMONS=200/' imapd-ssl pop3d-ssl esmtpd-ssl esmtpd-msa`,
  check: 'test -s /etc/courier/imapd.pem',
  start: `for each in ${services}; do [ -e "/root/zoo/without-$each" ] || "$each" start; done`,
  stop: `rm -f /root/zoo/without-*
    for each in ${services}; do "$each" stop || :; done`,
  rows: [
    {
      name: 'one file a daemon, with the key in it, as Debian has it',
      on: ['bookworm'],
      make: ':',
      keys: ['ECDSA'],
      expected: 'works',
      why: 'The file is replaced when the host has a certificate of its own, and given back by undo.',
    },
    {
      name: 'the key after the certificate',
      on: ['bookworm'],
      make: 'for each in imapd pop3d esmtpd; do cat /root/zoo/ecdsa.pem /root/zoo/ecdsa.key >/etc/courier/$each.pem; done',
      keys: ['ECDSA'],
      expected: 'works',
      why: 'Courier takes both orders, and undo gives the file back as it is.',
    },
    {
      name: 'the file is a link',
      on: ['bookworm'],
      make: `mkdir /etc/courier/tls
        mv /etc/courier/imapd.pem /etc/courier/tls
        ln -s tls/imapd.pem /etc/courier/imapd.pem`,
      keys: ['ECDSA'],
      expected: 'works',
      why: 'The link is replaced and given back. The file behind it is not touched.',
    },
    {
      name: 'a certificate for a name of the operator’s',
      on: ['bookworm'],
      make: `cat /root/zoo/ecdsa.key /root/zoo/ecdsa.pem >/etc/courier/imapd.pem.own.zoo-neighbour.test
        chown courier /etc/courier/imapd.pem.own.zoo-neighbour.test`,
      ports: [143, 993],
      names: ['own.zoo-neighbour.test'],
      keys: ['ECDSA'],
      expected: 'works',
      why: 'That name is served as before.',
    },
    {
      name: 'the key in a file of its own',
      on: ['bookworm'],
      make: `cp /root/zoo/ecdsa.key /root/zoo/ecdsa.pem /etc/courier
        chgrp courier /etc/courier/ecdsa.*
        chmod 640 /etc/courier/ecdsa.*
        sed -i 's|^TLS_CERTFILE=.*|TLS_CERTFILE=/etc/courier/ecdsa.pem\\nTLS_PRIVATE_KEYFILE=/etc/courier/ecdsa.key|' /etc/courier/imapd-ssl`,
      keys: ['ECDSA'],
      expected: { refused: '/etc/courier/imapd-ssl:215: the key of imapd-ssl is in a file of its own' },
      why: 'Two files cannot be switched at once, and a connection between the two switches fails.',
    },
    {
      name: 'a certificate outside of /etc/courier',
      on: ['bookworm'],
      make: `cat /root/zoo/ecdsa.key /root/zoo/ecdsa.pem >/etc/ssl/mail.pem
        sed -i 's|^TLS_CERTFILE=.*|TLS_CERTFILE=/etc/ssl/mail.pem|' /etc/courier/pop3d-ssl`,
      keys: ['ECDSA'],
      expected: { refused: '/etc/courier/pop3d-ssl:208: /etc/ssl/mail.pem may be another program' },
      why: 'We replace the file, and another program may use it.',
    },
    {
      name: 'a file that Courier prefers for the name of the host',
      on: ['bookworm'],
      make: 'cp -p /etc/courier/imapd.pem "/etc/courier/imapd.pem.$name"',
      keys: ['ECDSA'],
      expected: { refused: ': imapd-ssl would serve this file before the host’s own'.replace('’', "'") },
      why: 'A client that sends the name of the host would go on with that file.',
    },
    {
      name: 'a service that does not run and has no certificate',
      on: ['bookworm'],
      make: `for each in pop3d pop3d-ssl; do : >/root/zoo/without-$each; done
        rm /etc/courier/pop3d.pem`,
      ports: [143, 993, 25, 465, 587],
      keys: ['ECDSA'],
      expected: 'works',
      why: 'What does not listen serves nothing.',
    },
  ],
};
