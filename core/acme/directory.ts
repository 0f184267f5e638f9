/**
 * What a CA says of itself in its directory (RFC 8555 §7.1.1). The question needs no account, and
 * the process keeps the answer.
 */
import type { Issuer } from './issuer.ts';
import { asSealpostError } from './problem.ts';
import type { Directory } from './answers.ts';
import { openConnection } from './transport.ts';

/**
 * @param now milliseconds since the epoch, for Retry-After
 * @throws SealpostError AcmeUnavailable, AcmeRateLimited, AcmeRejected
 */
export async function directoryOf(issuer: Issuer, now: number): Promise<NonNullable<Directory['meta']>> {
  try {
    return (await openConnection(issuer).directory()).meta ?? {};
  } catch (error) {
    throw asSealpostError(error, issuer.name, now);
  }
}
