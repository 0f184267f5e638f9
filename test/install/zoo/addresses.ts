/**
 * Rows about where a daemon listens: its addresses, PROXY headers, and who is answered at all. The
 * other rows of a daemon are in its own file.
 */
import type { Row, ZooDaemon } from './row.ts';

const HAPROXY = `haproxy_trusted_networks = 0.0.0.0/0 ::/0`;

const rows: Record<string, Row[]> = {
  postfix: [
    {
      name: 'IPv6 alone',
      on: ['bookworm'],
      make: "postconf -e 'inet_protocols = ipv6'",
      families: [6],
      keys: ['ECDSA'],
      expected: 'works',
      why: 'The proof asks at each address of a listener, so a server without IPv4 is proven.',
    },
    {
      name: 'IPv4 and IPv6',
      on: ['trixie'],
      make: "postconf -e 'inet_protocols = all'",
      families: [4, 6],
      keys: ['ECDSA'],
      expected: 'works',
      why: 'Both families are proven, because a customer may come by either.',
    },
    {
      name: 'one address, without loopback',
      on: ['trixie'],
      make: `postconf -e "inet_interfaces = $(hostname -I | cut -d' ' -f1)"`,
      keys: ['ECDSA'],
      expected: 'works',
      why: 'The proof asks where the listener is.',
    },
    {
      name: 'submissions behind a load balancer (haproxy)',
      on: ['bookworm'],
      make: 'postconf -P submissions/inet/smtpd_upstream_proxy_protocol=haproxy',
      proxied: [465],
      keys: ['ECDSA'],
      expected: 'works',
      why: 'The proof sends a PROXY header to this port, and none to the others.',
    },
  ],
  dovecot: [
    {
      name: 'imaps and pop3s behind a load balancer (haproxy = yes)',
      on: ['bookworm', 'trixie'],
      make: `cat >>/etc/dovecot/local.conf <<END
${HAPROXY}
service imap-login {
  inet_listener imaps {
    haproxy = yes
  }
}
service pop3-login {
  inet_listener pop3s {
    haproxy = yes
  }
}
END`,
      proxied: [993, 995],
      keys: ['ECDSA'],
      expected: 'works',
      why: 'The proof sends a PROXY header to these ports, and none to 143 and 110.',
    },
    {
      name: 'listen on IPv6 alone',
      on: ['bookworm'],
      make: "echo 'listen = ::' >>/etc/dovecot/local.conf",
      families: [6],
      keys: ['ECDSA'],
      expected: 'works',
      why: 'The proof asks at each address of a listener.',
    },
    {
      name: 'imaps alone, without the other ports',
      on: ['bookworm'],
      make: `cat >>/etc/dovecot/local.conf <<'END'
service imap-login {
  inet_listener imap {
    port = 0
  }
}
protocols = imap
END`,
      ports: [993],
      keys: ['ECDSA'],
      expected: 'works',
      why: 'A port without a listener is not missed.',
    },
  ],
  exim: [
    {
      name: 'IPv4 and IPv6',
      on: ['trixie'],
      make: `sed -i 's/^disable_ipv6.*//' /etc/exim4/exim4.conf.localmacros
        sed -i "s/^dc_local_interfaces=.*/dc_local_interfaces='<; 0.0.0.0.25 ; ::0.25 ; 0.0.0.0.465 ; ::0.465 ; 0.0.0.0.587 ; ::0.587'/" \\
          /etc/exim4/update-exim4.conf.conf
        update-exim4.conf`,
      families: [4, 6],
      keys: ['ECDSA'],
      expected: 'works',
      why: 'Both families are proven, because a customer may come by either.',
    },
  ],
};

/** @returns all rows of a daemon */
export function rowsOf({ daemon, rows: own }: ZooDaemon): Row[] {
  return [...own, ...(rows[daemon] ?? [])];
}
