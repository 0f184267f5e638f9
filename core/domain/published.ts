/** TXT values of ours in other people's sight: on record before they are published, until after they are retracted. */
import type { Zones } from '../ports.ts';
import type { Store } from '../store.ts';
import type { DomainRecord } from './domain.ts';

/** Takes out what the record says is published, a killed execution's too. @throws SealpostError Throttled, ClaimLost */
export async function retract(record: DomainRecord, me: string, ports: { store: Store; zones: Zones }): Promise<void> {
  if (!record.published?.length) return;
  for (const { zoneId, recordName, values } of record.published)
    await ports.zones.changeTxt(zoneId, recordName, { add: [], remove: values });
  await ports.store.recordPublished(record.domain, me, []);
}
