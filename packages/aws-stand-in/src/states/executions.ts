/**
 * Executions: their rows, and the interpreters that walk them in this process. The database has all
 * that is needed to resume at each StateEntered. After a kill, at most the task that was in flight
 * is repeated.
 */
import type { ExecutionStatus } from '@aws-sdk/client-sfn';
import { sleepUntil } from './asl/clock.ts';
import type { Visit } from './asl/host.ts';
import { execute, ExecutionTimedOut } from './asl/interpreter.ts';
import type { Definition } from './asl/language.ts';
import { StateError } from './asl/state-error.ts';
import type { Cloud } from '../service/service.ts';
import { History } from './history.ts';
import { Tasks } from './tasks.ts';
import { Suspended, TaskTokens } from './tokens.ts';

/** A row. Times in milliseconds since the epoch; `visit` is JSON. */
export interface Execution {
  id: number;
  arn: string;
  machine: string;
  name: string;
  /**
   * The definition at the start of the execution. A later update of the machine does not change it.
   */
  definition: string;
  role: string;
  status: ExecutionStatus;
  input: string;
  output: string | null;
  error: string | null;
  cause: string | null;
  started: number;
  stopped: number | null;
  visit: string | null;
}

type End = { output?: string; error?: string; cause?: string };

/** StopExecution was called. The results of running tasks are not needed any more. */
class Stopped extends Error {
  override readonly name = 'Stopped';
}

const endEvents: Record<string, string> = {
  SUCCEEDED: 'Succeeded',
  FAILED: 'Failed',
  TIMED_OUT: 'TimedOut',
  ABORTED: 'Aborted',
};

export class Executions {
  readonly #cloud: Cloud;
  readonly #running = new Map<string, AbortController>();
  readonly #tasks: Tasks;
  readonly history: History;
  readonly tokens: TaskTokens;

  constructor(cloud: Cloud) {
    cloud.database.exec(`
      CREATE TABLE IF NOT EXISTS states_executions (
        id INTEGER PRIMARY KEY AUTOINCREMENT, arn TEXT NOT NULL UNIQUE, machine TEXT NOT NULL, name TEXT NOT NULL,
        definition TEXT NOT NULL, role TEXT NOT NULL, status TEXT NOT NULL, input TEXT NOT NULL, output TEXT, error TEXT,
        cause TEXT, started INTEGER NOT NULL, stopped INTEGER, visit TEXT);
      CREATE INDEX IF NOT EXISTS states_executions_of ON states_executions (machine, status, id);`);
    this.#cloud = cloud;
    this.history = new History(cloud.database, cloud.now);
    this.tokens = new TaskTokens(cloud);
    this.#tasks = new Tasks(cloud, this.tokens);
  }

  find(arn: string): Execution | undefined {
    return this.#cloud.database.prepare('SELECT * FROM states_executions WHERE arn = ?').get(arn) as
      Execution | undefined;
  }

  /** Newest first. `before` is the last id of the previous page. */
  list(machine: string, status: string | undefined, before: number | undefined, limit: number): Execution[] {
    return this.#cloud.database
      .prepare(
        `SELECT * FROM states_executions WHERE machine = ? AND (? IS NULL OR status = ?) AND id < ? ORDER BY id DESC LIMIT ?`,
      )
      .all(machine, status ?? null, status ?? null, before ?? Number.MAX_SAFE_INTEGER, limit) as unknown as Execution[];
  }

  start(
    row: Pick<Execution, 'arn' | 'machine' | 'name' | 'definition' | 'role' | 'input'>,
    definition: Definition,
  ): Execution {
    this.#cloud.database
      .prepare(
        `INSERT INTO states_executions (arn, machine, name, definition, role, status, input, started)
         VALUES (?, ?, ?, ?, ?, 'RUNNING', ?, ?)`,
      )
      .run(row.arn, row.machine, row.name, row.definition, row.role, row.input, this.#cloud.now());
    const started = { input: row.input, inputDetails: { truncated: false }, roleArn: row.role };
    this.history.append(row.arn, 'ExecutionStarted', { executionStartedEventDetails: started }, 0);
    const execution = this.find(row.arn)!;
    this.#announce(execution);
    this.#walk(execution, definition);
    return execution;
  }

  /** Resumes every execution that a stopped or killed process left running. */
  resume(definitionOf: (execution: Execution) => Definition): void {
    const rows = this.#cloud.database.prepare("SELECT * FROM states_executions WHERE status = 'RUNNING'").all();
    for (const execution of rows as unknown as Execution[]) {
      if (!this.#running.has(execution.arn)) this.#walk(execution, definitionOf(execution));
    }
  }

  /** Ends an execution from outside. An execution that is over stays as it is. */
  abort(execution: Execution, end: Omit<End, 'output'>): void {
    this.#end(execution.arn, 'ABORTED', end);
    this.#running.get(execution.arn)?.abort(new Stopped());
  }

  /** Stops all interpreters and leaves the executions to be resumed. */
  suspend(): void {
    for (const controller of this.#running.values()) controller.abort(new Suspended());
    this.#running.clear();
  }

  #walk(execution: Execution, definition: Definition): void {
    const { arn, machine, name, role, input, started } = execution;
    const { now, database } = this.#cloud;
    const controller = new AbortController();
    const { signal } = controller;
    this.#running.set(arn, controller);
    const visit: Visit | undefined = execution.visit ? JSON.parse(execution.visit) : undefined;
    this.tokens.endAllOf(arn, visit?.submitted ? visit.token : undefined);
    const saveVisit = database.prepare('UPDATE states_executions SET visit = ? WHERE arn = ?');
    const context = {
      Execution: {
        Id: arn,
        Name: name,
        Input: JSON.parse(input),
        RoleArn: role,
        StartTime: new Date(started).toISOString(),
        RedriveCount: 0,
      },
      StateMachine: { Id: machine, Name: machine.split(':').at(-1)! },
    };
    const owner = { executionArn: arn, machineArn: machine, roleArn: role };
    execute({
      definition,
      context,
      signal,
      resume: visit && { visit, lastEventId: this.history.lastId(arn) },
      host: {
        now,
        sleepUntil: (at, until) => sleepUntil(now, at, until),
        random: Math.random,
        newToken: () => this.tokens.issue(machine, arn),
        task: request => this.#tasks.run(owner, request),
        record: (type, details, previous) => {
          signal.throwIfAborted();
          return this.history.append(arn, type, details, previous);
        },
        save: at => {
          signal.throwIfAborted();
          saveVisit.run(JSON.stringify(at), arn);
        },
      },
    })
      .then(
        output => this.#end(arn, 'SUCCEEDED', { output: JSON.stringify(output) }),
        (error: unknown) => {
          if (!signal.aborted) this.#failed(arn, error);
        },
      )
      .finally(() => {
        if (this.#running.get(arn) === controller) this.#running.delete(arn);
      });
  }

  #failed(arn: string, error: unknown): void {
    if (error instanceof StateError) return this.#end(arn, 'FAILED', { error: error.error, cause: error.errorCause });
    if (error instanceof ExecutionTimedOut) return this.#end(arn, 'TIMED_OUT', {});
    this.#cloud.log(`states: ${arn}: ${(error as Error).stack}`);
    this.#end(arn, 'FAILED', { error: 'States.Runtime', cause: String(error) });
  }

  #end(arn: string, status: ExecutionStatus, { output, error, cause }: End): void {
    const changed = this.#cloud.database
      .prepare(
        `UPDATE states_executions SET status = ?, output = ?, error = ?, cause = ?, stopped = ?, visit = NULL
         WHERE arn = ? AND status = 'RUNNING'`,
      )
      .run(status, output ?? null, error ?? null, cause ?? null, this.#cloud.now(), arn);
    if (changed.changes === 0) return;
    const what = endEvents[status]!;
    const details = {
      ...(output !== undefined && { output, outputDetails: { truncated: false } }),
      ...(error !== undefined && { error }),
      ...(cause !== undefined && { cause }),
    };
    // As recorded on AWS: the end follows the last event, but a stop from outside follows none.
    const previous = status === 'ABORTED' ? 0 : this.history.lastId(arn);
    this.history.append(arn, `Execution${what}`, { [`execution${what}EventDetails`]: details }, previous);
    this.tokens.endAllOf(arn);
    this.#announce(this.find(arn)!);
  }

  /** Best effort, as on AWS: an execution does not fail because its event was lost. */
  #announce(execution: Execution): void {
    const event = {
      source: 'aws.states',
      'detail-type': 'Step Functions Execution Status Change',
      resources: [execution.arn],
      detail: {
        executionArn: execution.arn,
        stateMachineArn: execution.machine,
        name: execution.name,
        status: execution.status,
        startDate: execution.started,
        stopDate: execution.stopped,
        input: execution.input,
        inputDetails: { included: true },
        output: execution.output,
        outputDetails: execution.output === null ? null : { included: true },
        error: execution.error,
        cause: execution.cause,
        stateMachineVersionArn: null,
        stateMachineAliasArn: null,
      },
    };
    try {
      this.#cloud.service<any>('events').publishServiceEvent?.(event);
    } catch (error) {
      this.#cloud.log(`states: status of ${execution.arn} was not announced: ${(error as Error).message}`);
    }
  }
}
