/** The provider's zones, through Route 53's API as anybody would use it. */
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
  /** The zone's id; made where it is not there yet. */
  createZone(name: string): Promise<string>;
  /** Returns when the name servers answer with them. */
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
