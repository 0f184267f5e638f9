import type { Retrier } from './language.ts';
import { matchesError, type StateError } from './state-error.ts';

/**
 * Returns milliseconds until the next attempt, and counts it in `used`. Returns undefined if no
 * retrier is left for this error.
 */
export function retryDelay(
  retriers: Retrier[] | undefined,
  used: number[],
  error: StateError,
  random: () => number,
): number | undefined {
  const index = retriers?.findIndex(retrier => matchesError(retrier.ErrorEquals, error)) ?? -1;
  if (index < 0) return undefined;
  const {
    IntervalSeconds = 1,
    MaxAttempts = 3,
    BackoffRate = 2,
    MaxDelaySeconds = Infinity,
    JitterStrategy,
  } = retriers![index]!;
  const before = used[index] ?? 0;
  if (before >= MaxAttempts) return undefined;
  // A hole would become null in the stored visit.
  for (let n = used.length; n <= index; n += 1) used.push(0);
  used[index] = before + 1;
  const delay = Math.min(IntervalSeconds * BackoffRate ** before, MaxDelaySeconds) * 1000;
  return JitterStrategy === 'FULL' ? delay * random() : delay;
}
