/** How long a certificate lives, and when the last guard begins to watch its end. Pure. */
import type { Foreign } from './domain.ts';

const DAY = 86_400_000;

/**
 * A renewal in good time comes before this: at two thirds of the lifetime, and for a certificate of
 * 90 days 30 days before its end.
 */
export const GUARDED_MS = 14 * DAY;

/** The dates of a leaf, milliseconds since the epoch. */
export interface Life {
  notBefore: number;
  notAfter: number;
}

/**
 * The moment from which a person is paged each day while this leaf is served: 14 days before its
 * end, or a third of its lifetime before it if that is less. Milliseconds since the epoch.
 */
export function guardedFrom({ notBefore, notAfter }: Life): number {
  return notAfter - Math.min(GUARDED_MS, (notAfter - notBefore) / 3);
}

/** The life whose guard begins first; undefined if there is none. */
export function firstGuarded(lives: Life[]): Life | undefined {
  return lives.toSorted((a, b) => guardedFrom(a) - guardedFrom(b))[0];
}

/**
 * The dates by which a foreign certificate is guarded. From `renewAt` on a certificate of ours is
 * ordered; the guard begins when half of the time that is left then has passed.
 */
export function lifeOfForeign({ renewAt, notAfter }: Pick<Foreign, 'renewAt' | 'notAfter'>): Life {
  const guarded = (notAfter - renewAt) / 2;
  return { notBefore: notAfter - 3 * guarded, notAfter };
}
