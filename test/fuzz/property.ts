/**
 * A property that holds for every input, and how it is tried: some hundred inputs in `npm test`,
 * more by `npm run fuzz`.
 */
import fc from 'fast-check';

export interface Property {
  name: string;
  /** Inputs in `npm test`. */
  runs: number;
  /**
   * @param limits.seed gives the same inputs again
   * @param limits.path of an input that an earlier run found: only that one is tried
   * @param limits.milliseconds ends the run earlier; the time of shrinking is not limited
   */
  check(limits: { seed: number; runs: number; path?: string; milliseconds?: number }): Promise<Tried>;
}

export interface Tried {
  runs: number;
  /** The shortest input that contradicts the property, and where it is found again. */
  finding?: { path: string; input: string; message: string };
}

/** Characters of an input and of a message that are shown. */
const LONGEST = 1_000;

/** @param holds throws if the property does not hold for the input */
export function property<T>(
  name: string,
  { runs, of, holds }: { runs: number; of: fc.Arbitrary<T>; holds: (input: T) => void | Promise<void> },
): Property {
  return {
    name,
    runs,
    check: async ({ seed, runs: numRuns, path, milliseconds }) => {
      const {
        failed,
        numRuns: done,
        counterexample,
        counterexamplePath,
        errorInstance,
      } = await fc.check(
        fc.asyncProperty(of, async input => holds(input)),
        {
          ...{ seed, numRuns, markInterruptAsFailure: false },
          ...(path !== undefined && { path, endOnFailure: true }),
          ...(milliseconds !== undefined && { interruptAfterTimeLimit: milliseconds }),
        },
      );
      if (!failed || !counterexample) return { runs: done };
      const message = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
      const input = fc.stringify(counterexample[0]).slice(0, LONGEST);
      return { runs: done, finding: { path: counterexamplePath ?? '0', input, message: message.slice(0, LONGEST) } };
    },
  };
}

/** @returns a seed that no earlier run had */
export function newSeed(): number {
  return Date.now() % 2 ** 31;
}

/** How a person tries the finding again. */
export function again({ name }: Property, { seed, path }: { seed: number; path: string }): string {
  return `npm run fuzz -- --only '${name}' --seed ${seed} --path ${path}`;
}
