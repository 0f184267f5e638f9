import {
  ChangeResourceRecordSetsCommand,
  CreateHostedZoneCommand,
  ListResourceRecordSetsCommand,
  Route53Client,
} from '@aws-sdk/client-route-53';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { zones as zonesOf } from '../../aws/zones.ts';
import { route53 } from '../../local/cloud/route53/route53.ts';
import { startProvider, type Provider } from '../local/cloud/provider.ts';
import { memoryZones } from '../twins/zones.ts';
import { describeZones } from './zones.suite.ts';

let provider: Provider;
let client: Route53Client;
const names = ['customer.test', 'dept.customer.test'];

beforeAll(async () => {
  provider = await startProvider({ route53 });
  client = provider.client(Route53Client);
  for (const Name of names) await client.send(new CreateHostedZoneCommand({ Name, CallerReference: Name }));
});
afterAll(() => provider.stop());

async function records(HostedZoneId: string, recordName: string) {
  const { ResourceRecordSets } = await client.send(new ListResourceRecordSetsCommand({ HostedZoneId }));
  return ResourceRecordSets!.filter(set => set.Name === `${recordName}.`);
}

describeZones('Route 53', async () => ({
  zones: zonesOf(client),
  values: async (zoneId, recordName) =>
    (await records(zoneId, recordName)).flatMap(set =>
      set.ResourceRecords!.map(record => JSON.parse(record.Value!) as string),
    ),
}));
describeZones('its twin', async () => {
  const zones = memoryZones(names.map((name, i) => ({ id: `Z${i + 1}`, name, nameServers: ['ns1.provider.example'] })));
  return { zones, values: async (zoneId, recordName) => zones.txt.get(`${zoneId} ${recordName}`) ?? [] };
});

test('a name that holds a CNAME is left alone, and the message says what Route 53 said', async () => {
  const zones = zonesOf(client);
  const { id } = (await zones.findZone('customer.test'))!;
  const recordName = '_acme-challenge.elsewhere.customer.test';
  const ResourceRecordSet = {
    Name: `${recordName}.`,
    Type: 'CNAME' as const,
    TTL: 60,
    ResourceRecords: [{ Value: 'x.other.test.' }],
  };
  const ChangeBatch = { Changes: [{ Action: 'CREATE' as const, ResourceRecordSet }] };
  await client.send(new ChangeResourceRecordSetsCommand({ HostedZoneId: id, ChangeBatch }));
  await expect(zones.changeTxt(id, recordName, { add: ['a'], remove: [] })).rejects.toMatchObject({
    ...{ name: 'Throttled', message: expect.stringContaining('conflicts with other records') },
  });
  expect((await records(id, recordName)).map(set => set.Type)).toEqual(['CNAME']);
});
