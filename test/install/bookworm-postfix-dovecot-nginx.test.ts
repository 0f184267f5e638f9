/** Debian 12: Postfix, Dovecot 2.3 and nginx. */
import { contract } from './contract.suite.ts';
import { dovecot, nginx, postfix } from './usual.ts';

contract({
  release: 'bookworm',
  adapters: [postfix, dovecot, nginx],
  facts: { os: /Debian GNU\/Linux 12/, postfix: /^3\.7\./, dovecot: /^2\.3\./, nginx: /^1\.22\./ },
  testssl: 993,
});
