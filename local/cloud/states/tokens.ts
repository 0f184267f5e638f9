/** Task tokens: handed out for `.waitForTaskToken`, answered by SendTaskSuccess and SendTaskFailure, kept across a kill. */
import { randomUUID } from 'node:crypto';
import { abortable, sleepUntil } from './asl/clock.ts';
import { StateError } from './asl/state-error.ts';
import { AwsError, type Cloud } from '../service.ts';

/** Why an execution's work in this process ends although the execution goes on: the provider stops, and resumes later. */
export class Suspended extends Error {
  override readonly name = 'Suspended';
}

export type TokenOutcome = { output: string } | { error?: string; cause?: string };

export class TaskTokens {
  readonly #cloud: Cloud;
  /** Who waits in this process, by token. */
  readonly #waiting = new Map<string, () => void>();

  constructor(cloud: Cloud) {
    cloud.database.exec(`
      CREATE TABLE IF NOT EXISTS states_tokens (
        token TEXT PRIMARY KEY, execution TEXT NOT NULL, beat INTEGER NOT NULL, outcome TEXT, ended INTEGER NOT NULL DEFAULT 0);
      CREATE INDEX IF NOT EXISTS states_tokens_of ON states_tokens (execution) WHERE ended = 0;`);
    this.#cloud = cloud;
  }

  /** The token names its state machine, so that permission can be asked for before the token is looked up. */
  issue(machineArn: string, execution: string): string {
    const token = Buffer.from(JSON.stringify([machineArn, randomUUID(), randomUUID()])).toString('base64');
    this.#cloud.database
      .prepare('INSERT INTO states_tokens (token, execution, beat) VALUES (?, ?, ?)')
      .run(token, execution, this.#cloud.now());
    return token;
  }

  /** Throws AwsError InvalidToken for what was never one of ours. */
  machineOf(token: string): string {
    try {
      const [machineArn] = JSON.parse(Buffer.from(token, 'base64').toString());
      if (typeof machineArn === 'string') return machineArn;
    } catch {
      // Not JSON: answered below.
    }
    throw new AwsError('InvalidToken', "Invalid Token: 'Invalid token'");
  }

  /** Throws AwsError TaskDoesNotExist, or TaskTimedOut for a task that is over or was already answered. */
  answer(token: string, outcome: TokenOutcome): void {
    this.#assertOpen(token);
    this.#cloud.database
      .prepare('UPDATE states_tokens SET outcome = ? WHERE token = ?')
      .run(JSON.stringify(outcome), token);
    this.#waiting.get(token)?.();
  }

  /** Throws as `answer`. */
  heartbeat(token: string): void {
    this.#assertOpen(token);
    this.#cloud.database.prepare('UPDATE states_tokens SET beat = ? WHERE token = ?').run(this.#cloud.now(), token);
  }

  /**
   * The output that the token is answered with, as JSON text.
   * @throws StateError as answered, or States.Timeout when `heartbeatSeconds` passed without a heartbeat
   */
  async wait(token: string, heartbeatSeconds: number | undefined, signal: AbortSignal): Promise<string> {
    for (;;) {
      const row = this.#row(token)!;
      if (row.outcome) {
        const outcome: TokenOutcome = JSON.parse(row.outcome);
        if ('output' in outcome) return outcome.output;
        throw new StateError(outcome.error, outcome.cause);
      }
      const overdue = heartbeatSeconds === undefined ? Infinity : row.beat + heartbeatSeconds * 1000;
      if (this.#cloud.now() >= overdue) throw new StateError('States.Timeout', undefined, { heartbeat: true });
      await this.#woken(token, overdue, signal);
    }
  }

  /** From here on the token is gone. */
  end(token: string): void {
    this.#cloud.database.prepare('UPDATE states_tokens SET ended = 1 WHERE token = ?').run(token);
  }

  /** Ends what an execution still has open, but for the one that it waits for. */
  endAllOf(execution: string, except?: string): void {
    this.#cloud.database
      .prepare('UPDATE states_tokens SET ended = 1 WHERE execution = ? AND ended = 0 AND token IS NOT ?')
      .run(execution, except ?? null);
  }

  async #woken(token: string, at: number, signal: AbortSignal): Promise<void> {
    const answered = Promise.withResolvers<void>();
    const done = new AbortController();
    this.#waiting.set(token, answered.resolve);
    const timer =
      at === Infinity ? answered.promise : sleepUntil(this.#cloud.now, at, done.signal).catch(() => undefined);
    try {
      await abortable(Promise.race([answered.promise, timer]), signal);
    } finally {
      done.abort();
      this.#waiting.delete(token);
    }
  }

  #assertOpen(token: string): void {
    const row = this.#row(token);
    if (!row) throw new AwsError('TaskDoesNotExist', "Task does not exist: 'Provided task does not exist'");
    if (!row.ended && !row.outcome) return;
    throw new AwsError('TaskTimedOut', "Task Timed Out: 'Provided task does not exist anymore'");
  }

  #row(token: string): { beat: number; outcome: string | null; ended: number } | undefined {
    return this.#cloud.database.prepare('SELECT beat, outcome, ended FROM states_tokens WHERE token = ?').get(token) as
      { beat: number; outcome: string | null; ended: number } | undefined;
  }
}
