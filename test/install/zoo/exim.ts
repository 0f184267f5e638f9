import type { ZooDaemon } from './row.ts';

export const exim: ZooDaemon = {
  daemon: 'exim',
  trees: ['/etc/exim4', '/var/lib/exim4'],
  // The clients of the zoo connect more often than 20 connections at a time allow on a busy
  // machine.
  settle: "echo 'smtp_accept_max = 200' >>/etc/exim4/exim4.conf.localmacros; update-exim4.conf",
  check: 'update-exim4.conf && exim4 -bV >/dev/null',
  start: 'exim4 -bd -q30m -oP /run/exim4/exim.pid',
  stop: '[ ! -e /run/exim4/exim.pid ] || { kill "$(cat /run/exim4/exim.pid)"; rm -f /run/exim4/exim.pid; sleep 0.2; }',
  rows: [
    {
      name: 'one configuration file, as Debian makes it',
      on: ['trixie'],
      make: ':',
      keys: ['ECDSA'],
      expected: 'works',
      why: 'This is the usual configuration.',
    },
    {
      name: 'split configuration, the certificate in a file of macros',
      on: ['trixie'],
      make: `sed -i "s/^dc_use_split_config=.*/dc_use_split_config='true'/" /etc/exim4/update-exim4.conf.conf
        cp /etc/exim4/exim4.conf.localmacros /etc/exim4/conf.d/main/000_localmacros
        echo 'MAIN_TLS_CERTKEY = /etc/exim4/both.pem' >/etc/exim4/conf.d/main/010_ours
        cat /root/zoo/rsa.key /root/zoo/rsa.pem >/etc/exim4/both.pem
        chgrp Debian-exim /etc/exim4/both.pem
        chmod 640 /etc/exim4/both.pem`,
      keys: ['RSA'],
      expected: 'works',
      why: 'The macro is redefined after the file that defines it.',
      fails: 'K1: a second definition of the macro is written, which Exim refuses',
    },
  ],
};
