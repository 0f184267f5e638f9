/** Why the branches beside a failed one are stopped. */
class SiblingFailed extends Error {
  override readonly name = 'SiblingFailed';
}

export interface Branches<Branch> {
  count: number;
  /** How many run at once. */
  limit: number;
  signal: AbortSignal;
  open(signal: AbortSignal): Branch;
  run(branch: Branch, index: number): Promise<unknown>;
  /** Called once, for the first that fails, with those that are still running and are about to be stopped. */
  failed(error: unknown, branch: Branch, index: number, others: ReadonlyMap<number, Branch>): void;
}

/** Runs all branches; returns their results in order. The first failure stops the others and is thrown. */
export async function runBranches<Branch>(branches: Branches<Branch>): Promise<unknown[]> {
  const { count, limit } = branches;
  const stop = new AbortController();
  const signal = AbortSignal.any([branches.signal, stop.signal]);
  const live = new Map<number, Branch>();
  const results: unknown[] = new Array(count);
  let next = 0;
  let failure: { error: unknown } | undefined;
  const worker = async () => {
    while (next < count && !failure) {
      const index = next++;
      const branch = branches.open(signal);
      live.set(index, branch);
      try {
        results[index] = await branches.run(branch, index);
      } catch (error) {
        live.delete(index);
        if (failure) continue;
        failure = { error };
        branches.failed(error, branch, index, live);
        stop.abort(new SiblingFailed());
      }
      live.delete(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, count) }, worker));
  if (failure) throw failure.error;
  return results;
}
