import type { ZooDaemon } from './row.ts';

export const nginx: ZooDaemon = {
  daemon: 'nginx',
  trees: ['/etc/nginx'],
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
      on: ['bookworm'],
      make: `sed -i 's|^ *ssl_certificate .*|ssl_certificate /root/zoo/rsa.pem; ssl_certificate /root/zoo/ecdsa.pem;|
        s|^ *ssl_certificate_key .*|ssl_certificate_key /root/zoo/rsa.key; ssl_certificate_key /root/zoo/ecdsa.key;|' \\
        /etc/nginx/sites-available/webmail`,
      keys: ['RSA', 'ECDSA'],
      expected: 'works',
      why: 'Each pair gets a file of its own, so a client without ECDSA keeps what it had.',
      fails: 'K1: the last pair alone is taken, and the worker cannot read the other key',
    },
  ],
};
