import { describe } from 'vitest';
import { installedSuite } from './installed.ts';

/** undisturbed.ts looks at these domains again, after the deliveries of all others. */
describe('a domain from its event to the handshake', () => installedSuite());
