/** ACME Renewal Information (RFC 9773): when the CA would like a certificate to be replaced. Asked without an account. */
import { X509Certificate } from 'node:crypto';
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
      nextLookAt: nextLook(retryAt(header(answer, 'retry-after'), now), now),
    };
  } catch (error) {
    // The CA answered and does not know the certificate: another CA's, or one from before its state was lost.
    const unknown = error instanceof AcmeProblem && error.status < 500 && error.status !== 429;
    if (unknown && !isProblem(error, 'rateLimited')) return { nextLookAt: now + afterError };
    throw asSealpostError(error, ariId, now);
  }
}

/** §4.3.2: between one minute and one day. At least twice a day is what Let's Encrypt asks for. */
function nextLook(asked: number | undefined, now: number): number {
  return Math.min(Math.max(asked ?? now + afterError, now + 60_000), now + 12 * hour);
}

/**
 * The certificate's unique identifier (§4.1): key identifier of its authority key identifier, '.', serial number.
 * @returns undefined for a certificate without key identifier
 */
export function ariId(certificate: X509Certificate): string | undefined {
  const fields = children(certificate.raw)[0]!;
  const tbs = children(fields.whole);
  // RFC 5280 §4.1: [0] version, serialNumber, …, [3] extensions
  const serial = tbs.find(({ tag }) => tag === 0x02)!;
  const extensions = tbs.find(({ tag }) => tag === 0xa3);
  const list = extensions ? children(children(extensions.whole)[0]!.whole) : [];
  for (const extension of list) {
    const [id, ...rest] = children(extension.whole);
    if (!id!.body.equals(authorityKeyIdentifier)) continue;
    // extnValue is last, after an optional `critical`; inside it SEQUENCE { [0] keyIdentifier … }
    const keyId = children(rest.at(-1)!.body).find(({ tag }) => tag === 0x80);
    // The serial with its sign octet, which is why it is read from the DER: Node's serialNumber leaves that out.
    return keyId && `${keyId.body.toString('base64url')}.${serial.body.toString('base64url')}`;
  }
  return undefined;
}

/** 2.5.29.35 */
const authorityKeyIdentifier = Buffer.from([0x55, 0x1d, 0x23]);

interface Element {
  tag: number;
  body: Buffer;
  whole: Buffer;
}

/** The elements inside the one that `der` starts with (X.690 §8.1; DER has definite lengths only). */
function children(der: Buffer): Element[] {
  const elements: Element[] = [];
  for (let rest = element(der).body; rest.length > 0;) {
    const next = element(rest);
    elements.push(next);
    rest = rest.subarray(next.whole.length);
  }
  return elements;
}

function element(der: Buffer): Element {
  const short = der[1]!;
  const lengthBytes = short < 0x80 ? 0 : short & 0x7f;
  const length = lengthBytes === 0 ? short : der.readUIntBE(2, lengthBytes);
  const start = 2 + lengthBytes;
  return { tag: der[0]!, body: der.subarray(start, start + length), whole: der.subarray(0, start + length) };
}
