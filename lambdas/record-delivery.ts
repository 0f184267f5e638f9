/** State RecordDelivery of deliver-to-server. */
import { deliveryItems } from '../aws/delivery-items.ts';
import { domainItems } from '../aws/domain-items.ts';
import { outsideItems } from '../aws/outside-items.ts';
import { serverItems } from '../aws/server-items.ts';
import { waitingItems } from '../aws/waiting-items.ts';
import { workItems } from '../aws/work-items.ts';
import { recordDelivery } from '../core/deliver-to-server/record-delivery.ts';
import { RecordDelivery } from '../statemachines/deliver-to-server.ts';
import { bus, certificates, clock, commands, deliveries, executions, storeOf } from './environment.ts';

export const handler = RecordDelivery.handler(input =>
  recordDelivery(input, {
    store: storeOf(serverItems, deliveryItems, workItems, domainItems, outsideItems, waitingItems),
    commands: commands(),
    deliveries: deliveries(),
    bus: bus(),
    executions: executions(),
    certificates: certificates(),
    clock,
  }),
);
