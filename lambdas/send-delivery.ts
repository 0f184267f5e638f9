/** State SendDelivery of deliver-to-server. The task waits until its token comes back. */
import { deliveryItems } from '../aws/delivery-items.ts';
import { serverItems } from '../aws/server-items.ts';
import { sendDelivery } from '../core/deliver-to-server/send-delivery.ts';
import { SendDelivery } from '../statemachines/deliver-to-server.ts';
import { clock, executions, sendingCommands, storeOf } from './environment.ts';

/** The bundler puts the hashes here (lib/bundles.ts). */
declare const INSTALLERS: Record<'Linux' | 'Windows', { sha256: string }>;

export const handler = SendDelivery.handler(input =>
  sendDelivery(input, {
    store: storeOf(serverItems, deliveryItems),
    commands: sendingCommands(),
    executions: executions(),
    clock,
    installers: INSTALLERS,
  }),
);
