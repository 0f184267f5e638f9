/** Step Functions and the bus in memory: what was started, resumed and published. */
import * as z from 'zod/mini';
import { eventsOut } from '../../core/events/events-out.ts';
import type { Bus } from '../../core/ports/bus.ts';
import type { Executions } from '../../core/ports/executions.ts';

export interface MemoryExecutions extends Executions {
  started: { machine: 'secure-domain' | 'deliver-to-server'; name: string; input: unknown }[];
  succeeded: { token: string; output: unknown }[];
}

export function memoryExecutions(): MemoryExecutions {
  const started: MemoryExecutions['started'] = [];
  const succeeded: MemoryExecutions['succeeded'] = [];
  return {
    started,
    succeeded,
    async start(machine, name, input) {
      if (started.some(one => one.machine === machine && one.name === name)) return;
      started.push({ machine, name, input });
    },
    async succeed(token, output) {
      if (succeeded.some(one => one.token === token)) return;
      succeeded.push({ token, output });
    },
  };
}

export interface MemoryBus extends Bus {
  events: { detailType: string; detail: Record<string, unknown> }[];
}

/** Accepts only events that match their schema. */
export function memoryBus(): MemoryBus {
  const events: MemoryBus['events'] = [];
  return {
    events,
    async put(more) {
      for (const { detailType, detail } of more) z.parse(eventsOut[detailType], detail);
      events.push(...more);
    },
  };
}
