/** Work that a server refused, or that cannot be delivered: it waits longer each time. */
import type { Delivered, WorkStore } from '../ports/work-store.ts';
import type { Work } from '../record/server.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** A repair that failed waits for tomorrow's audit. */
const NOT_REPAIRED_FOR_MS = DAY;
/**
 * The wait is no longer than this share of the certificate's life: of 160 hours, 8. A server may
 * serve the one before, which ends a third of that life later.
 */
const SHARE_OF_LIFE = 1 / 20;

/** Why the server refused the work: an error name, and the server's words. */
export interface Refusal {
  name: string;
  text: string;
}

/**
 * Records the refusal. The work is offered again after 1, 2, 4, 8, 16 and then every 24 hours: the
 * cause is on the server or in the certificate, and does not pass in minutes. A server whose 10,000
 * domains wait for its adoption is sent their keys 60 times in two days, and then 10 times a day.
 * Work that is given anew, by a wish, a registration or an audit, is offered at once.
 * @returns when the work is offered again, milliseconds since the epoch
 */
export async function refuse(
  server: string,
  delivered: Delivered,
  { name, text }: Refusal,
  { store, now }: { store: Pick<WorkStore, 'workFor' | 'recordRefused'>; now: number },
): Promise<number> {
  const work = await store.workFor({ server, domain: delivered.domain });
  // An earlier try of this step has recorded the refusal.
  const { v, refusals = 0, calm, notBefore = 0 }: Partial<Work> = work ?? {};
  if (v === delivered.v && refusals > 0 && !calm && notBefore > now) return notBefore;
  const next = now + (name === 'ServedCertificateMismatch' ? NOT_REPAIRED_FOR_MS : waitOf(work));
  await store.recordRefused(server, delivered, next, `${name}: ${text}`);
  return next;
}

function waitOf({ refusals = 0, certificate }: Partial<Work> = {}): number {
  const life = typeof certificate === 'object' ? certificate.notAfter - certificate.notBefore : Infinity;
  return Math.min(HOUR * 2 ** Math.min(refusals, 10), DAY, Math.max(HOUR, life * SHARE_OF_LIFE));
}
