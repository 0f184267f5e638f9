/**
 * Time for a test of a state machine. It stands still while anything can happen, and then jumps to
 * the next wake: an hour's wait takes a millisecond.
 */
export class VirtualTime {
  /** Milliseconds since the epoch. */
  time: number;
  readonly #sleepers = new Set<{ at: number; wake(): void }>();

  constructor(start: number) {
    this.time = start;
  }

  now = () => this.time;

  sleepUntil(at: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const sleeper = { at, wake: resolve };
      this.#sleepers.add(sleeper);
      const stop = () => (this.#sleepers.delete(sleeper), reject(signal.reason));
      if (signal.aborted) stop();
      signal.addEventListener('abort', stop);
    });
  }

  /** Lets time pass until the promise is settled. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let over = false;
    const done = promise.finally(() => (over = true));
    done.catch(() => {});
    while (!over) {
      // The interpreter and its expressions run on microtasks: after one turn all have run.
      await new Promise(resolve => setImmediate(resolve));
      const next = [...this.#sleepers].sort((a, b) => a.at - b.at)[0];
      if (over || !next) continue;
      this.#sleepers.delete(next);
      this.time = Math.max(this.time, next.at);
      next.wake();
    }
    return done;
  }
}
