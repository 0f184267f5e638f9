/** State SendDelivery of deliver-to-server. The task waits until its token comes back. */
import { sendDelivery } from '../core/deliver-to-server/send-delivery.ts';
import { SendDelivery } from '../statemachines/deliver-to-server.ts';
import { clock, executions, sendingCommands, store } from './environment.ts';

export const handler = SendDelivery.handler(input =>
  sendDelivery(input, { store: store(), commands: sendingCommands(), executions: executions(), clock }),
);
