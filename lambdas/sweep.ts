/** Woken by the schedule, once a minute. */
import { sweep } from '../core/sweep.ts';
import { clock, commands, executions, store } from './environment.ts';

export const handler = async (): Promise<{ domains: number; servers: number; resumed: number }> =>
  sweep({ store: store(), commands: commands(), executions: executions(), clock });
