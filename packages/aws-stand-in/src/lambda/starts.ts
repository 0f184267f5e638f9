/**
 * Cold starts take turns, over all functions. One is a third of a second of a core and more; twenty at once would keep
 * the cores from whatever has to answer in time (the CA gives a DNS server 2 s), and what waits for a new process is,
 * as a rule, sooner served by one that becomes idle meanwhile. Where there is none that could, it is first in line.
 */
import { availableParallelism } from 'node:os';

/** Starts one process if one is needed still, and resolves when it is idle or gone; `undefined` when none is needed. */
export type Start = () => Promise<void> | undefined;

export class Starts {
  private readonly most: number;
  private readonly without = new Set<Start>();
  private readonly waiting = new Set<Start>();
  private underWay = 0;

  /** @param most at once; at least two, so that one that hangs does not hold up all others */
  constructor(most = Math.max(2, availableParallelism())) {
    this.most = most;
  }

  /**
   * Calls `start` when it is its turn, then again after the others, until it needs none.
   * @param hasNone whoever asks has no process at all: it comes before those that want one more
   */
  ask(start: Start, hasNone: boolean): void {
    (hasNone ? this.without : this.waiting).add(start);
    this.next();
  }

  private next(): void {
    while (this.underWay < this.most) {
      const [start] = [...this.without, ...this.waiting];
      if (!start) return;
      for (const line of [this.without, this.waiting]) line.delete(start);
      const started = start();
      if (!started) continue;
      this.underWay++;
      this.waiting.add(start);
      void started.then(() => {
        this.underWay--;
        this.next();
      });
    }
  }
}
