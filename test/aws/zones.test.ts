import {
  ChangeResourceRecordSetsCommand,
  CreateHostedZoneCommand,
  ListResourceRecordSetsCommand,
  Route53Client,
  type GetHostedZoneCommand,
} from '@aws-sdk/client-route-53';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { zones as zonesOf } from '../../aws/zones.ts';
import { startAccount, type Account } from '../../packages/aws-stand-in/src/testing.ts';
import { everything } from '../faults/seed.ts';
import { memoryZones } from '../twins/zones.ts';
import { describeZones } from './zones.suite.ts';
import type { Zones } from '../../core/ports/zones.ts';

let provider: Account;
let client: Route53Client;
/** Requests since the last call, by operation. */
let asked: string[] = [];
const names = ['customer.test', 'dept.customer.test'];

beforeAll(async () => {
  // Without faults: these tests count requests, and a lost answer makes more of them.
  provider = await startAccount(['route53']);
  client = provider.client(Route53Client, everything);
  client.middlewareStack.add(
    (next, { commandName }) =>
      args => (asked.push(commandName!), next(args)),
    {
      step: 'initialize',
    },
  );
  for (const Name of names)
    await provider.client(Route53Client).send(new CreateHostedZoneCommand({ Name, CallerReference: Name }));
});
afterAll(() => provider.stop());

async function records(HostedZoneId: string, recordName: string) {
  const { ResourceRecordSets } = await client.send(new ListResourceRecordSetsCommand({ HostedZoneId }));
  return ResourceRecordSets!.filter(set => set.Name === `${recordName}.`);
}

describeZones('Route 53', async () => ({
  zones: zonesOf(client, Date.now),
  values: async (zoneId, recordName) =>
    (await records(zoneId, recordName)).flatMap(set =>
      set.ResourceRecords!.map(record => JSON.parse(record.Value!) as string),
    ),
}));
describeZones('its twin', async () => {
  const zones = memoryZones(names.map((name, i) => ({ id: `Z${i + 1}`, name, nameServers: ['ns1.provider.example'] })));
  return { zones, values: async (zoneId, recordName) => zones.txt.get(`${zoneId} ${recordName}`) ?? [] };
});

test("a name that holds a CNAME is not changed, and the message has Route 53's words", async () => {
  const zones = zonesOf(client, Date.now);
  const { id } = (await zones.findZones('customer.test'))[0]!;
  const recordName = '_acme-challenge.elsewhere.customer.test';
  const ResourceRecordSet = {
    Name: `${recordName}.`,
    Type: 'CNAME' as const,
    TTL: 60,
    ResourceRecords: [{ Value: 'x.other.test.' }],
  };
  const ChangeBatch = { Changes: [{ Action: 'CREATE' as const, ResourceRecordSet }] };
  await provider.client(Route53Client).send(new ChangeResourceRecordSetsCommand({ HostedZoneId: id, ChangeBatch }));
  await expect(zones.changeTxt(id, [{ recordName, add: ['a'], remove: [] }])).rejects.toMatchObject({
    ...{ name: 'DnsNotPropagated', message: expect.stringContaining('conflicts with other records') },
  });
  expect((await records(id, recordName)).map(set => set.Type)).toEqual(['CNAME']);
});

describe('of the 10 requests a second of an account,', () => {
  let time = 0;
  let zones: Zones;
  beforeEach(() => {
    time += 3_600_000;
    zones = zonesOf(client, () => time);
    asked = [];
  });
  const places = Array.from({ length: 25 }, (_, i) => `_acme-challenge.n${i}.customer.test`);

  test('a list of 25 names in one zone needs two to find the zone, and then none for a while', async () => {
    const found = await Promise.all(places.map(place => zones.findZones(place)));
    expect(new Set(found.flat().map(zone => zone.name))).toEqual(new Set(['customer.test']));
    expect(asked).toEqual(['ListHostedZonesByNameCommand', 'GetHostedZoneCommand']);
    time += 299_000;
    await zones.findZones('_acme-challenge.customer.test');
    expect(asked).toHaveLength(2);
  });

  test('the values of this list need one to be added and one to be removed, like those of a domain', async () => {
    const { id } = (await zones.findZones('customer.test'))[0]!;
    asked = [];
    for (const names of [places, ['_acme-challenge.customer.test']]) {
      await zones.changeTxt(
        id,
        names.map(recordName => ({ recordName, add: ['apex', 'wildcard'], remove: [] })),
      );
      await zones.changeTxt(
        id,
        names.map(recordName => ({ recordName, add: [], remove: ['apex', 'wildcard'] })),
      );
    }
    expect(asked).toEqual(Array.from({ length: 4 }, () => 'ChangeResourceRecordSetsCommand'));
    expect(await records(id, places[3]!)).toEqual([]);
  });

  test('a domain in no zone of ours needs one, with all names of its list', async () => {
    await Promise.all(['', 'mail.', 'a.b.c.'].map(label => zones.findZones(`_acme-challenge.${label}elsewhere.test`)));
    expect(asked).toEqual(['ListHostedZonesByNameCommand']);
  });
});

describe('a zone that was just created', () => {
  const make = (Name: string) =>
    provider.client(Route53Client).send(new CreateHostedZoneCommand({ Name, CallerReference: Name }));

  test('is found, even if its name was searched for before', async () => {
    let time = Date.now();
    const zones = zonesOf(client, () => time);
    expect(await zones.findZones('_acme-challenge.new.test')).toEqual([]);
    await make('new.test');
    time += 1_000;
    expect(await zones.findZones('_acme-challenge.new.test')).toMatchObject([{ name: 'new.test' }]);
  });

  test('under a cached zone is found by a search without the cache, and by each search after five minutes', async () => {
    let time = Date.now();
    const zones = zonesOf(client, () => time);
    const name = '_acme-challenge.sub.customer.test';
    expect(await zones.findZones(name)).toMatchObject([{ name: 'customer.test' }]);
    await make('sub.customer.test');
    time += 1_000;
    expect(await zones.findZones(name)).toMatchObject([{ name: 'customer.test' }]);
    expect(await zones.findZones(name, { anew: true })).toMatchObject([{ name: 'sub.customer.test' }]);
    expect(await zones.findZones(name)).toMatchObject([{ name: 'sub.customer.test' }]);
  });

  test('among a hundred under one name is found by one more request, without reading all of them', async () => {
    for (let i = 0; i < 105; i++) await make(`z${String(i).padStart(3, '0')}.many.test`);
    const zones = zonesOf(client, Date.now);
    asked = [];
    expect(await zones.findZones('_acme-challenge.z104.many.test')).toMatchObject([{ name: 'z104.many.test' }]);
    expect(asked).toEqual([
      ...['ListHostedZonesByNameCommand', 'ListHostedZonesByNameCommand', 'GetHostedZoneCommand'],
    ]);
    expect(await zones.findZones('_acme-challenge.none.many.test')).toEqual([]);
    await make('many.test');
    expect(await zonesOf(client, Date.now).findZones('_acme-challenge.none.many.test')).toMatchObject([
      { name: 'many.test' },
    ]);
  });

  test('beside another one of its name is found, each with its own name servers', async () => {
    for (const CallerReference of ['first', 'second'])
      await client.send(new CreateHostedZoneCommand({ Name: 'twice.test', CallerReference }));
    const zones = zonesOf(client, Date.now);
    const found = await zones.findZones('_acme-challenge.twice.test');
    expect(found).toMatchObject([{ name: 'twice.test' }, { name: 'twice.test' }]);
    expect(new Set(found.map(({ id }) => id)).size).toBe(2);
  });

  test('is found after Route 53 was busy', async () => {
    const busy = Object.assign(new Error('Rate exceeded'), { name: 'Throttling' });
    let isBusy = true;
    const send = (command: object) => (isBusy ? Promise.reject(busy) : client.send(command as GetHostedZoneCommand));
    const zones = zonesOf({ send } as unknown as Route53Client, Date.now);
    await expect(zones.findZones('customer.test')).rejects.toMatchObject({ name: 'Throttled' });
    isBusy = false;
    expect(await zones.findZones('customer.test')).toMatchObject([{ name: 'customer.test' }]);
  });
});
