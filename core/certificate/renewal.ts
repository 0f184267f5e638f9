/** When a certificate is replaced. Computed from its own dates, so 90, 45 and 6 days are one case. */

const day = 86_400_000;

interface Dates {
  /** Milliseconds since the epoch, all of them. */
  notBefore: number;
  notAfter: number;
  /** The CA's own wish (RFC 9773). */
  window?: { start: number; end: number };
}

/**
 * A random moment in the CA's window (RFC 9773 §4.2: it is how the CA spreads its load); without one a third of the
 * lifetime before the end, half of it for lifetimes under 10 days (Let's Encrypt's integration guide). A window that
 * reaches past the end of the certificate is not followed.
 * @param random a number in [0, 1), e.g. Math.random
 * @returns ms since the epoch; may be past: due now
 */
export function dueAt({ notBefore, notAfter, window, random }: Dates & { random: () => number }): number {
  if (window && window.end <= notAfter) return window.start + random() * (window.end - window.start);
  return notAfter - reserve({ notBefore, notAfter });
}

/**
 * True where the new certificate goes to the servers at once and not in their quiet hour: the CA's window is past
 * (revoked, or about to be), or half of the reserve is used up.
 * @param now ms since the epoch
 */
export function isUrgent(now: number, certificate: Dates): boolean {
  const { notAfter, window } = certificate;
  return (window !== undefined && window.end <= now) || now >= notAfter - reserve(certificate) / 2;
}

function reserve({ notBefore, notAfter }: Dates): number {
  const lifetime = notAfter - notBefore;
  return lifetime < 10 * day ? lifetime / 2 : lifetime / 3;
}
