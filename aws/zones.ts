/**
 * Route 53: finds the zone of a name, and adds and removes TXT values beside those of other
 * parties.
 */
import {
  ChangeResourceRecordSetsCommand,
  InvalidChangeBatch,
  ListResourceRecordSetsCommand,
  NoSuchHostedZone,
  type Change,
  type Route53Client,
} from '@aws-sdk/client-route-53';
import { asIfAlone, mergeTxt, type TxtChange, type TxtSet } from '../core/dns/record-set.ts';
import { SealpostError } from '../core/errors.ts';
import { zoneFinder } from './hosted-zones.ts';
import { unlessBusy } from './throttling.ts';
import type { TxtValues, Zones } from '../core/ports/zones.ts';

/** Short, because a value is needed once and for a minute. */
const TTL_SECONDS = 60;
/**
 * Attempts at once to read and swap record sets that other parties change. After these the step
 * fails, and is retried later.
 */
const SWAPS = 5;

/** @param now gives milliseconds since the epoch */
export function zones(client: Route53Client, now: () => number): Zones {
  return {
    findZones: zoneFinder(client, now),

    async changeTxt(zoneId, values) {
      try {
        const refusal = await change(client, zoneId, values);
        if (!refusal) return;
        const names = values.map(({ recordName }) => recordName).join(', ');
        throw new SealpostError('DnsNotPropagated', {
          about: values[0]!.recordName,
          message: `Route 53 refused TXT ${names} ${SWAPS} times, because others write there or for what it says: ${reasonOf(refusal)}; it is tried again`,
          cause: refusal,
        });
      } catch (error) {
        if (!(error instanceof NoSuchHostedZone)) throw error;
        const added = values.find(({ add }) => add.length > 0);
        // Our values are gone with the zone.
        if (!added) return;
        const problem = `the hosted zone ${zoneId} of ${added.recordName} is gone`;
        throw new SealpostError('DomainNotManaged', {
          about: added.recordName,
          message: `${problem}; the next try looks where the name is now`,
          cause: error,
        });
      }
    },
  };
}

/**
 * First one request that assumes that only we write at these names, which is the usual case. If
 * others write there, Route 53 refuses the whole request. Then the sets are read and swapped.
 * @returns the refusal if the last attempt was refused, too
 */
async function change(
  client: Route53Client,
  zoneId: string,
  values: TxtValues[],
): Promise<InvalidChangeBatch | undefined> {
  let refusal = await submit(client, zoneId, values, values.map(asIfAlone(TTL_SECONDS)));
  for (let i = 0; refusal && i < SWAPS; i++) {
    const merged: TxtChange[] = [];
    for (const one of values)
      merged.push(
        mergeTxt(await readTxt(client, { zoneId, recordName: one.recordName }), { ...one, ttl: TTL_SECONDS }),
      );
    refusal = await submit(client, zoneId, values, merged);
  }
  return refusal;
}

/**
 * One change batch deletes each exact old set and creates the new one, so that the batch fails as a
 * whole if another value was written meanwhile.
 * @returns the refusal if the batch was refused
 */
async function submit(
  client: Route53Client,
  zoneId: string,
  values: TxtValues[],
  sets: TxtChange[],
): Promise<InvalidChangeBatch | undefined> {
  const Changes = values.flatMap(({ recordName }, i) => {
    const { before, after, changed } = sets[i]!;
    if (!changed) return [];
    return [
      ...(before ? [changeOf('DELETE', recordName, before)] : []),
      ...(after ? [changeOf('CREATE', recordName, after)] : []),
    ];
  });
  if (Changes.length === 0) return undefined;
  try {
    await unlessBusy('Route 53', values[0]!.recordName, () =>
      client.send(new ChangeResourceRecordSetsCommand({ HostedZoneId: zoneId, ChangeBatch: { Changes } })),
    );
    return undefined;
  } catch (error) {
    if (error instanceof InvalidChangeBatch) return error;
    throw error;
  }
}

function changeOf(Action: 'CREATE' | 'DELETE', recordName: string, { ttl, values }: TxtSet): Change {
  return {
    Action,
    ResourceRecordSet: {
      Name: `${recordName}.`,
      Type: 'TXT',
      TTL: ttl,
      ResourceRecords: values.map(Value => ({ Value })),
    },
  };
}

async function readTxt(
  client: Route53Client,
  { zoneId, recordName }: { zoneId: string; recordName: string },
): Promise<TxtSet | undefined> {
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
