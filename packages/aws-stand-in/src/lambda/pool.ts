/** The processes of one function: started when needed, kept while idle, replaced when the function changes. */
import { availableParallelism } from 'node:os';
import type { FunctionProcess, Outcome, ProcessEvents } from './runtime-api.ts';
import type { Start, Starts } from './starts.ts';
import { AwsError } from '../service/service.ts';

/** Processes of one function; further invocations wait in line. More than keep the cores busy would only take other functions' room. */
const MOST = Math.max(4, 2 * availableParallelism());

interface Waiting {
  requestId: string;
  payload: string;
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
   * @param onStartFailure hears of a process that failed to start while no invocation waited for it
   * @param starts gives the turn to start one, over all functions
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

  /** Rejects only when no process can be started at all (the role may not be assumed). */
  invoke(requestId: string, payload: string): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.line.push({ requestId, payload, resolve, reject });
      this.dispatch();
    });
  }

  /** Retires every process; what waits, and what comes, runs in processes of the new start. */
  replace(start: (events: ProcessEvents) => FunctionProcess): void {
    this.start = start;
    for (const process of this.processes) process.retire();
    this.dispatch();
  }

  /** All processes, the retired ones too. */
  all(): FunctionProcess[] {
    return [...this.processes];
  }

  /** Ends the processes, whatever they do, and turns away what waits in line. */
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
      const { requestId, payload, resolve } = this.line.shift()!;
      void process.invoke(requestId, payload).then(resolve);
    }
    if (this.needsMore()) this.starts.ask(this.startIfNeeded, this.current().length === 0);
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
