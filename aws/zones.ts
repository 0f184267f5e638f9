/** Route 53: which zone a name is in, and TXT values put in and taken out beside other people's. */
import {
  ChangeResourceRecordSetsCommand,
  GetHostedZoneCommand,
  InvalidChangeBatch,
  ListHostedZonesByNameCommand,
  ListResourceRecordSetsCommand,
  Route53Client,
  type Change,
} from '@aws-sdk/client-route-53';
import { mergeTxt, type TxtSet } from '../core/dns/record-set.ts';
import { SealpostError } from '../core/errors.ts';
import type { Zones } from '../core/ports.ts';
import { isThrottling } from './throttling.ts';

/** Short, because a value is needed once and for a minute. */
const TTL_SECONDS = 60;
/** How often a record set that changed underfoot is read again at once; after that the state machine waits. */
const SWAPS = 5;

export function zones(client: Route53Client): Zones {
  return {
    async findZone(name) {
      const labels = name.split('.');
      for (let i = 0; i < labels.length - 1; i++) {
        const zone = labels.slice(i).join('.');
        const { HostedZones } = await busy(zone, () =>
          client.send(new ListHostedZonesByNameCommand({ DNSName: zone, MaxItems: 1 })),
        );
        const found = HostedZones?.[0];
        if (found?.Name !== `${zone}.` || found.Config?.PrivateZone) continue;
        const id = found.Id!.replace('/hostedzone/', '');
        const { DelegationSet } = await busy(zone, () => client.send(new GetHostedZoneCommand({ Id: id })));
        return { id, name: zone, nameServers: DelegationSet?.NameServers ?? [] };
      }
      return undefined;
    },

    async changeTxt(zoneId, recordName, change) {
      for (let i = 0; i < SWAPS; i++) if (await swap(client, zoneId, recordName, change)) return;
      throw new SealpostError(
        'Throttled',
        recordName,
        `TXT ${recordName} was changed by others ${SWAPS} times while we wrote; it is tried again`,
      );
    },
  };
}

/** One change batch deletes the exact old set and creates the new one, so that a value written in between makes it fail whole. @returns false when it did */
async function swap(
  client: Route53Client,
  zoneId: string,
  recordName: string,
  change: { add: string[]; remove: string[] },
): Promise<boolean> {
  const { before, after, changed } = mergeTxt(await readTxt(client, zoneId, recordName), {
    ...change,
    ttl: TTL_SECONDS,
  });
  if (!changed) return true;
  const one = (Action: 'CREATE' | 'DELETE', { ttl, values }: TxtSet): Change => ({
    Action,
    ResourceRecordSet: {
      Name: `${recordName}.`,
      Type: 'TXT',
      TTL: ttl,
      ResourceRecords: values.map(Value => ({ Value })),
    },
  });
  const changes = [...(before ? [one('DELETE', before)] : []), ...(after ? [one('CREATE', after)] : [])];
  try {
    await busy(recordName, () =>
      client.send(new ChangeResourceRecordSetsCommand({ HostedZoneId: zoneId, ChangeBatch: { Changes: changes } })),
    );
    return true;
  } catch (error) {
    if (error instanceof InvalidChangeBatch) return false;
    throw error;
  }
}

async function readTxt(client: Route53Client, zoneId: string, recordName: string): Promise<TxtSet | undefined> {
  const { ResourceRecordSets } = await busy(recordName, () =>
    client.send(
      new ListResourceRecordSetsCommand({
        HostedZoneId: zoneId,
        StartRecordName: `${recordName}.`,
        StartRecordType: 'TXT',
        MaxItems: 1,
      }),
    ),
  );
  const set = ResourceRecordSets?.[0];
  if (set?.Type !== 'TXT' || set.Name?.toLowerCase() !== `${recordName}.`) return undefined;
  return { values: set.ResourceRecords?.map(record => record.Value!) ?? [], ttl: set.TTL ?? TTL_SECONDS };
}

async function busy<T>(about: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (isThrottling(error))
      throw new SealpostError('Throttled', about, `Route 53 is busy for ${about}; it is tried again`, { cause: error });
    throw error;
  }
}
