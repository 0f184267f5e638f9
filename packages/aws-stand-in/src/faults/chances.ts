/**
 * What AWS does now and then, and an application has to survive. Each fault has its chance in one
 * table, and a seed decides when the fault happens.
 */
import { createHash } from 'node:crypto';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { DrawnFault, Fault } from '../service/service.ts';

/** One in so many. A road of a few thousand requests then meets each fault several times. */
const ONE_IN: Record<DrawnFault, number> = {
  /** A request is answered with 500, and nothing is done. */
  fails: 100,
  /** A request is done, and the connection breaks before its answer. */
  answerLost: 100,
  /** A caller's operation fails for `OUTAGE_MS`, longer than the SDK retries by itself. */
  outage: 400,
  /** An index shows a write after `STALE_MS`: indexes are eventually consistent. */
  staleIndex: 10,
  /** EventBridge delivers at least once. */
  eventTwice: 20,
  eventLate: 20,
  /** Events of AWS's own services are best effort (EventBridge user guide). */
  serviceEventNever: 10,
  /** GetCommandInvocation does not know a command within its first second (API reference). */
  commandUnseen: 5,
  /** A right that is younger than `RIGHTS_LAG_MS` is not known everywhere (IAM user guide). */
  rightUnseen: 2,
};

export const OUTAGE_MS = 2_000;
export const STALE_MS = 1_000;
export const LATE_MS = 5_000;
export const UNSEEN_MS = 1_000;
export const RIGHTS_LAG_MS = 3_000;

/**
 * The fate of the n-th event of each kind depends on the seed, the fault and the kind alone. So a
 * seed repeats a run also where requests of different kinds overtake each other.
 */
export class Chances {
  readonly #seed: number;
  readonly #without: ReadonlySet<Fault>;
  readonly #generators = new Map<string, ReturnType<typeof xoroshiro128plus>>();

  /** @param without faults that do not happen */
  constructor({ seed, without = [] }: { seed: number; without?: readonly Fault[] }) {
    this.#seed = seed;
    this.#without = new Set(without);
  }

  /** @param kind of event, for instance a caller and an operation */
  happens(fault: DrawnFault, kind: string): boolean {
    if (this.#without.has(fault)) return false;
    const name = `${this.#seed} ${fault} ${kind}`;
    let generator = this.#generators.get(name);
    if (!generator) {
      generator = xoroshiro128plus(createHash('sha256').update(name).digest().readInt32BE());
      this.#generators.set(name, generator);
    }
    return uniformInt(generator, 1, ONE_IN[fault]) === 1;
  }
}
