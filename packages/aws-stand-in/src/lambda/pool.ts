/**
 * The processes of one function: started when they are needed, kept while idle, replaced when the
 * function changes.
 */
import { availableParallelism } from 'node:os';
import type { FunctionProcess, Invocation, Outcome, ProcessEvents } from './runtime-api.ts';
import type { Start, Starts } from './starts.ts';
import { AwsError } from '../service/service.ts';

/**
 * The number of processes of one function. Further invocations wait in line, because more processes
 * would only take room from other functions.
 */
const MOST = Math.max(4, 2 * availableParallelism());

interface Waiting {
  invocation: Invocation;
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

export class FunctionPool {
  private start: (events: ProcessEvents) => FunctionProcess;
  private readonly onStartFailure: (outcome: Outcome) => void;
  private readonly starts: Starts;
  private readonly processes = new Set<FunctionProcess>();
  private readonly line: Waiting[] = [];
  private stopped = false;

  /**
   * @param onStartFailure called for a process that failed to start while no invocation waited for
   *   it
   * @param starts gives the turn for a start, over all functions
   */
  constructor(
    start: (events: ProcessEvents) => FunctionProcess,
    onStartFailure: (outcome: Outcome) => void,
    starts: Starts,
  ) {
    this.start = start;
    this.onStartFailure = onStartFailure;
    this.starts = starts;
  }

  /** Rejects only if no process can be started at all, because the role may not be assumed. */
  invoke(invocation: Invocation): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.line.push({ invocation, resolve, reject });
      this.dispatch();
    });
  }

  /** Retires every process. Waiting and later invocations run in processes of the new start. */
  replace(start: (events: ProcessEvents) => FunctionProcess): void {
    this.start = start;
    for (const process of this.processes) process.retire();
    this.dispatch();
  }

  all(): FunctionProcess[] {
    return [...this.processes];
  }

  /** Ends the processes, including busy ones, and rejects the invocations that wait in line. */
  async stop(): Promise<void> {
    this.stopped = true;
    for (const { reject } of this.line.splice(0))
      reject(new AwsError('ServiceException', 'Lambda stops', { status: 500 }));
    const processes = this.all();
    for (const process of processes) process.kill();
    await Promise.all(processes.map(process => process.ended));
  }

  private current(): FunctionProcess[] {
    return this.all().filter(process => !process.retired);
  }

  private dispatch(): void {
    if (this.stopped) return;
    for (const process of this.processes) {
      if (!this.line.length) return;
      if (!process.idle) continue;
      const { invocation, resolve } = this.line.shift()!;
      void process.invoke(invocation).then(resolve);
    }
    if (this.needsMore()) this.starts.ask(this.startIfNeeded, { hasNone: this.current().length === 0 });
  }

  private needsMore(): boolean {
    const current = this.current();
    const starting = current.filter(process => !process.started).length;
    return this.line.length > starting && current.length < MOST;
  }

  private readonly startIfNeeded: Start = () => {
    while (!this.stopped && this.needsMore()) {
      try {
        return this.add().settled;
      } catch (error) {
        this.line.shift()!.reject(error);
      }
    }
    return undefined;
  };

  private add(): FunctionProcess {
    const process: FunctionProcess = this.start({
      onIdle: () => this.dispatch(),
      onEnd: startFailure => {
        this.processes.delete(process);
        if (startFailure) {
          const waiting = this.line.shift();
          if (waiting) waiting.resolve(startFailure);
          else this.onStartFailure(startFailure);
        }
        this.dispatch();
      },
    });
    this.processes.add(process);
    return process;
  }
}
