/** State RecordDelivery of deliver-to-server. */
import { recordDelivery } from '../core/deliver-to-server/record-delivery.ts';
import { RecordDelivery } from '../statemachines/deliver-to-server.ts';
import { bus, certificates, clock, commands, deliveries, executions, store } from './environment.ts';

export const handler = RecordDelivery.handler(input =>
  recordDelivery(input, {
    store: store(),
    commands: commands(),
    deliveries: deliveries(),
    bus: bus(),
    executions: executions(),
    certificates: certificates(),
    clock,
  }),
);
