/** The zoo on Debian 12: Courier 1.0. */
import { zoo } from './zoo.suite.ts';
import { courier } from './zoo/courier.ts';
import { nginx } from './zoo/nginx.ts';

// Another host of this release walks the rows of nginx.
zoo('bookworm', [courier, { ...nginx, rows: [] }]);
