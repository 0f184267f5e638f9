/** What a person is told of a domain or a server: its state, since when, what comes next and when; and where something is not well, why, and what can be done. */
import { remedySentence, type ErrorName } from '../errors.ts';

export interface Status {
  name: string;
  state: string;
  /** False where somebody has to do something, or to know. */
  well: boolean;
  /** Milliseconds since the epoch, as all times here. */
  since?: number;
  next?: { what: string; at?: number };
  why?: string;
  /** The reason's name, where it has one. */
  reason?: ErrorName;
  remedy?: string;
}

/** The sweep comes each minute and hands out what is due; after this it did not come, or what it began came to nothing. */
const OVERDUE_MS = 15 * 60_000;

export function because(reason: ErrorName, why: string): Pick<Status, 'why' | 'reason' | 'remedy'> {
  return { why, reason, remedy: remedySentence[reason] };
}

/** Adds that its time has come and gone. */
export function unlessOverdue<S extends Status>(status: S, record: { dueAt?: number }, now: number): S {
  if (record.dueAt === undefined || now - record.dueAt < OVERDUE_MS) return status;
  return {
    ...status,
    well: false,
    next: { what: 'overdue since', at: record.dueAt },
    why: [status.why, 'Its time has come, and nobody took it up.'].filter(Boolean).join(' '),
    remedy:
      status.remedy ??
      'See that the sweep runs each minute: its schedule, the log of its function, and the dead-letter queue.',
  };
}

/** An execution holds it now. */
export function isClaimed(record: { owner?: string; leaseUntil?: number }, now: number): boolean {
  return record.owner !== undefined && (record.leaseUntil ?? 0) >= now;
}
