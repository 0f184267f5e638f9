/**
 * RevokeCertificate: revokes a deleted domain's certificate at the CA (RFC 8555 §7.6), once no
 * server has it any more.
 */
import { X509Certificate } from 'node:crypto';
import type { Acme } from '../acme/client.ts';
import { AcmeProblem, asSealpostError, isProblem } from '../acme/problem.ts';
import { unlessGone } from '../certificate/unless-gone.ts';
import { endClaim } from '../claim/end-claim.ts';
import { openClaim } from '../claim/open-claim.ts';
import { sayBefore } from '../claim/say-before.ts';
import type { Clock } from '../clock.ts';
import { ended, type Ended } from '../ended.ts';
import { isSealpostError, SealpostError } from '../errors.ts';
import type { Bus } from '../ports/bus.ts';
import type { ClaimStore } from '../ports/claim-store.ts';
import type { Executions } from '../ports/executions.ts';
import type { CertificateId, CertificateObjects } from '../ports/objects.ts';
import type { ServerStore } from '../ports/server-store.ts';
import type { WorkStore } from '../ports/work-store.ts';
import type { Claim } from '../record/claim.ts';
import type { DomainRecord, OrderOnRecord } from '../record/domain.ts';
import { isCurrentToBeRevoked, orderToBeRevoked } from '../record/duties.ts';

export interface RevokePorts {
  store: Pick<ClaimStore, 'renewDomain' | 'recordRevoked' | 'releaseDomain' | 'forgetOrder'>;
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
  const isCurrent = isCurrentToBeRevoked(record, claim.now);
  if (isCurrent) await revokeCurrent(record, claim, ports);
  const order = orderToBeRevoked(record, claim.now);
  const isOrdered = order !== undefined && (await revokeOrdered(order, claim, ports));
  // The next evaluation finds what else is to be done, and when the domain is forgotten.
  await endClaim(claim, claim.now, ports);
  return { domain: claim.domain, revoked: isCurrent || isOrdered };
}

/** Superseded ones, too: a server that had not received the current certificate served the last. */
async function revokeCurrent(
  { domain, current, superseded = [] }: DomainRecord,
  claim: Claim,
  ports: RevokePorts,
): Promise<void> {
  const { id, fingerprint, issuer } = current!;
  const acme = await ports.acmeAt(issuer);
  const served = await unlessGone(ports.certificates.readChain({ domain, id }));
  if (served === undefined)
    throw new SealpostError('AcmeRejected', {
      about: domain,
      message: `the chain of ${domain}'s certificate is gone from the bucket; revoke ${fingerprint} at ${issuer} by hand`,
    });
  await revokeLeaf(served, acme, claim);
  for (const old of superseded) await revokeSuperseded({ domain, id: old }, acme, { claim, ports });
  await sayBefore([{ detailType: 'Certificate Revoked', detail: { domain, fingerprint } }], ports.bus, () =>
    ports.store.recordRevoked(claim, id),
  );
}

/**
 * The record does not have the issuer of a superseded certificate, so the current one's is asked.
 * An id without a chain is an order that was forgotten, or its objects are deleted already.
 */
async function revokeSuperseded(
  certificate: CertificateId,
  acme: Acme,
  { claim, ports }: { claim: Claim; ports: RevokePorts },
): Promise<void> {
  const chain = await ports.certificates.readChain(certificate).catch((error: unknown) => {
    if (isSealpostError(error, 'Throttled')) throw error;
    return undefined;
  });
  if (chain === undefined || Date.parse(new X509Certificate(chain).validTo) <= claim.now) return;
  await revokeLeaf(chain, acme, claim).catch((error: unknown) => {
    if (!isSealpostError(error, 'AcmeRejected')) throw error;
  });
}

/**
 * An order for which a key was stored: the CA may have issued, and the answer was lost, or the
 * certificate came after the deletion.
 * @returns whether there was a certificate
 * @throws SealpostError AcmeUnavailable while the CA is still issuing
 */
async function revokeOrdered(order: OrderOnRecord, claim: Claim, ports: RevokePorts): Promise<boolean> {
  const { domain, now } = claim;
  const acme = await ports.acmeAt(order.issuer);
  const chain = await issuedFor(order, acme, claim).catch((error: unknown) => {
    throw asSealpostError(error, domain, now);
  });
  if (chain !== undefined) await revokeLeaf(chain, acme, claim);
  const fingerprint = chain && fingerprintOf(new X509Certificate(chain));
  const facts = fingerprint ? [{ detailType: 'Certificate Revoked' as const, detail: { domain, fingerprint } }] : [];
  await sayBefore(facts, ports.bus, () => ports.store.forgetOrder(claim, order));
  return chain !== undefined;
}

/**
 * @returns the chain; undefined if the order has not led to a certificate, and will not any more
 */
async function issuedFor({ url }: OrderOnRecord, acme: Acme, { domain }: Claim): Promise<string | undefined> {
  try {
    const { status, certificate } = await acme.order(url);
    if (status === 'processing')
      throw new SealpostError('AcmeUnavailable', {
        about: domain,
        message: `the CA is still issuing for the order ${url}, which is revoked after that`,
      });
    return status === 'valid' ? await acme.certificate(certificate!) : undefined;
  } catch (error) {
    if (error instanceof AcmeProblem && error.status === 404) return undefined;
    throw error;
  }
}

async function revokeLeaf(chainPem: string, acme: Acme, { domain, now }: Claim): Promise<void> {
  await acme.revoke(new X509Certificate(chainPem).raw, CESSATION_OF_OPERATION).catch((error: unknown) => {
    // An earlier try revoked it, and its answer was lost.
    if (!isProblem(error, 'alreadyRevoked')) throw asSealpostError(error, domain, now);
  });
}

function fingerprintOf({ fingerprint256 }: X509Certificate): string {
  return fingerprint256.replaceAll(':', '').toLowerCase();
}
