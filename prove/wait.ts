/** Waits for what an account does in its own time. */
import { setTimeout as sleep } from 'node:timers/promises';

const EVERY_MS = 2_000;

/** A wait came to its end without what it waited for. */
export class TooLate extends Error {
  override readonly name = 'TooLate';
  constructor({ what, minutes }: { what: string; minutes: number }) {
    super(`${what} did not come about within ${minutes} minutes`);
  }
}

/**
 * Looks every two seconds.
 * @throws TooLate; AbortError if the signal comes
 */
export async function until<T>(
  { what, minutes, signal }: { what: string; minutes: number; signal: AbortSignal },
  look: () => Promise<T | undefined>,
): Promise<T> {
  const deadline = Date.now() + minutes * 60_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new TooLate({ what, minutes });
    await sleep(EVERY_MS, undefined, { signal });
  }
}
