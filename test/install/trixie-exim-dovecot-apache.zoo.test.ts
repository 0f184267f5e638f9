/** The zoo on Debian 13: Exim 4.98, Dovecot 2.4 and Apache 2.4. */
import { zoo } from './zoo.suite.ts';
import { apache } from './zoo/apache.ts';
import { dovecot } from './zoo/dovecot.ts';
import { exim } from './zoo/exim.ts';

zoo('trixie', [exim, dovecot, apache]);
