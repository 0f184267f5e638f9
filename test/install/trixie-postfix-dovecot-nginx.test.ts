/** Debian 13: Postfix, Dovecot 2.4 and nginx. */
import { contract } from './contract.suite.ts';
import { dovecot, nginx, postfix } from './usual.ts';

contract({
  release: 'trixie',
  adapters: [postfix, dovecot, nginx],
  facts: { os: /Debian GNU\/Linux 13/, postfix: /^3\.10\./, dovecot: /^2\.4\./, nginx: /^1\.26\./ },
  testssl: 993,
});
