/** Answers for programs: JSON, with times as ISO 8601 in UTC. */
import { escapedJson } from '../core/json.ts';

const MOMENTS = new Set([
  ...['since', 'at', 'seenAt', 'sentAt', 'oldest', 'until', 'nextTry', 'takenOverAt'],
  ...['notBefore', 'notAfter', 'renewAt', 'start', 'end'],
]);

export function json(value: unknown): string {
  return escapedJson(
    value,
    (name, one) => (MOMENTS.has(name) && typeof one === 'number' ? new Date(one).toISOString() : one),
    2,
  );
}
