/** The road shown while it is walked: a picture on a terminal, a plain line for each step where there is none. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isSealpostError } from '../core/errors.ts';
import type { Road } from '../core/ports/road.ts';
import type { Screen } from './screen.ts';
import { RoadView, roadLine } from './road-view.ts';

/**
 * @param everyMs between two looks
 * @returns `stop`, which takes a last look; `failed`, which is rejected when the road cannot be looked at
 */
export function follow(
  road: Road,
  screen: Screen,
  everyMs: number,
): { stop: () => Promise<void>; failed: Promise<void> } {
  const view = new RoadView();
  const end = new AbortController();

  async function look(): Promise<void> {
    for (const event of await road.look()) {
      view.add(event);
      const line = screen.live ? undefined : roadLine(event);
      if (line !== undefined) screen.print(`  ${line}`);
    }
    screen.draw(view.lines(Date.now(), screen.rows()));
  }

  const following = (async () => {
    while (!end.signal.aborted) {
      await look().catch(unlessThrottled);
      await sleep(everyMs, undefined, { signal: end.signal }).catch(() => {});
    }
    await look();
  })();
  return {
    failed: following,
    async stop() {
      end.abort();
      await following.catch(() => {});
      screen.clear();
    },
  };
}

/** The next look comes soon enough. */
function unlessThrottled(error: unknown): void {
  if (!isSealpostError(error, 'Throttled')) throw error;
}
