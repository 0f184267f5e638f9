/**
 * When a certificate is renewed. The moment comes from the certificate's own dates, so that
 * lifetimes of 90, 45 and 6 days need no rule of their own.
 */

const day = 86_400_000;

interface Dates {
  /** Milliseconds since the epoch, here and below. */
  notBefore: number;
  notAfter: number;
  /** The window that the CA suggests (RFC 9773). */
  window?: { start: number; end: number };
}

/**
 * The moment at which a certificate is due to be renewed: a random moment in the CA's window (RFC
 * 9773 §4.2: the CA spreads its load with the windows). Without a window, or with one that ends
 * after the certificate, a third of the lifetime before the end; for a lifetime under 10 days, half
 * of it (Let's Encrypt's integration guide). Half of that time is left in any case, for a renewal
 * that fails.
 * @param random gives a number in [0, 1), e.g. Math.random
 * @returns milliseconds since the epoch; a moment in the past means due now
 */
export function dueAt({ notBefore, notAfter, window, random }: Dates & { random: () => number }): number {
  if (!window || window.end > notAfter) return notAfter - reserve({ notBefore, notAfter });
  const latest = notAfter - reserve({ notBefore, notAfter }) / 2;
  const [start, end] = [Math.min(window.start, latest), Math.min(window.end, latest)];
  return start + random() * (end - start);
}

/**
 * True if the new certificate goes to the servers at once, and not in their quiet hour: the CA's
 * window has passed (the certificate was revoked, or will be), or half of the reserve is used up.
 * @param now milliseconds since the epoch
 */
export function isUrgent(now: number, certificate: Dates): boolean {
  const { notAfter, window } = certificate;
  return (window !== undefined && window.end <= now) || now >= notAfter - reserve(certificate) / 2;
}

function reserve({ notBefore, notAfter }: Dates): number {
  const lifetime = notAfter - notBefore;
  return lifetime < 10 * day ? lifetime / 2 : lifetime / 3;
}
