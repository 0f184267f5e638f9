/** A server's quiet hour: the moment of the day at which calm work is delivered to it. */
import { createHash } from 'node:crypto';

/** Hours of the day in UTC: the setting `1-5`; over midnight `22-4`; the whole day `0-0`. */
export interface QuietHours {
  from: number;
  to: number;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

export function parseQuietHours(text: string): QuietHours {
  const [from, to] = text.split('-').map(Number) as [number, number];
  return { from, to };
}

/**
 * A server's moment in these hours is the same each day. A hash of the server's name spreads the
 * servers over the hours.
 * @param now milliseconds since the epoch
 * @returns the next such moment, milliseconds since the epoch
 */
export function quietMoment(server: string, { from, to }: QuietHours, now: number): number {
  const length = ((to - from + 24) % 24 || 24) * HOUR;
  const share = createHash('sha256').update(server).digest().readUInt32BE() / 2 ** 32;
  const first = Math.floor(now / DAY) * DAY - DAY + from * HOUR + Math.floor(share * length);
  return first + Math.ceil((now + 1 - first) / DAY) * DAY;
}
