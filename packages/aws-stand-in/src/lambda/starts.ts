/**
 * Cold starts take turns, over all functions. One start takes a third of a second of a core and
 * more. Twenty starts at once would take the cores from work with a deadline: the CA gives a DNS
 * server 2 s. An invocation that waits for a new process is usually served sooner by a process that
 * becomes idle. A function without any process comes first.
 */
import { availableParallelism } from 'node:os';

export type Start = () => Promise<void> | undefined;

export class Starts {
  private readonly most: number;
  private readonly without = new Set<Start>();
  private readonly waiting = new Set<Start>();
  private underWay = 0;

  /**
   * @param most starts at once; at least two, so that a start that hangs does not block all others
   */
  constructor(most = Math.max(2, availableParallelism())) {
    this.most = most;
  }

  /**
   * Calls `start` at its turn, then again after the others, until the function needs no further
   * process.
   * @param hasNone true if the function has no process at all; it then comes before functions that
   *   want one more
   */
  ask(start: Start, { hasNone }: { hasNone: boolean }): void {
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
