/**
 * Processes that are under way at the same time, and the time of the model. A process stops before
 * each call of a port. The model chooses whose call is made next, and what becomes of it. So a list
 * of choices gives the same interleaving each time.
 */

import { setTimeout as pause } from 'node:timers/promises';

/**
 * What becomes of a call. `answer lost`: the call was made, and its caller sends it again, as the
 * SDK does. `busy`: the service refuses it. `denied`: the caller may not make it.
 */
export type Fate = 'done' | 'killed before' | 'killed after' | 'answer lost' | 'busy' | 'denied';

/** Turns of the event loop that a wait may take before it leaves the core to others. */
const MANY = 100;

export class Killed extends Error {
  override readonly name = 'Killed';
}

/** AWS's answer to a call that no policy allows. */
export class Denied extends Error {
  override readonly name = 'AccessDeniedException';
}

/** One invocation of a function. */
export interface Process {
  name: string;
  /** How far its clock is off, milliseconds. */
  skew: number;
  /** Its calls that wait, for the model or for a time. */
  waiting: number;
  isOver: boolean;
  kill(): void;
}

interface Call {
  process: Process;
  what: string;
  go(fate: Fate): void;
}

interface Timer {
  at: number;
  ring(): void;
}

export class Clockwork {
  /** Milliseconds since the epoch. */
  time: number;
  /** Calls that wait, the oldest first. */
  readonly calls: Call[] = [];
  readonly #timers = new Set<Timer>();
  readonly #processes = new Set<Process>();

  constructor(start: number) {
    this.time = start;
  }

  /** @throws Killed if the process is killed; else what the body throws */
  async run<T>({ name, skew }: Pick<Process, 'name' | 'skew'>, body: (process: Process) => Promise<T>): Promise<T> {
    const killed = Promise.withResolvers<never>();
    const process: Process = {
      ...{ name, skew, waiting: 0, isOver: false },
      kill: () => killed.reject(new Killed(`${name} was killed`)),
    };
    this.#processes.add(process);
    try {
      return await Promise.race([body(process), killed.promise]);
    } finally {
      process.isOver = true;
      this.#processes.delete(process);
      // What a killed process still waited to call is never called.
      this.calls.splice(0, Infinity, ...this.calls.filter(call => call.process !== process));
    }
  }

  /**
   * Waits for the model, then calls.
   * @param call.busy throws what the caller gets from a busy service
   * @param call.lost throws what the caller gets if an answer is lost; absent: the call is made
   *   again
   */
  async call<T>(
    process: Process,
    call: { what: string; make(): Promise<T>; busy(): never; lost?(): never },
  ): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<Fate>();
    process.waiting++;
    this.calls.push({ process, what: call.what, go: resolve });
    const fate = await promise;
    process.waiting--;
    if (fate === 'killed before') return this.#end(process);
    if (fate === 'busy') return call.busy();
    if (fate === 'denied') throw new Denied(`no policy allows ${call.what}`);
    const answer = await settled(call.make());
    if (fate === 'killed after') return this.#end(process);
    if (fate !== 'answer lost') return answer();
    return call.lost ? call.lost() : call.make();
  }

  #end(process: Process): Promise<never> {
    process.kill();
    return new Promise(() => {});
  }

  async sleep(process: Process, ms: number): Promise<void> {
    process.waiting++;
    await new Promise<void>(resolve => this.at(this.time + ms, resolve));
    process.waiting--;
  }

  /** Resolves when each process waits for the model or for a time. */
  async quiet(): Promise<void> {
    await turn();
    // A real part may be at work: a cipher, or a CA.
    for (let turns = 1; [...this.#processes].some(({ waiting }) => waiting === 0); turns++)
      await (turns < MANY ? turn() : pause(1));
    await turn();
  }

  /** @returns a function that takes the timer away */
  at(time: number, ring: () => void): () => void {
    const timer = { at: time, ring };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** The moment of the next timer, milliseconds since the epoch. */
  get next(): number {
    return Math.min(...[...this.#timers].map(({ at }) => at));
  }

  /** Lets time pass up to a moment, and rings each timer of that time. */
  passUntil(time: number): void {
    this.time = Math.max(this.time, time);
    const due = [...this.#timers].filter(({ at }) => at <= this.time).sort((a, b) => a.at - b.at);
    for (const timer of due) {
      this.#timers.delete(timer);
      timer.ring();
    }
  }

  /** Makes a call of those that wait, by its place among them. Each call takes a millisecond. */
  go({ place, fate }: { place: number; fate: Fate }): void {
    this.passUntil(this.time + 1);
    const [call] = this.calls.splice(place % this.calls.length, 1);
    call!.go(fate);
  }
}

/** One turn of the event loop: every promise that can go on has gone on. */
const turn = () => new Promise<void>(resolve => setImmediate(resolve));

async function settled<T>(made: Promise<T>): Promise<() => T> {
  try {
    const value = await made;
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
