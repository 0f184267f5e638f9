/**
 * Asynchronous invocations (InvocationType Event). Each is stored before it is acknowledged, and
 * tried twice more after a failure, unless the function says otherwise. The function's dead letter
 * queue then has the event. Without such a queue the log says which event is lost. There are no
 * destinations here.
 */
import type { FunctionConfiguration } from './configuration.ts';
import type { Invocation, Outcome } from './runtime-api.ts';
import type { Cloud } from '../service/service.ts';

interface Row {
  id: string;
  function: string;
  payload: string;
  attempts: number;
  created: number;
  due: number;
}

/** Before each retry (Lambda developer guide, "Asynchronous invocation"). */
const RETRY_DELAYS_MS = [60_000, 120_000];

/** When an event is given up: AWS::Lambda::EventInvokeConfig. */
export interface Limits {
  retries: number;
  ageMs: number;
}
export const DEFAULT_LIMITS: Limits = { retries: RETRY_DELAYS_MS.length, ageMs: 6 * 3_600_000 };

export class AsynchronousInvocations {
  private readonly cloud: Cloud;
  private readonly run: (name: string, invocation: Invocation) => Promise<Outcome>;
  private readonly find: (name: string) => { configuration: FunctionConfiguration; limits: Limits } | undefined;
  private readonly timers = new Map<string, NodeJS.Timeout>();
  private stopped = false;

  constructor(
    cloud: Cloud,
    run: (name: string, invocation: Invocation) => Promise<Outcome>,
    find: (name: string) => { configuration: FunctionConfiguration; limits: Limits } | undefined,
  ) {
    this.cloud = cloud;
    this.run = run;
    this.find = find;
    cloud.database.exec(`CREATE TABLE IF NOT EXISTS lambda_asynchronous (id TEXT PRIMARY KEY, function TEXT NOT NULL,
      payload TEXT NOT NULL, attempts INTEGER NOT NULL, created INTEGER NOT NULL, due INTEGER NOT NULL)`);
  }

  /**
   * Stores the invocation and starts it. If the process is killed from here on, the next start runs
   * it.
   */
  accept(name: string, { requestId, payload }: Invocation): void {
    const now = this.cloud.now();
    this.cloud.database
      .prepare('INSERT INTO lambda_asynchronous VALUES (?, ?, ?, 0, ?, ?)')
      .run(requestId, name, payload, now, now);
    this.schedule({ id: requestId, function: name, payload, attempts: 0, created: now, due: now });
  }

  /**
   * Resumes the invocations that a stopped or killed process left. An invocation that was running
   * then runs again.
   */
  start(): void {
    const rows = this.cloud.database.prepare('SELECT * FROM lambda_asynchronous ORDER BY due').all();
    for (const row of rows) if (!this.timers.has(String(row.id))) this.schedule(row as unknown as Row);
  }

  stop(): void {
    this.stopped = true;
    for (const timer of this.timers.values()) clearTimeout(timer);
  }

  private schedule(row: Row): void {
    const delay = Math.max(0, row.due - this.cloud.now());
    const attempt = () =>
      void this.attempt(row).catch(error => this.cloud.log(`lambda: ${row.function} ${row.id}: ${error.stack}`));
    this.timers.set(row.id, setTimeout(attempt, delay));
  }

  private async attempt(row: Row): Promise<void> {
    const found = this.find(row.function);
    if (!found) {
      this.cloud.log(`WARNING: lambda: ${row.function} is no longer there; its invocation ${row.id} is dropped`);
      return this.forget(row);
    }
    const { configuration, limits } = found;
    const outcome = await this.outcome(row);
    // The function did not fail if stop() ended its process. The row stays for the next start.
    if (this.stopped) return;
    if (outcome.functionError === undefined) return this.forget(row);

    const attempts = row.attempts + 1;
    const delay = RETRY_DELAYS_MS.slice(0, limits.retries)[attempts - 1];
    const due = this.cloud.now() + (delay ?? 0) / this.cloud.pace;
    if (delay !== undefined && due - row.created <= limits.ageMs / this.cloud.pace) {
      this.cloud.database
        .prepare('UPDATE lambda_asynchronous SET attempts = ?, due = ? WHERE id = ?')
        .run(attempts, due, row.id);
      return this.schedule({ ...row, attempts, due });
    }
    if (configuration.deadLetter)
      await this.bury(row, { ...configuration, deadLetter: configuration.deadLetter }, outcome);
    else this.cloud.log(`WARNING: lambda: ${row.function} ${row.id} failed ${attempts} times; the event is lost`);
    this.forget(row);
  }

  private async outcome(row: Row): Promise<Pick<Outcome, 'payload' | 'functionError'>> {
    try {
      return await this.run(row.function, { requestId: row.id, payload: row.payload });
    } catch (error) {
      const { name, message } = error as Error;
      return { payload: JSON.stringify({ errorType: name, errorMessage: message }), functionError: 'Unhandled' };
    }
  }

  /**
   * Sends the event as the function's role. If the queue refuses the event, the event is lost, as
   * on AWS (metric DeadLetterErrors).
   */
  private async bury(
    row: Row,
    { arn, name, role, deadLetter }: FunctionConfiguration & { deadLetter: string },
    outcome: Pick<Outcome, 'payload'>,
  ): Promise<void> {
    const [, , , , account, queue] = deadLetter.split(':');
    const { errorMessage } = JSON.parse(outcome.payload) as { errorMessage?: unknown };
    try {
      const caller = this.cloud.iam.assume(role, { service: 'lambda.amazonaws.com', session: name });
      await this.cloud.request(caller, 'sqs', 'SendMessage', {
        QueueUrl: `${this.cloud.endpoint}/${account}/${queue}`,
        MessageBody: row.payload,
        MessageAttributes: {
          RequestID: { DataType: 'String', StringValue: row.id },
          ErrorCode: { DataType: 'Number', StringValue: '200' },
          ErrorMessage: { DataType: 'String', StringValue: String(errorMessage).slice(0, 1024) || '-' },
        },
      });
    } catch (error) {
      const why = (error as Error).message;
      this.cloud.log(`ERROR: lambda: ${arn} could not send to ${deadLetter}: ${why}; the event is lost`);
    }
  }

  private forget(row: Row): void {
    this.timers.delete(row.id);
    this.cloud.database.prepare('DELETE FROM lambda_asynchronous WHERE id = ?').run(row.id);
  }
}
