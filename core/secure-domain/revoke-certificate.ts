/** RevokeCertificate: a deleted domain's certificate is revoked at the CA (RFC 8555 §7.6), once no server has it any more. */
import { X509Certificate } from 'node:crypto';
import type { Acme } from '../acme/client.ts';
import { asSealpostError, isProblem } from '../acme/problem.ts';
import type { Clock } from '../clock.ts';
import { SealpostError } from '../errors.ts';
import type { Store } from '../ports/store.ts';
import type { DomainRecord } from '../record/domain.ts';
import { isToBeRevoked } from '../record/duties.ts';
import { reEvaluate } from '../work/re-evaluate.ts';
import type { CertificateObjects } from '../ports/objects.ts';
import type { Bus } from '../ports/bus.ts';
import type { Executions } from '../ports/executions.ts';

export interface RevokePorts {
  store: Store;
  certificates: CertificateObjects;
  /** The account at the issuer of that name. */
  acmeAt: (issuer: string) => Promise<Acme>;
  bus: Bus;
  executions: Executions;
  clock: Clock;
}

/** RFC 5280 §5.3.1: its subscriber has no more use for it. That the key was stolen is more than a deletion says. */
const CESSATION_OF_OPERATION = 5;
/** Whoever asks for it wants it now: a server that cannot be reached holds it up no longer than this. */
const AT_THE_LATEST_MS = 86_400_000;

/** Thrown where the claim on a deleted domain would end: the state of that name has the account, and ends the claim. */
export function revocationWanted(domain: string): SealpostError {
  return new SealpostError('RevocationWanted', domain, `the certificate of ${domain} is to be revoked`);
}

/** When it is to be revoked: now where no server has it, or has anything of it to do. ms since the epoch */
export async function revokeAt(
  { domain, servers = [], deletedAt }: DomainRecord,
  store: Pick<Store, 'workFor' | 'installed' | 'readServer'>,
  now: number,
): Promise<number> {
  const has = async (server: string) => {
    // In this order: what is installed is forgotten before its work is taken away.
    if (await store.workFor(server, domain)) return true;
    return (await store.readServer(server)) !== undefined && (await store.installed(server, domain)) !== undefined;
  };
  const having = await Promise.all(servers.map(has));
  return having.includes(true) ? Math.max(now, deletedAt! + AT_THE_LATEST_MS) : now;
}

/** @throws SealpostError AcmeUnavailable, AcmeRateLimited, AcmeRejected, IssuerUnusable, ClaimLost */
export async function revokeCertificate(
  { domain, execution }: { domain: string; execution: string },
  ports: RevokePorts,
): Promise<{ domain: string; revoked: boolean }> {
  const { store, clock } = ports;
  const record = await store.renewDomain(domain, execution, clock.now());
  const revoked = isToBeRevoked(record, clock.now());
  if (revoked) await revokeCurrent(record, execution, ports);
  // What else is to be done for it, and when it is forgotten, its next look finds.
  if (!(await store.releaseDomain(domain, execution, record.seen!, clock.now(), clock.now())))
    await reEvaluate(domain, ports);
  return { domain, revoked };
}

async function revokeCurrent({ domain, current }: DomainRecord, me: string, ports: RevokePorts): Promise<void> {
  const { id, fingerprint, issuer } = current!;
  const leaf = new X509Certificate(await ports.certificates.readChain(domain, id));
  const acme = await ports.acmeAt(issuer);
  await acme.revoke(leaf.raw, CESSATION_OF_OPERATION).catch((error: unknown) => {
    // By an earlier try, whose answer was lost.
    if (!isProblem(error, 'alreadyRevoked')) throw asSealpostError(error, domain, ports.clock.now());
  });
  await ports.bus.put([{ detailType: 'Certificate Revoked', detail: { domain, fingerprint } }]);
  await ports.store.recordRevoked(domain, me, id);
}
