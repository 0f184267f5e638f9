/**
 * The brake on tries that senders and operators ask for. After an order failed at the CA, the same
 * order fails again until something outside changes, and the CA counts each failure. A panel that
 * sends an event a minute would use up the account's orders for all domains. So the tries that are
 * asked for have a rate of their own (GCRA, as core/record/limits.ts). The sweep's own tries, and a
 * wish for other names, are not braked. Times are milliseconds since the epoch.
 */
import { createHash } from 'node:crypto';
import type { Plan } from './plan.ts';
import type { Parked } from './parked.ts';

/** What is on record of a domain's orders that failed at the CA since its last certificate. */
export interface Brake {
  /** The orders that failed, as `orderOf` gives them; the oldest first. */
  failed: string[];
  /** The last failure. */
  last: Pick<Parked, 'reason' | 'message'>;
  /** When the rate is unused again; absent while no try was asked for. */
  usedUntil?: number;
  /** The execution that makes the last try that was asked for. */
  grantedTo?: string;
}

/**
 * Let's Encrypt takes 5 failed validations of a name in an hour (page on rate limits of
 * 2026-08-05). The domain's own tries at minutes 0 and 1 and three that a person asks for are five.
 * The sixth waits: one an hour is asked for, one is the domain's own.
 */
export const ASKED = { atOnce: 3, intervalMs: 3_600_000 };
/**
 * A wish that goes back and forth between a few contents is known after each has failed once. With
 * so many contents on record every further one counts as known.
 */
const MOST_FAILED = 8;

/** What an order is for: the CA fails the same one for the same reason. */
export function orderOf({ names, profile, issuer }: Pick<Plan, 'names' | 'profile' | 'issuer'>): string {
  return digest([[...names].sort(), profile ?? '', issuer]);
}

/** What a wish says, in any order of its members. */
export function contentOf(wish: object): string {
  return digest(Object.entries(wish).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
}

/** The brake after one more order has failed. */
export function withFailed(brake: Brake | undefined, order: string, last: Brake['last']): Brake {
  const { failed = [], grantedTo: _, ...rate } = brake ?? {};
  return { ...rate, failed: [...failed.filter(one => one !== order), order].slice(-MOST_FAILED), last };
}

/** @returns how many tries may be asked for at once after this one, 0 to 2 */
export function leftAfter({ usedUntil = 0 }: Brake, now: number): number {
  const { atOnce, intervalMs } = ASKED;
  return Math.floor((atOnce * intervalMs - Math.max(0, usedUntil - now)) / intervalMs);
}

/** What the brake says of a try. */
export type Verdict =
  /** The try is made. `brake`: what is recorded first, if the try is one that was asked for. */
  | { isHeld: false; brake?: Brake }
  /** The try waits until `nextTry`. `brake`: what is recorded first, if that moment is new. */
  | { isHeld: true; nextTry: number; brake?: Brake };

/**
 * @param tried.order of the plan; undefined: any order
 * @param tried.me the execution, so that a step that is retried is granted once
 */
export function brakeOn(
  { brake, parked }: { brake?: Brake; parked?: Pick<Parked, 'nextTry'> },
  { order, me, now }: { order?: string; me: string; now: number },
): Verdict {
  const isOwn = parked !== undefined && parked.nextTry <= now;
  if (brake === undefined || isOwn || brake.grantedTo === me) return { isHeld: false };
  const isKnown = order === undefined || brake.failed.includes(order) || brake.failed.length >= MOST_FAILED;
  if (!isKnown) return { isHeld: false };
  const { atOnce, intervalMs } = ASKED;
  const from = Math.max(brake.usedUntil ?? 0, now);
  const nextTry = from - (atOnce - 1) * intervalMs;
  const used = { ...brake, usedUntil: from + intervalMs };
  if (nextTry <= now) return { isHeld: false, brake: { ...used, grantedTo: me } };
  if (parked !== undefined && parked.nextTry <= nextTry) return { isHeld: true, nextTry: parked.nextTry };
  return { isHeld: true, nextTry, brake: used };
}
