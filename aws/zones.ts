/** Route 53: which zone a name is in, and TXT values put in and taken out beside other people's. */
import {
  ChangeResourceRecordSetsCommand,
  GetHostedZoneCommand,
  InvalidChangeBatch,
  ListHostedZonesByNameCommand,
  ListResourceRecordSetsCommand,
  NoSuchHostedZone,
  Route53Client,
  type Change,
} from '@aws-sdk/client-route-53';
import { mergeTxt, type TxtSet } from '../core/dns/record-set.ts';
import { SealpostError } from '../core/errors.ts';
import type { Zones } from '../core/ports.ts';
import { unlessBusy } from './throttling.ts';

/** Short, because a value is needed once and for a minute. */
const TTL_SECONDS = 60;
/** Zones of one name that are looked through for the public one: the others are private, one for each group of VPCs. */
const SAME_NAME = 20;
/** How often a record set that changed underfoot is read again at once; after that the state machine waits. */
const SWAPS = 5;

export function zones(client: Route53Client): Zones {
  return {
    async findZone(name) {
      const labels = name.split('.');
      for (let i = 0; i < labels.length - 1; i++) {
        const zone = labels.slice(i).join('.');
        const { HostedZones } = await unlessBusy('Route 53', zone, () =>
          client.send(new ListHostedZonesByNameCommand({ DNSName: zone, MaxItems: SAME_NAME })),
        );
        const found = HostedZones?.find(({ Name, Config }) => Name === `${zone}.` && !Config?.PrivateZone);
        if (!found) continue;
        const id = found.Id!.replace('/hostedzone/', '');
        const { DelegationSet } = await unlessBusy('Route 53', zone, () =>
          client.send(new GetHostedZoneCommand({ Id: id })),
        );
        return { id, name: zone, nameServers: DelegationSet?.NameServers ?? [] };
      }
      return undefined;
    },

    async changeTxt(zoneId, recordName, change) {
      let refusal: InvalidChangeBatch | undefined;
      for (let i = 0; i < SWAPS; i++) {
        try {
          refusal = await swap(client, zoneId, recordName, change);
        } catch (error) {
          // The zone is gone, and what we had in it with it.
          if (error instanceof NoSuchHostedZone && change.add.length === 0) return;
          throw error;
        }
        if (!refusal) return;
      }
      throw new SealpostError(
        'Throttled',
        recordName,
        `Route 53 refused TXT ${recordName} ${SWAPS} times, because others write there or for what it says: ${reasonOf(refusal!)}; it is tried again`,
        { cause: refusal },
      );
    },
  };
}

/** One change batch deletes the exact old set and creates the new one, so that a value written in between makes it fail whole. @returns the refusal when it did */
async function swap(
  client: Route53Client,
  zoneId: string,
  recordName: string,
  change: { add: string[]; remove: string[] },
): Promise<InvalidChangeBatch | undefined> {
  const { before, after, changed } = mergeTxt(await readTxt(client, zoneId, recordName), {
    ...change,
    ttl: TTL_SECONDS,
  });
  if (!changed) return undefined;
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
    await unlessBusy('Route 53', recordName, () =>
      client.send(new ChangeResourceRecordSetsCommand({ HostedZoneId: zoneId, ChangeBatch: { Changes: changes } })),
    );
    return undefined;
  } catch (error) {
    if (error instanceof InvalidChangeBatch) return error;
    throw error;
  }
}

async function readTxt(client: Route53Client, zoneId: string, recordName: string): Promise<TxtSet | undefined> {
  const { ResourceRecordSets } = await unlessBusy('Route 53', recordName, () =>
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

function reasonOf(refusal: InvalidChangeBatch): string {
  return refusal.messages?.join(' ') || refusal.message;
}
