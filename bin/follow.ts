/** Shows running executions: a picture on a terminal, elsewhere a line for each step. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isSealpostError } from '../core/errors.ts';
import type { Road } from '../core/ports/road.ts';
import type { Screen } from './screen.ts';
import { RoadView, roadLine } from './road-view.ts';
import { isUnanswered } from './trouble.ts';

/**
 * @param everyMs milliseconds between two reads
 * @returns `stop`, which reads once more; `failed`, which is rejected if a read fails
 */
export function follow(
  road: Road,
  screen: Screen,
  everyMs: number,
): { stop: () => Promise<void>; failed: Promise<void> } {
  const view = new RoadView();
  const end = new AbortController();

  async function read(): Promise<void> {
    for (const event of await road.newEvents()) {
      view.add(event);
      const line = screen.live ? undefined : roadLine(event);
      if (line !== undefined) screen.print(`  ${line}`);
    }
    screen.draw(view.lines({ now: Date.now(), rows: screen.rows() }));
  }

  const following = (async () => {
    while (!end.signal.aborted) {
      await read().catch(unlessThrottled);
      await sleep(everyMs, undefined, { signal: end.signal }).catch(() => {});
    }
    await read();
  })();
  return {
    failed: following,
    async stop() {
      end.abort();
      await following.catch(() => {});
      screen.erase();
    },
  };
}

/** A throttled read is skipped, because the next read follows in a moment. */
function unlessThrottled(error: unknown): void {
  if (!isSealpostError(error, 'Throttled') || isUnanswered(error)) throw error;
}
