/** Woken by its schedule, once a minute. */
import { sweep, type Swept } from '../core/sweep/sweep.ts';
import { clock, commands, executions, store } from './environment.ts';

export const handler = async (): Promise<Swept> =>
  sweep({ store: store(), commands: commands(), executions: executions(), clock });
