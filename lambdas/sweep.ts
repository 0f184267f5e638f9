/** Woken by its schedule, once a minute: starts whatever is due. */
import { deliveryItems } from '../aws/delivery-items.ts';
import { dueItems } from '../aws/due-items.ts';
import { serverItems } from '../aws/server-items.ts';
import { sweep, type Swept } from '../core/sweep/sweep.ts';
import { clock, commands, executions, storeOf } from './environment.ts';

export const handler = async (): Promise<Swept> =>
  sweep({
    store: storeOf(dueItems, serverItems, deliveryItems),
    commands: commands(),
    executions: executions(),
    clock,
  });
