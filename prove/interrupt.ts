/** Ctrl-C: the first one takes back what was made, a later one ends at once. */
import type { EventEmitter } from 'node:events';

/** npm and the terminal each pass one Ctrl-C on: what comes within this time is the same one. */
const SAME_MS = 1_000;

/**
 * @param program gets the signals
 * @param ports.end ends the program at once
 */
export function interruptible(
  program: Pick<EventEmitter, 'on'>,
  ports: { now: () => number; say: (line: string) => void; end: () => void },
): AbortSignal {
  const interruption = new AbortController();
  let since: number | undefined;
  const interrupt = () => {
    if (since !== undefined && ports.now() - since > SAME_MS) return ports.end();
    if (since !== undefined) return;
    since = ports.now();
    ports.say('Interrupted: what was made is removed (Ctrl-C again ends at once) …');
    interruption.abort();
  };
  program.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  return interruption.signal;
}
