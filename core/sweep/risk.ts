/** Which of the domains that are due are started first, where more are due than a minute takes. Pure. */
import type { DueDomain } from '../record/due.ts';

/**
 * Revoked or expired, then the soonest to expire, then those that have no certificate yet. One in ten is the longest due,
 * whatever it is: a storm of renewals does not keep a new domain waiting until it is over.
 */
export function riskiestFirst<D extends DueDomain>(due: D[], { now, most }: { now: number; most: number }): D[] {
  const longest = [...due].sort((a, b) => a.dueAt - b.dueAt).slice(0, Math.ceil(most / 10));
  const others = due.filter(one => !longest.includes(one));
  const riskiest = others.sort((a, b) => risk(a, now) - risk(b, now) || a.dueAt - b.dueAt);
  return [...longest, ...riskiest.slice(0, most - longest.length)].sort(
    (a, b) => risk(a, now) - risk(b, now) || a.dueAt - b.dueAt,
  );
}

/** The moment at which nobody trusts it any more; 0 where that has come, and the largest number there is where nothing is served. */
function risk({ certificate }: DueDomain, now: number): number {
  if (!certificate || certificate.staging) return Number.MAX_SAFE_INTEGER;
  const { notAfter, window } = certificate;
  const isOver = notAfter <= now || (window !== undefined && window.end <= now);
  return isOver ? 0 : notAfter;
}
