/**
 * What follows from ACM's event that an imported certificate approaches its end. ACM sends the
 * event once a day for each certificate, from 45 days before the end.
 */
import type { Clock } from '../clock.ts';
import type { AcmStore } from '../ports/acm-store.ts';
import type { DomainStore } from '../ports/domain-store.ts';
import type { Executions } from '../ports/executions.ts';
import { acmDuty } from '../record/duties.ts';
import { reEvaluate } from '../work/re-evaluate.ts';

/**
 * `not ours`: this stack did not import the certificate. `well`: its renewal is not due; ACM
 * announces a certificate of 45 days from its first day on.
 */
export type AcmExpiry = { outcome: 'not ours' } | { outcome: 'well' | 'looked at'; domain: string };

/** Re-evaluates the domain if ACM lacks its certificate, or if its renewal is due. */
export async function onExpiry(
  arn: string,
  ports: {
    store: Pick<AcmStore, 'domainOfArn'> & Pick<DomainStore, 'readDomain' | 'askReEvaluation'>;
    executions: Executions;
    clock: Clock;
  },
): Promise<AcmExpiry> {
  const { store, clock } = ports;
  const domain = await store.domainOfArn(arn);
  const record = domain === undefined ? undefined : await store.readDomain(domain);
  if (domain === undefined || !record?.spec) return { outcome: 'not ours' };
  const isWell = !acmDuty(record) && record.current !== undefined && clock.now() < record.current.renewAt;
  if (isWell) return { outcome: 'well', domain };
  await store.askReEvaluation(domain, clock.now());
  await reEvaluate(domain, ports);
  return { outcome: 'looked at', domain };
}
