/** What becomes of ACM's own word that a certificate there approaches its end: one a day and certificate, from 45 days before. */
import type { Clock } from '../clock.ts';
import type { Store } from '../ports/store.ts';
import { acmDuty } from '../record/duties.ts';
import { reEvaluate } from '../work/re-evaluate.ts';
import type { Executions } from '../ports/executions.ts';

/** `not ours`: nobody imported it from here. `well`: a certificate of 45 days is announced from its first day on. */
export type AcmExpiry = { outcome: 'not ours' } | { outcome: 'well' | 'looked at'; domain: string };

/** Looks at the domain where ACM lacks its certificate, or its renewal has not come though its time has. */
export async function lookAtArn(
  arn: string,
  ports: { store: Pick<Store, 'domainOfArn' | 'readDomain' | 'lookAgain'>; executions: Executions; clock: Clock },
): Promise<AcmExpiry> {
  const { store, clock } = ports;
  const domain = await store.domainOfArn(arn);
  const record = domain === undefined ? undefined : await store.readDomain(domain);
  if (domain === undefined || !record?.spec) return { outcome: 'not ours' };
  const isWell = !acmDuty(record) && record.current !== undefined && clock.now() < record.current.renewAt;
  if (isWell) return { outcome: 'well', domain };
  await store.lookAgain(domain, clock.now());
  await reEvaluate(domain, ports);
  return { outcome: 'looked at', domain };
}
