import type { ZooDaemon } from './row.ts';

export const dovecot: ZooDaemon = {
  daemon: 'dovecot',
  trees: ['/etc/dovecot'],
  check: 'doveconf -n >/dev/null',
  start: 'dovecot',
  stop: '[ ! -e /run/dovecot/master.pid ] || doveadm stop',
  rows: [
    {
      name: 'conf.d and local.conf, as Debian has it',
      on: ['bookworm', 'trixie'],
      make: ':',
      keys: ['ECDSA'],
      expected: 'works',
      why: 'This is the usual configuration.',
    },
    {
      name: 'one file without conf.d (doveconf -n)',
      on: ['bookworm'],
      make: `doveconf -nP >/root/zoo/dovecot.conf
        rm -r /etc/dovecot/conf.d
        mv /root/zoo/dovecot.conf /etc/dovecot/dovecot.conf
        chmod 600 /etc/dovecot/dovecot.conf`,
      keys: ['ECDSA'],
      expected: 'works',
      why: 'Our lines go to the end of the file that Dovecot reads.',
      fails: 'K1: the lines are written into conf.d, which nobody reads',
    },
  ],
};
