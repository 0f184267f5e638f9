/** The choices of a soak, all from one seed. */
import { createHash } from 'node:crypto';

export class Choices {
  readonly #seed: string;
  #count = 0;

  constructor(seed: number) {
    this.#seed = String(seed);
  }

  /** A number in [0, 1). */
  share(): number {
    const digest = createHash('sha256').update(`${this.#seed} ${++this.#count}`).digest();
    return digest.readUInt32BE() / 2 ** 32;
  }

  of<T>(all: readonly T[]): T {
    return all[Math.floor(this.share() * all.length)]!;
  }
}
