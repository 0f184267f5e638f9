/**
 * Invocations that nobody waits for (InvocationType Event): kept before they are acknowledged, tried again after a
 * failure, and sent to where the function's failures go once it has had its tries.
 */
import type { FunctionConfiguration, InvokeConfiguration } from './configuration.ts';
import type { Outcome } from './runtime-api.ts';
import type { Cloud } from '../service/service.ts';

/** Of the function, and what its EventInvokeConfig says. */
export type FailureSettings = InvokeConfiguration & Pick<FunctionConfiguration, 'arn' | 'name' | 'role' | 'deadLetter'>;

interface Row {
  id: string;
  function: string;
  payload: string;
  attempts: number;
  created: number;
  due: number;
}

/** Lambda waits 1 and 2 minutes before its retries; here seconds, so that a person sees the end of it. */
const RETRY_DELAYS_MS = [1000, 2000];

export class AsynchronousInvocations {
  private readonly cloud: Cloud;
  private readonly run: (name: string, requestId: string, payload: string) => Promise<Outcome>;
  private readonly settingsOf: (name: string) => FailureSettings | undefined;
  private readonly timers = new Map<string, NodeJS.Timeout>();
  private stopped = false;

  constructor(
    cloud: Cloud,
    run: (name: string, requestId: string, payload: string) => Promise<Outcome>,
    settingsOf: (name: string) => FailureSettings | undefined,
  ) {
    this.cloud = cloud;
    this.run = run;
    this.settingsOf = settingsOf;
    cloud.database.exec(`CREATE TABLE IF NOT EXISTS lambda_asynchronous (id TEXT PRIMARY KEY, function TEXT NOT NULL,
      payload TEXT NOT NULL, attempts INTEGER NOT NULL, created INTEGER NOT NULL, due INTEGER NOT NULL)`);
  }

  /** Keeps the invocation, then lets it run; a provider that is killed from here on runs it when it is back. */
  accept(name: string, requestId: string, payload: string): void {
    const now = this.cloud.now();
    this.cloud.database
      .prepare('INSERT INTO lambda_asynchronous VALUES (?, ?, ?, 0, ?, ?)')
      .run(requestId, name, payload, now, now);
    this.schedule({ id: requestId, function: name, payload, attempts: 0, created: now, due: now });
  }

  /** Goes on with what a stopped or killed provider left; one that was running then runs again. */
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
    const settings = this.settingsOf(row.function);
    if (!settings) {
      this.cloud.log(`WARNING: lambda: ${row.function} is no longer there; its invocation ${row.id} is dropped`);
      return this.forget(row);
    }
    const outcome = await this.outcome(row);
    // What stop() did to the process is not the function's failure: the row stays for the next start.
    if (this.stopped) return;
    if (outcome.functionError === undefined) return this.forget(row);

    const attempts = row.attempts + 1;
    const delay = RETRY_DELAYS_MS[attempts - 1];
    const tooOld = this.cloud.now() + (delay ?? 0) - row.created > settings.maximumEventAgeSeconds * 1000;
    if (delay !== undefined && attempts <= settings.maximumRetryAttempts && !tooOld) {
      const due = this.cloud.now() + delay;
      this.cloud.database
        .prepare('UPDATE lambda_asynchronous SET attempts = ?, due = ? WHERE id = ?')
        .run(attempts, due, row.id);
      return this.schedule({ ...row, attempts, due });
    }
    await this.giveUp(
      { ...row, attempts },
      settings,
      outcome.payload,
      tooOld ? 'EventAgeExceeded' : 'RetriesExhausted',
    );
    this.forget(row);
  }

  private async outcome(row: Row): Promise<Pick<Outcome, 'payload' | 'functionError'>> {
    try {
      return await this.run(row.function, row.id, row.payload);
    } catch (error) {
      const { name, message } = error as Error;
      return { payload: JSON.stringify({ errorType: name, errorMessage: message }), functionError: 'Unhandled' };
    }
  }

  private async giveUp(row: Row, settings: FailureSettings, responsePayload: string, condition: string): Promise<void> {
    const answer = JSON.parse(responsePayload);
    if (settings.deadLetter) {
      await this.send(settings, settings.deadLetter, row.payload, {
        RequestID: { DataType: 'String', StringValue: row.id },
        ErrorCode: { DataType: 'Number', StringValue: '200' },
        ErrorMessage: { DataType: 'String', StringValue: String(answer.errorMessage).slice(0, 1024) || '-' },
      });
    }
    if (settings.onFailure) {
      const record = {
        version: '1.0',
        timestamp: new Date(this.cloud.now()).toISOString(),
        requestContext: {
          requestId: row.id,
          functionArn: `${settings.arn}:$LATEST`,
          condition,
          approximateInvokeCount: row.attempts,
        },
        requestPayload: JSON.parse(row.payload),
        responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
        responsePayload: answer,
      };
      await this.send(settings, settings.onFailure, JSON.stringify(record));
    }
    if (!settings.deadLetter && !settings.onFailure) {
      this.cloud.log(
        `WARNING: lambda: ${row.function} ${row.id} failed ${row.attempts} times and has no queue for that; the event is lost`,
      );
    }
  }

  /** As the function's role. A queue that refuses loses the event, on AWS too (metric DeadLetterErrors). */
  private async send(settings: FailureSettings, queueArn: string, body: string, attributes?: object): Promise<void> {
    const [, , , , account, queue] = queueArn.split(':');
    try {
      const caller = this.cloud.iam.assume(settings.role, 'lambda.amazonaws.com', settings.name);
      await this.cloud.request(caller, 'sqs', 'SendMessage', {
        QueueUrl: `${this.cloud.endpoint}/${account}/${queue}`,
        MessageBody: body,
        MessageAttributes: attributes,
      });
    } catch (error) {
      this.cloud.log(
        `ERROR: lambda: ${settings.arn} could not send to ${queueArn}: ${(error as Error).message}; the event is lost`,
      );
    }
  }

  private forget(row: Row): void {
    this.timers.delete(row.id);
    this.cloud.database.prepare('DELETE FROM lambda_asynchronous WHERE id = ?').run(row.id);
  }
}
