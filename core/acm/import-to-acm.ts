/**
 * ImportToAcm: keeps a copy of a domain's certificate in AWS Certificate Manager (ACM), for
 * services that cannot take a certificate from us. A domain has one ARN, the same at every renewal.
 * An import that fails is on record apart from the domain's own reasons to wait, since its mail is
 * served.
 */
import { unlessGone } from '../certificate/unless-gone.ts';
import { endClaim } from '../claim/end-claim.ts';
import { openClaim } from '../claim/open-claim.ts';
import { sayBefore } from '../claim/say-before.ts';
import type { Clock } from '../clock.ts';
import { ended, type Ended } from '../ended.ts';
import { remedies, SealpostError, type ErrorName } from '../errors.ts';
import type { AcmStore } from '../ports/acm-store.ts';
import type { Bus } from '../ports/bus.ts';
import type { CertificateManager } from '../ports/certificate-manager.ts';
import type { ClaimStore } from '../ports/claim-store.ts';
import type { Executions } from '../ports/executions.ts';
import type { CertificateObjects } from '../ports/objects.ts';
import type { ServerStore } from '../ports/server-store.ts';
import type { AcmImport, AcmQuotas } from '../record/acm.ts';
import type { Claim } from '../record/claim.ts';
import type { DomainRecord } from '../record/domain.ts';
import { acmDuty, nextEvaluation } from '../record/duties.ts';
import { holdersOf } from '../record/served-under.ts';
import { triesAfter } from '../record/parked.ts';
import { monthOf, requireQuota } from './quota.ts';

export interface AcmPorts {
  store: AcmStore & Pick<ClaimStore, 'renewDomain' | 'releaseDomain'> & Pick<ServerStore, 'readServer'>;
  certificates: CertificateObjects;
  acm: CertificateManager;
  bus: Bus;
  executions: Executions;
  clock: Clock;
  quotas: AcmQuotas;
}

/** The end that leads to the state ImportToAcm, which has the rights for ACM and ends the claim. */
export function importWanted(domain: string): Ended<'ImportWanted'> {
  return ended('ImportWanted', { about: domain, message: `what ACM has of ${domain} is not what is wished` });
}

/** @throws SealpostError ImportQuotaSpent, ImportRefused, ImportInUse, Throttled, ClaimLost */
export async function importToAcm(
  input: { domain: string; execution: string; seen?: number },
  ports: AcmPorts,
): Promise<{ domain: string; arn?: string; dueAt: number }> {
  const { claim, record } = await openClaim(input, ports);
  const acm = await fulfil(record, claim, ports);
  const dueAt = await release({ ...record, acm }, claim, ports);
  return { domain: claim.domain, ...(acm?.arn !== undefined && { arn: acm.arn }), dueAt };
}

/** @returns what ACM has of the domain from now on */
async function fulfil(record: DomainRecord, claim: Claim, ports: AcmPorts): Promise<AcmImport | undefined> {
  const duty = acmDuty(record);
  if (duty === 'import') return importCurrent(record, claim, ports);
  if (duty === 'remove') return remove(record, claim, ports);
  return record.acm;
}

async function importCurrent(record: DomainRecord, claim: Claim, ports: AcmPorts): Promise<AcmImport> {
  const { store, certificates, acm, quotas } = ports;
  const { domain, current, acm: known } = record;
  const { id, names, notAfter } = current!;
  const [keyPem, chainPem] = await Promise.all([
    unlessGone(certificates.readKey({ domain, id })),
    unlessGone(certificates.readChain({ domain, id })),
  ]);
  if (keyPem === undefined || chainPem === undefined)
    throw new SealpostError('ImportRefused', {
      about: domain,
      message: `key or chain of ${domain}'s certificate is gone from the bucket; sealpost renew ${domain} orders another`,
    });
  // ImportCertificate has no idempotency token. A step that finds `begunAt` without an ARN searches
  // ACM by the stack's and the domain's tag before it imports again.
  const arn = known?.arn ?? (known?.begunAt === undefined ? undefined : await acm.find({ domain, name: names[0]! }));
  const requireRoom = async (asks: { isFirst: boolean }) =>
    requireQuota({ domain, ...asks }, await store.acmUse({ withCertificates: asks.isFirst }), {
      quotas,
      now: claim.now,
    });
  await requireRoom({ isFirst: arn === undefined });
  const begin = () => store.recordAcm(claim, { begunAt: claim.now });
  if (!known) await begin();
  const again = arn === undefined ? undefined : await acm.import({ domain, arn, keyPem, chainPem });
  if (arn !== undefined && again === undefined) {
    // The certificate of that ARN was deleted in ACM.
    await store.forgetAcm(claim, arn);
    await requireRoom({ isFirst: true });
    await begin();
  }
  const imported: AcmImport = { arn: again ?? (await acm.import({ domain, keyPem, chainPem }))!, certificate: id };
  // Counted before the ARN is on record: a step that is killed in between imports once more, and
  // ACM counts that import, too.
  await store.countImport(monthOf(claim.now), quotas);
  const detail = { domain, arn: imported.arn!, notAfter: new Date(notAfter).toISOString() };
  await sayBefore([{ detailType: 'Certificate Imported', detail }], ports.bus, () => store.recordAcm(claim, imported));
  return imported;
}

async function remove(record: DomainRecord, claim: Claim, { store, acm }: AcmPorts): Promise<undefined> {
  const { domain, acm: known, current } = record;
  const arn = known!.arn ?? (current && (await acm.find({ domain, name: current.names[0]! })));
  if (arn !== undefined) await acm.remove({ domain, arn });
  await store.forgetAcm(claim, known!.arn);
}

/**
 * Records why ACM does not have what is wished and when the import is retried, and ends the claim.
 * The fact Domain Parked is put on the bus when the reason is a new one.
 * @returns the moment of the retry, milliseconds since the epoch
 */
export async function parkImport(
  record: DomainRecord,
  claim: Claim,
  failure: { reason: ErrorName; message: string; retryAt?: number },
  ports: {
    store: Pick<AcmStore, 'recordAcm'> & Pick<ClaimStore, 'releaseDomain'> & Pick<ServerStore, 'readServer'>;
    bus: Bus;
    executions: Executions;
    clock: Clock;
    random: () => number;
  },
): Promise<number> {
  const { domain, acm: known } = record;
  const { now } = claim;
  const { reason, message, retryAt } = failure;
  const { random, store } = ports;
  const before = { tries: known?.trouble?.tries ?? 0, since: known?.trouble?.since ?? now };
  const { tries, nextTry } = triesAfter({ reason, retryAt }, before, { now, random });
  const detail = { domain, reason, message, nextTry: new Date(nextTry).toISOString(), remedy: remedies[reason] };
  const facts = known?.trouble?.reason === reason ? [] : [{ detailType: 'Domain Parked' as const, detail }];
  const acm: AcmImport = { ...known, trouble: { reason, message, since: before.since, tries }, nextTry };
  await sayBefore(facts, ports.bus, () => store.recordAcm(claim, acm));
  await release({ ...record, acm }, claim, ports);
  return nextTry;
}

async function release(
  record: DomainRecord,
  claim: Claim,
  ports: {
    store: Pick<ClaimStore, 'releaseDomain'> & Pick<ServerStore, 'readServer'>;
    executions: Executions;
    clock: Clock;
  },
): Promise<number> {
  const { spec, current } = record;
  const { now } = claim;
  const servers = await Promise.all(holdersOf(record).map(server => ports.store.readServer(server)));
  // The next evaluation parks the domain for a server that was left out, and finds what else a
  // deleted domain has to do.
  const isMore = spec?.deleted || servers.some(server => !server || server.capability?.['refused']);
  const dueAt = isMore ? now : nextEvaluation(record, { dueAt: current?.renewAt ?? now, now });
  await endClaim(claim, dueAt, ports);
  return dueAt;
}
