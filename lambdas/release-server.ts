/** States ReleaseServer and ReleaseForPerson of deliver-to-server. */
import { releaseServer } from '../core/deliver-to-server/release-server.ts';
import { ReleaseServer } from '../statemachines/deliver-to-server.ts';
import { bus, clock, quietHours, store } from './environment.ts';

export const handler = ReleaseServer.handler(input =>
  releaseServer(input, { store: store(), bus: bus(), clock, quietHours: quietHours() }),
);
