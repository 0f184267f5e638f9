/** State AssembleDelivery of deliver-to-server. */
import { deliveryItems } from '../aws/delivery-items.ts';
import { domainItems } from '../aws/domain-items.ts';
import { renewalItems } from '../aws/renewal-items.ts';
import { serverItems } from '../aws/server-items.ts';
import { workItems } from '../aws/work-items.ts';
import { createHash } from 'node:crypto';
// The bundler puts the installers' texts here, so that the installer of this build is delivered.
import forLinux from '../install/installer.bundle.sh';
import forWindows from '../install/installer.bundle.ps1';
import { assembleDelivery } from '../core/deliver-to-server/assemble-delivery.ts';
import { AssembleDelivery } from '../statemachines/deliver-to-server.ts';
import { certificates, clock, deliveries, quietHours, roles, roots, storeOf } from './environment.ts';

const named = (text: string) => ({ text, sha256: createHash('sha256').update(text).digest('hex') });
const installers = { Linux: named(forLinux), Windows: named(forWindows) };

export const handler = AssembleDelivery.handler(input =>
  assembleDelivery(input, {
    store: storeOf(serverItems, workItems, deliveryItems, domainItems, renewalItems),
    certificates: certificates(),
    deliveries: deliveries(),
    roles: roles(),
    clock,
    installers,
    roots: roots(),
    quietHours: quietHours(),
  }),
);
