/** The zoo on Debian 13: Postfix 3.10 and nginx 1.26. */
import { zoo } from './zoo.suite.ts';
import { dovecot } from './zoo/dovecot.ts';
import { nginx } from './zoo/nginx.ts';
import { postfix } from './zoo/postfix.ts';

// The other host of this release walks the rows in between.
zoo('trixie', [postfix, dovecot, nginx], [postfix, nginx]);
