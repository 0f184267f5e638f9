/**
 * Task tokens: issued for `.waitForTaskToken`, answered by SendTaskSuccess and SendTaskFailure,
 * stored across a kill.
 */
import { randomUUID } from 'node:crypto';
import { abortable } from './asl/clock.ts';
import { StateError } from './asl/state-error.ts';
import { AwsError, type Cloud } from '../service/service.ts';

/** The process stops and resumes the execution later. The execution itself goes on. */
export class Suspended extends Error {
  override readonly name = 'Suspended';
}

export type TokenOutcome = { output: string } | { error?: string; cause?: string };

export class TaskTokens {
  readonly #cloud: Cloud;
  /** The waiting tasks of this process, by token. */
  readonly #waiting = new Map<string, () => void>();

  constructor(cloud: Cloud) {
    cloud.database.exec(`
      CREATE TABLE IF NOT EXISTS states_tokens (
        token TEXT PRIMARY KEY, execution TEXT NOT NULL, outcome TEXT, ended INTEGER NOT NULL DEFAULT 0);
      CREATE INDEX IF NOT EXISTS states_tokens_of ON states_tokens (execution) WHERE ended = 0;`);
    this.#cloud = cloud;
  }

  /**
   * A token names its state machine, so that permission is checked before the token is looked up.
   */
  issue(machineArn: string, execution: string): string {
    const token = Buffer.from(JSON.stringify([machineArn, randomUUID(), randomUUID()])).toString('base64');
    this.#cloud.database.prepare('INSERT INTO states_tokens (token, execution) VALUES (?, ?)').run(token, execution);
    return token;
  }

  /** @throws AwsError InvalidToken for a text that was never a token */
  machineOf(token: string): string {
    try {
      const [machineArn] = JSON.parse(Buffer.from(token, 'base64').toString());
      if (typeof machineArn === 'string') return machineArn;
    } catch {}
    throw new AwsError('InvalidToken', "Invalid Token: 'Invalid token'");
  }

  /** @throws AwsError TaskDoesNotExist; TaskTimedOut for a task that is over or has its answer */
  answer(token: string, outcome: TokenOutcome): void {
    this.#assertOpen(token);
    this.#cloud.database
      .prepare('UPDATE states_tokens SET outcome = ? WHERE token = ?')
      .run(JSON.stringify(outcome), token);
    this.#waiting.get(token)?.();
  }

  /**
   * Returns the output of the token's answer, as JSON text.
   * @throws StateError if the answer is a failure
   */
  async wait(token: string, signal: AbortSignal): Promise<string> {
    for (;;) {
      const { outcome: text } = this.#row(token)!;
      if (text) {
        const outcome: TokenOutcome = JSON.parse(text);
        if ('output' in outcome) return outcome.output;
        throw new StateError(outcome.error, outcome.cause);
      }
      await this.#woken(token, signal);
    }
  }

  end(token: string): void {
    this.#cloud.database.prepare('UPDATE states_tokens SET ended = 1 WHERE token = ?').run(token);
  }

  /** Ends all open tokens of an execution, apart from the token that it waits for. */
  endAllOf(execution: string, except?: string): void {
    this.#cloud.database
      .prepare('UPDATE states_tokens SET ended = 1 WHERE execution = ? AND ended = 0 AND token IS NOT ?')
      .run(execution, except ?? null);
  }

  async #woken(token: string, signal: AbortSignal): Promise<void> {
    const answered = Promise.withResolvers<void>();
    this.#waiting.set(token, answered.resolve);
    try {
      await abortable(answered.promise, signal);
    } finally {
      this.#waiting.delete(token);
    }
  }

  #assertOpen(token: string): void {
    const row = this.#row(token);
    if (!row) throw new AwsError('TaskDoesNotExist', "Task does not exist: 'Provided task does not exist'");
    if (!row.ended && !row.outcome) return;
    throw new AwsError('TaskTimedOut', "Task Timed Out: 'Provided task does not exist anymore'");
  }

  #row(token: string): { outcome: string | null; ended: number } | undefined {
    return this.#cloud.database.prepare('SELECT outcome, ended FROM states_tokens WHERE token = ?').get(token) as
      { outcome: string | null; ended: number } | undefined;
  }
}
