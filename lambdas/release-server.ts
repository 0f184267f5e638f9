/** States ReleaseServer and ReleaseForPerson of deliver-to-server. */
import { deliveryItems } from '../aws/delivery-items.ts';
import { serverItems } from '../aws/server-items.ts';
import { workItems } from '../aws/work-items.ts';
import { releaseServer } from '../core/deliver-to-server/release-server.ts';
import { ReleaseServer } from '../statemachines/deliver-to-server.ts';
import { bus, clock, quietHours, storeOf } from './environment.ts';

export const handler = ReleaseServer.handler(input =>
  releaseServer(input, {
    store: storeOf(serverItems, deliveryItems, workItems),
    bus: bus(),
    clock,
    quietHours: quietHours(),
  }),
);
