/** ACME Renewal Information (RFC 9773): when the CA would like a certificate to be replaced. Asked without an account. */
import { AcmeProblem, asSealpostError, header, isProblem, retryAt } from './problem.ts';
import type { Connection } from './transport.ts';

export interface RenewalInfo {
  /** Milliseconds since the epoch; undefined where the CA has no (usable) advice for this certificate. */
  window?: { start: number; end: number };
  /** A page that says why, where the CA gives one: an incident. */
  explanation?: string;
  /** Milliseconds since the epoch. */
  nextLookAt: number;
}

const hour = 3_600_000;
/** RFC 9773 §4.3.3: a long-term error is looked at again after six hours. */
const afterError = 6 * hour;

/**
 * @param now ms since the epoch
 * @throws AcmeUnavailable, AcmeRateLimited: keep what is known
 */
export async function readRenewalInfo(
  ca: Pick<Connection, 'directory' | 'request'>,
  ariId: string,
  now: number,
): Promise<RenewalInfo> {
  try {
    const { renewalInfo } = await ca.directory();
    if (!renewalInfo) return { nextLookAt: now + afterError };
    const answer = await ca.request(`${renewalInfo}/${ariId}`, 'get');
    if (answer.status >= 400) throw new AcmeProblem(answer);
    const { suggestedWindow, explanationURL } = answer.data ?? {};
    const [start, end] = [Date.parse(suggestedWindow?.start), Date.parse(suggestedWindow?.end)];
    if (!(start < end)) return { nextLookAt: now + afterError }; // §4.2: such an answer counts as an error
    return {
      window: { start, end },
      ...(explanationURL && { explanation: explanationURL }),
      nextLookAt: nextLook({ asked: retryAt(header(answer, 'retry-after'), now), now }),
    };
  } catch (error) {
    // The CA answered and does not know the certificate: another CA's, or one from before its state was lost.
    const unknown = error instanceof AcmeProblem && error.status < 500 && error.status !== 429;
    if (unknown && !isProblem(error, 'rateLimited')) return { nextLookAt: now + afterError };
    throw asSealpostError(error, ariId, now);
  }
}

/** §4.3.2: between one minute and one day. At least twice a day is what Let's Encrypt asks for. */
function nextLook({ asked, now }: { asked: number | undefined; now: number }): number {
  return Math.min(Math.max(asked ?? now + afterError, now + 60_000), now + 12 * hour);
}
