/**
 * RevokeCertificate: revokes a deleted domain's certificate at the CA (RFC 8555 §7.6), once no
 * server has it any more.
 */
import { X509Certificate } from 'node:crypto';
import type { Acme } from '../acme/client.ts';
import { asSealpostError, isProblem } from '../acme/problem.ts';
import { endClaim } from '../claim/end-claim.ts';
import { openClaim } from '../claim/open-claim.ts';
import { sayBefore } from '../claim/say-before.ts';
import type { Clock } from '../clock.ts';
import { ended, type Ended } from '../ended.ts';
import type { Bus } from '../ports/bus.ts';
import type { ClaimStore } from '../ports/claim-store.ts';
import type { Executions } from '../ports/executions.ts';
import type { CertificateObjects } from '../ports/objects.ts';
import type { ServerStore } from '../ports/server-store.ts';
import type { WorkStore } from '../ports/work-store.ts';
import type { Claim } from '../record/claim.ts';
import type { DomainRecord } from '../record/domain.ts';
import { isToBeRevoked } from '../record/duties.ts';

export interface RevokePorts {
  store: Pick<ClaimStore, 'renewDomain' | 'recordRevoked' | 'releaseDomain'>;
  certificates: Pick<CertificateObjects, 'readChain'>;
  /** @returns our account at the issuer of that name */
  acmeAt: (issuer: string) => Promise<Acme>;
  bus: Bus;
  executions: Executions;
  clock: Clock;
}

/**
 * RFC 5280 §5.3.1: the subscriber has no more use for it. A deletion does not say that the key was
 * stolen.
 */
const CESSATION_OF_OPERATION = 5;
/** A server that cannot be reached delays the revocation no longer than this after the deletion. */
const AT_THE_LATEST_MS = 86_400_000;

/**
 * The end of ClaimDomain that leads to the state RevokeCertificate, which has the rights and ends
 * the claim.
 */
export function revocationWanted(domain: string): Ended<'RevocationWanted'> {
  return ended('RevocationWanted', { about: domain, message: `the certificate of ${domain} is to be revoked` });
}

/**
 * @returns when the certificate is to be revoked, milliseconds since the epoch: now if no server
 *   has it and no server has work for the domain
 */
export async function revokeAt(
  { domain, servers = [], deletedAt }: DomainRecord,
  store: Pick<WorkStore, 'workFor' | 'installed'> & Pick<ServerStore, 'readServer'>,
  now: number,
): Promise<number> {
  const has = async (server: string) => {
    // Work is read first: a delivery forgets what is installed before it removes the work.
    if (await store.workFor({ server, domain })) return true;
    return (await store.readServer(server)) !== undefined && (await store.installed({ server, domain })) !== undefined;
  };
  const having = await Promise.all(servers.map(has));
  return having.includes(true) ? Math.max(now, deletedAt! + AT_THE_LATEST_MS) : now;
}

/**
 * @throws SealpostError AcmeUnavailable, AcmeRateLimited, AcmeRejected, IssuerUnusable, Throttled,
 *   ClaimLost
 */
export async function revokeCertificate(
  input: { domain: string; execution: string },
  ports: RevokePorts,
): Promise<{ domain: string; revoked: boolean }> {
  const { claim, record } = await openClaim(input, ports);
  const revoked = isToBeRevoked(record, claim.now);
  if (revoked) await revokeCurrent(record, claim, ports);
  // The next evaluation finds what else is to be done, and when the domain is forgotten.
  await endClaim(claim, claim.now, ports);
  return { domain: claim.domain, revoked };
}

async function revokeCurrent({ domain, current }: DomainRecord, claim: Claim, ports: RevokePorts): Promise<void> {
  const { id, fingerprint, issuer } = current!;
  const leaf = new X509Certificate(await ports.certificates.readChain({ domain, id }));
  const acme = await ports.acmeAt(issuer);
  await acme.revoke(leaf.raw, CESSATION_OF_OPERATION).catch((error: unknown) => {
    // An earlier try revoked it, and its answer was lost.
    if (!isProblem(error, 'alreadyRevoked')) throw asSealpostError(error, domain, claim.now);
  });
  await sayBefore([{ detailType: 'Certificate Revoked', detail: { domain, fingerprint } }], ports.bus, () =>
    ports.store.recordRevoked(claim, id),
  );
}
