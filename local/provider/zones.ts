/** The provider's zones, through Route 53's API as every client uses it. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ChangeResourceRecordSetsCommand,
  CreateHostedZoneCommand,
  GetChangeCommand,
  ListHostedZonesByNameCommand,
  type ResourceRecordSet,
  type Route53Client,
} from '@aws-sdk/client-route-53';

export interface ProviderZones {
  /** Returns the zone's id, and makes the zone if it does not exist. */
  createZone(name: string): Promise<string>;
  /** Resolves when the name servers answer with the records. */
  putRecords(zoneId: string, records: ResourceRecordSet[]): Promise<void>;
}

export function providerZones(client: Route53Client): ProviderZones {
  return {
    async createZone(name) {
      const { HostedZones } = await client.send(new ListHostedZonesByNameCommand({ DNSName: name, MaxItems: 1 }));
      const known = HostedZones?.find(zone => zone.Name === `${name}.`);
      const zone =
        known ?? (await client.send(new CreateHostedZoneCommand({ Name: name, CallerReference: name }))).HostedZone!;
      return zone.Id!.replace('/hostedzone/', '');
    },
    async putRecords(zoneId, records) {
      const Changes = records.map(record => ({ Action: 'UPSERT' as const, ResourceRecordSet: record }));
      const { ChangeInfo } = await client.send(
        new ChangeResourceRecordSetsCommand({ HostedZoneId: zoneId, ChangeBatch: { Changes } }),
      );
      for (let status = ChangeInfo!.Status; status !== 'INSYNC'; await sleep(200))
        status = (await client.send(new GetChangeCommand({ Id: ChangeInfo!.Id! }))).ChangeInfo!.Status;
    },
  };
}
