/**
 * ImportToAcm: a domain's certificate in AWS Certificate Manager, for what cannot take one from us. One ARN a domain,
 * the same at every renewal; whoever listens is told it. Its quotas are counted before it is asked. What goes wrong here is kept apart from the domain's own
 * reasons to wait, since its mail is served all the same.
 */
import type { Clock } from '../clock.ts';
import { remedies, SealpostError, type ErrorName } from '../errors.ts';
import type { Store } from '../ports/store.ts';
import { monthOf, requireQuota } from './quota.ts';
import type { DomainRecord } from '../record/domain.ts';
import { acmDuty, nextLook } from '../record/duties.ts';
import { reEvaluate } from '../work/re-evaluate.ts';
import type { AcmImport, AcmQuotas } from '../record/acm.ts';
import { triesAfter } from '../record/parked.ts';
import type { CertificateObjects } from '../ports/objects.ts';
import type { CertificateManager } from '../ports/certificate-manager.ts';
import type { Bus } from '../ports/bus.ts';
import type { Executions } from '../ports/executions.ts';

export interface AcmPorts {
  store: Store;
  certificates: CertificateObjects;
  acm: CertificateManager;
  bus: Bus;
  executions: Executions;
  clock: Clock;
  quotas: AcmQuotas;
}

/** Thrown where a claim would end and ACM is still to be seen to: the state of that name has the rights, and ends the claim. */
export function importWanted(domain: string): SealpostError {
  return new SealpostError('ImportWanted', domain, `what ACM has of ${domain} is not what is wished`);
}

/** @throws SealpostError ImportQuotaSpent, ImportRefused, ImportInUse, Throttled, ClaimLost */
export async function importToAcm(
  { domain, execution }: { domain: string; execution: string },
  ports: AcmPorts,
): Promise<{ domain: string; arn?: string; dueAt: number }> {
  const { store, clock } = ports;
  const record = await store.renewDomain(domain, execution, clock.now());
  const duty = acmDuty(record);
  if (duty === 'import') record.acm = await importCurrent(record, execution, ports);
  if (duty === 'remove') await remove(record, execution, ports);
  const dueAt = await release(record, execution, ports);
  return { domain, ...(record.acm?.arn !== undefined && { arn: record.acm.arn }), dueAt };
}

async function importCurrent(record: DomainRecord, me: string, ports: AcmPorts): Promise<AcmImport> {
  const { store, certificates, acm, clock, quotas } = ports;
  const { domain, current, acm: known } = record;
  const { id, names, notAfter } = current!;
  const [keyPem, chainPem] = await Promise.all([certificates.readKey(domain, id), certificates.readChain(domain, id)]);
  // ImportCertificate has no client token: who was killed before its ARN was on record is found again by its tag.
  const arn = known?.arn ?? (known?.begunAt === undefined ? undefined : await acm.find(domain, names[0]!));
  const require = async (isFirst: boolean) =>
    requireQuota(domain, isFirst, await store.acmUse(isFirst), quotas, clock.now());
  await require(arn === undefined);
  const begin = () => store.recordAcm(domain, me, { begunAt: clock.now() });
  if (!known) await begin();
  const again = arn === undefined ? undefined : await acm.import({ domain, arn, keyPem, chainPem });
  if (arn !== undefined && again === undefined) {
    // Somebody deleted it there.
    await store.forgetAcm(domain, me, arn);
    await require(true);
    await begin();
  }
  const imported: AcmImport = { arn: again ?? (await acm.import({ domain, keyPem, chainPem }))!, certificate: id };
  // First of all: who is killed after it imports once more, which counts, too.
  await store.countImport(monthOf(clock.now()), quotas);
  await store.recordAcm(domain, me, imported);
  const detail = { domain, arn: imported.arn!, notAfter: new Date(notAfter).toISOString() };
  await ports.bus.put([{ detailType: 'Certificate Imported', detail }]);
  return imported;
}

async function remove(record: DomainRecord, me: string, { store, acm }: AcmPorts): Promise<void> {
  const { domain, acm: known, current } = record;
  const arn = known!.arn ?? (current && (await acm.find(domain, current.names[0]!)));
  if (arn !== undefined) await acm.remove(domain, arn);
  await store.forgetAcm(domain, me, known!.arn);
  record.acm = undefined;
}

/** Why ACM does not have what is wished, and when it is asked again; said when it begins, and when the reason changes. Ends the claim. */
export async function parkImport(
  record: DomainRecord,
  me: string,
  { reason, message, retryAt }: { reason: ErrorName; message: string; retryAt?: number },
  ports: Omit<AcmPorts, 'acm' | 'certificates' | 'quotas'> & { random: () => number },
): Promise<number> {
  const { domain, acm } = record;
  const now = ports.clock.now();
  const { random } = ports;
  const { tries, nextTry: next } = triesAfter(reason, acm?.trouble?.tries ?? 0, { now, retryAt, random });
  const detail = { domain, reason, message, nextTry: new Date(next).toISOString(), remedy: remedies[reason] };
  if (acm?.trouble?.reason !== reason) await ports.bus.put([{ detailType: 'Domain Parked', detail }]);
  record.acm = { ...acm, trouble: { reason, message, since: acm?.trouble?.since ?? now, tries }, nextTry: next };
  await ports.store.recordAcm(domain, me, record.acm);
  await release(record, me, ports);
  return next;
}

async function release(
  record: DomainRecord,
  me: string,
  ports: Pick<AcmPorts, 'store' | 'executions' | 'clock'>,
): Promise<number> {
  const now = ports.clock.now();
  const { domain, spec, current, seen } = record;
  // What else a deleted domain has to do is found by its next look.
  const dueAt = spec?.deleted ? now : nextLook(record, current?.renewAt ?? now, now);
  if (!(await ports.store.releaseDomain(domain, me, seen!, dueAt, now))) await reEvaluate(domain, ports);
  return dueAt;
}
