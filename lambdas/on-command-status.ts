/** Woken by SSM's event that a command of our document has ended on a node. */
import { deliveryItems } from '../aws/delivery-items.ts';
import * as z from 'zod/mini';
import { commandEnded } from '../core/deliver-to-server/command-ended.ts';
import { commands, executions, storeOf } from './environment.ts';

const event = z.object({ detail: z.object({ 'command-id': z.string(), 'instance-id': z.string() }) });

export const handler = async (input: unknown): Promise<{ resumed: boolean }> => {
  const { detail } = z.parse(event, input);
  return commandEnded(
    { commandId: detail['command-id'], node: detail['instance-id'] },
    { store: storeOf(deliveryItems), commands: commands(), executions: executions() },
  );
};
