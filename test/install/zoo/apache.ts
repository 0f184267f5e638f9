import type { ZooDaemon } from './row.ts';

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
      on: ['trixie'],
      make: ':',
      keys: ['ECDSA'],
      expected: 'works',
      why: 'This is the usual configuration.',
    },
    {
      name: 'a virtual host by address',
      on: ['trixie'],
      make: `sed -i "s|<VirtualHost .*|<VirtualHost $(hostname -I | cut -d' ' -f1):443>|" /etc/apache2/sites-available/webmail.conf`,
      keys: ['ECDSA'],
      expected: 'works',
      why: 'Each of our virtual hosts has the address of the webmail of the provider.',
    },
  ],
};
