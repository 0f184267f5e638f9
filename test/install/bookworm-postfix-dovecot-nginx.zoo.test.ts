/** The zoo on Debian 12: Postfix 3.7, Dovecot 2.3 and nginx 1.22. */
import { zoo } from './zoo.suite.ts';
import { dovecot } from './zoo/dovecot.ts';
import { nginx } from './zoo/nginx.ts';
import { postfix } from './zoo/postfix.ts';

zoo('bookworm', [postfix, dovecot, nginx]);
