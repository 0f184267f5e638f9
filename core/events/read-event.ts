/** Reads an event in. Each error names the field, the problem and the remedy, for the sender. */
import * as z from 'zod/mini';
import { SealpostError } from '../errors.ts';
import { wanted } from './events-in.ts';

/**
 * The sender sets an event's time, and an event with a later time replaces an earlier one. An event
 * from far in the future would make sealpost ignore every event until then.
 */
const MAX_AHEAD_MS = 300_000;

/**
 * Characters of a sender's name or value that a message quotes: Step Functions cuts a Cause at
 * 32,768 characters.
 */
const LONGEST_FIELD = 120;
const LONGEST_VALUE = 80;

/**
 * Only our own executions set `look` (core/work/re-evaluate.ts): EventBridge makes the envelope of
 * a sender's event.
 */
const envelope = z.object({
  'detail-type': z.string(),
  time: z.string(),
  detail: z.unknown(),
  look: z.optional(z.literal('due')),
});

export interface EventRead {
  detailType: string;
  /** Milliseconds since the epoch. */
  at: number;
  isOurs: boolean;
  /** The domain or server that the sender named, as it is written in the event. */
  about: string;
  /** @throws SealpostError InvalidStepInput */
  detail<T extends z.ZodMiniType>(schema: T): z.infer<T>;
}

/**
 * @param event the EventBridge envelope, as an execution's input
 * @throws SealpostError InvalidStepInput
 */
export function readEvent(event: unknown, now: number): EventRead {
  const { 'detail-type': detailType, time, detail, look } = parse(envelope, event, { at: '', about: 'unknown' });
  const about = nameIn(detail);
  return {
    ...{ detailType, at: parseTime(time, now), isOurs: look === 'due', about },
    detail: schema => parse(schema, detail, { at: 'detail', about }),
  };
}

function parseTime(time: string, now: number): number {
  const at = Date.parse(time);
  if (Number.isNaN(at)) throw invalid('unknown', { message: `time "${time}" is not a time; give ${wanted['time']}` });
  if (at > now + MAX_AHEAD_MS)
    throw invalid('unknown', { message: `time ${time} is in the future; mend the clock of the sender` });
  return at;
}

function parse<T extends z.ZodMiniType>(
  schema: T,
  value: unknown,
  { at, about }: { at: string; about: string },
): z.infer<T> {
  const result = z.safeParse(schema, value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const unknownKey = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const path = [at, ...issue.path.map(String), unknownKey]
    .filter(part => part)
    .join('.')
    .replace(/\.(\d+)/g, '[$1]');
  const field = (path || 'event').slice(0, LONGEST_FIELD);
  if (unknownKey)
    throw invalid(about, { message: `${field} is not a field of this event; leave it out, or correct its name` });
  const given = issue.path.reduce<unknown>(
    (inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key],
    value,
  );
  const form = wanted[path.replace(/^detail\.|\[\d+\]$/g, '')];
  const problem = given === undefined ? 'is missing' : `${JSON.stringify(given).slice(0, LONGEST_VALUE)} is not valid`;
  throw invalid(about, { message: `${field} ${problem}; ${form ? `give ${form}` : 'the README lists the fields'}` });
}

/** @param rest.message the field, the problem and the remedy */
export function invalid(about: string, rest: { message: string }): SealpostError {
  return new SealpostError('InvalidStepInput', { about, ...rest });
}

function nameIn(detail: unknown): string {
  const { domain, server } = (detail ?? {}) as { domain?: unknown; server?: unknown };
  const named = domain ?? server ?? 'unknown';
  // String() throws on an object of the sender's that has a `toString` of its own.
  return (typeof named === 'string' ? named : JSON.stringify(named)).slice(0, 253);
}
