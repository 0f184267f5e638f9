/** State AssembleDelivery of deliver-to-server. */
import { createHash } from 'node:crypto';
// The bundler puts the installer's text here: what is delivered is what was built.
import installer from '../install/installer.bundle.sh';
import { assembleDelivery } from '../core/server/assemble.ts';
import { AssembleDelivery } from '../statemachines/deliver-to-server.ts';
import { certificates, clock, deliveries, quietHours, roots, store } from './environment.ts';

const bundled = { text: installer, sha256: createHash('sha256').update(installer).digest('hex') };

export const handler = AssembleDelivery.handler(input =>
  assembleDelivery(input, {
    store: store(),
    certificates: certificates(),
    deliveries: deliveries(),
    clock,
    installer: bundled,
    roots: roots(),
    quietHours: quietHours(),
  }),
);
