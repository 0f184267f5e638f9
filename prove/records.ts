/** The names of the domain in the given zone: made before the domain, removed at the end. */
import {
  ChangeResourceRecordSetsCommand,
  GetChangeCommand,
  ListResourceRecordSetsCommand,
  type Change,
  type ResourceRecordSet,
} from '@aws-sdk/client-route-53';
import type { At } from './subject.ts';
import { until } from './wait.ts';

const TTL = 60;

function recordsOf({ domain, address }: At['subject']): ResourceRecordSet[] {
  const a = (Name: string): ResourceRecordSet => ({ Name, Type: 'A', TTL, ResourceRecords: [{ Value: address }] });
  const mx: ResourceRecordSet = { Name: domain, Type: 'MX', TTL, ResourceRecords: [{ Value: `10 mail.${domain}` }] };
  return [a(`mail.${domain}`), a(`webmail.${domain}`), mx];
}

/** Resolves when the zone's name servers answer with the records. */
export async function makeRecords(at: At): Promise<void> {
  await change(
    at,
    recordsOf(at.subject).map(record => ({ Action: 'UPSERT', ResourceRecordSet: record })),
  );
}

/** Removes the records as they are, also those of a run before this one. */
export async function removeRecords(at: At): Promise<void> {
  const ours = recordsOf(at.subject);
  const asked = { HostedZoneId: at.subject.zone.id, StartRecordName: at.subject.domain, MaxItems: 100 };
  const { ResourceRecordSets = [] } = await at.account.zones.send(new ListResourceRecordSetsCommand(asked));
  const isOurs = ({ Name, Type }: ResourceRecordSet) =>
    ours.some(record => `${record.Name}.` === Name && record.Type === Type);
  const found = ResourceRecordSets.filter(isOurs);
  if (found.length > 0)
    await change(
      at,
      found.map(record => ({ Action: 'DELETE', ResourceRecordSet: record })),
    );
}

async function change({ account, subject, signal }: At, Changes: Change[]): Promise<void> {
  const asked = { HostedZoneId: subject.zone.id, ChangeBatch: { Changes } };
  const { ChangeInfo } = await account.zones.send(new ChangeResourceRecordSetsCommand(asked));
  await until({ what: `the change of ${subject.zone.name} in sync`, minutes: 5, signal }, async () => {
    const answer = await account.zones.send(new GetChangeCommand({ Id: ChangeInfo!.Id!.replace('/change/', '') }));
    return answer.ChangeInfo?.Status === 'INSYNC' ? true : undefined;
  });
}
