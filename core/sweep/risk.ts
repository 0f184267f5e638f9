/** Which of the due domains are started first if more are due than one minute takes. Pure. */
import type { DueDomain } from '../record/due.ts';

/**
 * Orders the due domains: first those whose certificate is revoked or expired, then those that
 * expire soonest, then those without a certificate. One in ten places goes to the domains that are
 * due longest, so that a storm of renewals does not keep a new domain waiting until the storm is
 * over.
 * @param limits.now milliseconds since the epoch
 * @param limits.most number of domains to return
 */
export function riskiestFirst<D extends DueDomain>(due: D[], { now, most }: { now: number; most: number }): D[] {
  const longest = [...due].sort((a, b) => a.dueAt - b.dueAt).slice(0, Math.ceil(most / 10));
  const others = due.filter(one => !longest.includes(one));
  const riskiest = others.sort((a, b) => risk(a, now) - risk(b, now) || a.dueAt - b.dueAt);
  return [...longest, ...riskiest.slice(0, most - longest.length)].sort(
    (a, b) => risk(a, now) - risk(b, now) || a.dueAt - b.dueAt,
  );
}

/**
 * The moment at which clients stop trusting the certificate, milliseconds since the epoch: 0 if
 * that moment has passed, the largest number if nothing trusted is served.
 */
function risk({ certificate }: DueDomain, now: number): number {
  if (!certificate || certificate.staging) return Number.MAX_SAFE_INTEGER;
  const { notAfter, window } = certificate;
  const isOver = notAfter <= now || (window !== undefined && window.end <= now);
  return isOver ? 0 : notAfter;
}
