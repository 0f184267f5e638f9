/** Real time for the interpreter, and what lets a wait end early. */

/** setTimeout counts in 32 bits: 24.8 days; a Wait may be longer. */
const longestTimer = 2 ** 31 - 1;

/** Resolves when `now()` has reached `at` (milliseconds since the epoch); rejects with the signal's reason. */
export async function sleepUntil(now: () => number, at: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  while (now() < at) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.min(Math.max(at - now(), 1), longestTimer));
    await abortable(promise, signal).finally(() => clearTimeout(timer));
  }
}

/** The promise, or the signal's reason as soon as it is aborted. What was started is not undone. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([stopped.promise, promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
