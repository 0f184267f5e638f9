/**
 * What follows from Systems Manager's event that a command has ended. The event saves time: the
 * sweep asks for each command, too.
 */
import { passesByItself } from '../errors.ts';
import type { Commands } from '../ports/commands.ts';
import type { DeliveryStore } from '../ports/delivery-store.ts';
import type { Executions } from '../ports/executions.ts';
import { resume } from './send-delivery.ts';

export interface CommandEndedPorts {
  store: Pick<DeliveryStore, 'token'>;
  commands: Commands;
  executions: Executions;
}

/** @returns whether a task that waited for the command was resumed */
export async function commandEnded(
  { commandId, node }: { commandId: string; node: string },
  ports: CommandEndedPorts,
): Promise<{ resumed: boolean }> {
  try {
    const hash = await ports.commands.deliveryOf(commandId);
    return { resumed: hash !== undefined && (await resume({ hash, commandId, node }, ports)) };
  } catch (error) {
    // A retry of the event, and a page, would do no more than the sweep does within minutes.
    if (passesByItself(error)) return { resumed: false };
    throw error;
  }
}
