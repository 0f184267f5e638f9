/**
 * ACME Renewal Information (RFC 9773): when the CA suggests to replace a certificate. The question
 * needs no account.
 */
import { AcmeProblem, asSealpostError, header, isProblem, retryAt } from './problem.ts';
import type { Connection } from './transport.ts';

export interface RenewalInfo {
  /**
   * Milliseconds since the epoch; absent if the CA suggests no (valid) window for this certificate.
   */
  window?: { start: number; end: number };
  /** The URL of a page with the CA's reason, such as an incident. */
  explanation?: string;
  /** When to ask again, milliseconds since the epoch. */
  askAgainAt: number;
}

const hour = 3_600_000;
/** RFC 9773 §4.3.3: after a long-term error, ask again after six hours. */
const AFTER_ERROR_MS = 6 * hour;
/** The link is stored with the certificate. */
const LONGEST_LINK = 500;

/**
 * @param now milliseconds since the epoch
 * @throws SealpostError AcmeUnavailable, AcmeRateLimited; the recorded window then stays
 */
export async function readRenewalInfo(
  ca: Pick<Connection, 'directory' | 'request'>,
  ariId: string,
  now: number,
): Promise<RenewalInfo> {
  try {
    const { renewalInfo } = await ca.directory();
    if (!renewalInfo) return { askAgainAt: now + AFTER_ERROR_MS };
    const answer = await ca.request(`${renewalInfo}/${ariId}`, 'get');
    if (answer.status >= 400) throw new AcmeProblem(answer);
    const { suggestedWindow, explanationURL } = answer.data ?? {};
    const [start, end] = [Date.parse(suggestedWindow?.start), Date.parse(suggestedWindow?.end)];
    if (!(start < end)) return { askAgainAt: now + AFTER_ERROR_MS }; // §4.2: such an answer is an error
    return {
      window: { start, end },
      ...(isLink(explanationURL) && { explanation: explanationURL }),
      askAgainAt: askAgain({ asked: retryAt(header(answer, 'retry-after'), now), now }),
    };
  } catch (error) {
    // The CA answered and does not know the certificate: another CA issued it, or the CA lost its
    // state.
    const unknown = error instanceof AcmeProblem && error.status < 500 && error.status !== 429;
    if (unknown && !isProblem(error, 'rateLimited')) return { askAgainAt: now + AFTER_ERROR_MS };
    throw asSealpostError(error, ariId, now);
  }
}

function isLink(value: unknown): value is string {
  return typeof value === 'string' && value.length <= LONGEST_LINK && URL.canParse(value);
}

/**
 * RFC 9773 §4.3.2 sets the limits of one minute and one day. Let's Encrypt asks for at least two
 * questions a day.
 */
function askAgain({ asked, now }: { asked: number | undefined; now: number }): number {
  return Math.min(Math.max(asked ?? now + AFTER_ERROR_MS, now + 60_000), now + 12 * hour);
}
