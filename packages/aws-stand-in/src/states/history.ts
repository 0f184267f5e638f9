/** The history of executions: one row for each event, in AWS's own shape. */
import type { HistoryEvent } from '@aws-sdk/client-sfn';
import type { DatabaseSync } from 'node:sqlite';
import { StateError } from './asl/state-error.ts';

type Details = Record<string, unknown>;

/** The limit of Step Functions. The event that would reach it ends the execution instead. */
const mostEvents = 25_000;

/** The members that `includeExecutionData: false` leaves out. */
const executionData = ['input', 'inputDetails', 'output', 'outputDetails', 'parameters'];

/**
 * The number of states that an execution entered. AWS bills these, and the retries, which `history`
 * shows as further attempts.
 */
export function transitions(history: readonly Pick<HistoryEvent, 'type'>[]): number {
  return history.filter(event => event.type?.endsWith('StateEntered')).length;
}

export class History {
  readonly #database: DatabaseSync;
  readonly #now: () => number;

  constructor(database: DatabaseSync, now: () => number) {
    database.exec(`CREATE TABLE IF NOT EXISTS states_events (
      execution TEXT NOT NULL, id INTEGER NOT NULL, previous INTEGER NOT NULL, type TEXT NOT NULL, at INTEGER NOT NULL,
      details TEXT NOT NULL, PRIMARY KEY (execution, id)) WITHOUT ROWID`);
    this.#database = database;
    this.#now = now;
  }

  /**
   * Returns the event's id. The events that end an execution are always accepted.
   * @throws StateError States.Runtime if the history is full
   */
  append(execution: string, type: string, details: Details, previous: number): number {
    const id = this.lastId(execution) + 1;
    if (id >= mostEvents && !type.startsWith('Execution')) {
      throw new StateError(
        'States.Runtime',
        `The execution reached the maximum number of history events (${mostEvents}).`,
      );
    }
    this.#database
      .prepare('INSERT INTO states_events VALUES (?, ?, ?, ?, ?, ?)')
      .run(execution, id, previous, type, this.#now(), JSON.stringify(details));
    return id;
  }

  lastId(execution: string): number {
    const row = this.#database.prepare('SELECT max(id) AS id FROM states_events WHERE execution = ?').get(execution);
    return (row?.['id'] as number | null) ?? 0;
  }

  /** At most `limit` events after the id `from`; in reverse order, before it. */
  events(
    execution: string,
    { from, limit, reverse = false, data = true }: { from?: number; limit: number; reverse?: boolean; data?: boolean },
  ): HistoryEvent[] {
    const beyond = reverse ? 'id < ? ORDER BY id DESC' : 'id > ? ORDER BY id';
    return this.#database
      .prepare(`SELECT id, previous, type, at, details FROM states_events WHERE execution = ? AND ${beyond} LIMIT ?`)
      .all(execution, from ?? (reverse ? Number.MAX_SAFE_INTEGER : 0), limit)
      .map(row => ({
        timestamp: new Date(row['at'] as number),
        type: row['type'] as HistoryEvent['type'],
        id: row['id'] as number,
        previousEventId: row['previous'] as number,
        ...(data ? JSON.parse(row['details'] as string) : withoutData(JSON.parse(row['details'] as string))),
      }));
  }
}

function withoutData(details: Record<string, Details>): Record<string, Details> {
  const kept = ([name, value]: [string, Details]) => [
    name,
    Object.fromEntries(Object.entries(value).filter(([member]) => !executionData.includes(member))),
  ];
  return Object.fromEntries(Object.entries(details).map(kept));
}
