/** What is fuzzed, by the name of its figure. */
import { ca } from './ca.ts';
import { delivery } from './delivery.ts';
import { dns } from './dns.ts';
import { events } from './events.ts';
import { files } from './files.ts';
import { hostileHost } from './hostile-host.ts';
import { maps } from './maps.ts';
import { readers } from './readers.ts';
import { names } from './names.ts';
import type { Property } from './property.ts';

export const subjects: Record<string, Property[]> = {
  names,
  events,
  files,
  dns,
  delivery,
  ca,
  'hostile host': hostileHost,
  maps,
  readers,
};
