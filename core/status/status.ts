/**
 * What `sealpost status` shows of a domain, a server or an issuer: the state, since when, and what
 * comes next and when. If something is not well: why, and what a person can do.
 */
import { remedySentence, type ErrorName } from '../errors.ts';

export interface Status {
  name: string;
  state: string;
  /** False if a person has to act, or has to know. */
  well: boolean;
  /** Milliseconds since the epoch, as all times in this folder. */
  since?: number;
  next?: { what: string; at?: number };
  why?: string;
  reason?: ErrorName;
  remedy?: string;
}

/**
 * The sweep starts every minute what is due. After this time the sweep did not run, or its
 * executions failed.
 */
const OVERDUE_MS = 15 * 60_000;

export function because(reason: ErrorName, why: string): Pick<Status, 'why' | 'reason' | 'remedy'> {
  return { why, reason, remedy: remedySentence[reason] };
}

/** Adds that the item is overdue. */
export function unlessOverdue<S extends Status>(status: S, record: { dueAt?: number }, now: number): S {
  if (record.dueAt === undefined || now - record.dueAt < OVERDUE_MS) return status;
  return {
    ...status,
    well: false,
    next: { what: 'overdue since', at: record.dueAt },
    why: [status.why, 'It is due, and no execution has begun.'].filter(Boolean).join(' '),
    remedy:
      status.remedy ??
      'Make sure that the sweep runs every minute: check its schedule, the log of its function, and the dead-letter queue.',
  };
}

/** True if an execution holds the claim now. */
export function isClaimed(record: { owner?: string; leaseUntil?: number }, now: number): boolean {
  return record.owner !== undefined && (record.leaseUntil ?? 0) >= now;
}
