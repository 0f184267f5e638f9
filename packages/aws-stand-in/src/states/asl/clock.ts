/** Real time for the interpreter, and waits that can end early. */

/** setTimeout counts milliseconds in 32 bits, which is 24.8 days. A Wait may be longer. */
const longestTimer = 2 ** 31 - 1;

/**
 * Resolves when `now()` has reached `at` (milliseconds since the epoch). Rejects with the signal's
 * reason.
 */
export async function sleepUntil(now: () => number, at: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  while (now() < at) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.min(Math.max(at - now(), 1), longestTimer));
    await abortable(promise, signal).finally(() => clearTimeout(timer));
  }
}

/**
 * Settles as the promise does, or rejects with the signal's reason as soon as it is aborted. The
 * started work is not undone.
 */
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
