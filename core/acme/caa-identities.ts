/** How CAA records may name the CA: its directory says so (RFC 8555 §7.1.1); asked without an account, and kept by the process. */
import type { Issuer } from './issuer.ts';
import { asSealpostError } from './problem.ts';
import { openConnection } from './transport.ts';

/** @param now ms since the epoch, for Retry-After @throws SealpostError AcmeUnavailable, AcmeRateLimited, AcmeRejected */
export async function caaIdentities(issuer: Issuer, now: number): Promise<string[]> {
  try {
    return (await openConnection(issuer).directory()).meta?.caaIdentities ?? [];
  } catch (error) {
    throw asSealpostError(error, issuer.directoryUrl, now);
  }
}
