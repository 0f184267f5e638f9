import {
  ChangeResourceRecordSetsCommand,
  CreateHostedZoneCommand,
  DeleteHostedZoneCommand,
  GetChangeCommand,
  GetHostedZoneCommand,
  ListHostedZonesByNameCommand,
  ListHostedZonesCommand,
  ListResourceRecordSetsCommand,
  Route53Client,
  type Change,
  type RRType,
} from '@aws-sdk/client-route-53';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Route53 } from '../src/route53/route53.ts';
import { answer } from '../src/dns/answer.ts';
import { NAME_SERVERS, type Zone } from '../src/dns/zone.ts';
import { allow, startAccount, type Account } from '../src/testing.ts';

let provider: Account;
let client: Route53Client;
let Id: string;

beforeAll(async () => {
  provider = await startAccount(['route53']);
  client = provider.client(Route53Client);
  Id = (await createZone('challenges.test')).HostedZone!.Id!;
});
afterAll(() => provider.stop());

let reference = 0;
const createZone = (Name: string) =>
  client.send(new CreateHostedZoneCommand({ Name, CallerReference: `reference ${(reference += 1)}` }));
const change = (Action: Change['Action'], Name: string, Type: RRType, values: string[], TTL = 60): Change => ({
  Action,
  ResourceRecordSet: { Name, Type, TTL, ResourceRecords: values.map(Value => ({ Value })) },
});
const send = (Changes: Change[], by = client) =>
  by.send(new ChangeResourceRecordSetsCommand({ HostedZoneId: Id, ChangeBatch: { Changes } }));
const txt = async (name: string) => {
  const { ResourceRecordSets } = await client.send(
    new ListResourceRecordSetsCommand({ HostedZoneId: Id, StartRecordName: name, StartRecordType: 'TXT', MaxItems: 1 }),
  );
  const found = ResourceRecordSets![0];
  return found?.Name === `${name}.` ? found.ResourceRecords!.map(({ Value }) => Value) : undefined;
};
/** The zones as the name servers see them. */
const served = (name: string) =>
  answer(provider.cloud.service<Route53>('route53').zones(), name, 'TXT').answers.flatMap(({ values }) => values);

test('a new zone has NS and SOA, its name servers, and an id that is accepted in either form', async () => {
  const { HostedZone, DelegationSet } = await client.send(new GetHostedZoneCommand({ Id: Id.split('/').at(-1)! }));
  expect(HostedZone).toMatchObject({ Id, Name: 'challenges.test.', ResourceRecordSetCount: 2 });
  expect(HostedZone!.Config!.PrivateZone).toBe(false);
  expect(DelegationSet!.NameServers).toEqual(NAME_SERVERS);
  const { ResourceRecordSets } = await client.send(new ListResourceRecordSetsCommand({ HostedZoneId: Id }));
  expect(ResourceRecordSets!.map(({ Name, Type }) => [Name, Type])).toEqual([
    ['challenges.test.', 'NS'],
    ['challenges.test.', 'SOA'],
  ]);
});

test('a change is listed at once, and served only when it is in sync', async () => {
  const { ChangeInfo } = await send([change('CREATE', 'A.Challenges.test', 'TXT', ['"one"', '"two"'])]);
  expect(ChangeInfo).toMatchObject({ Status: 'PENDING', Id: expect.stringMatching(/^\/change\/C/) });
  expect(ChangeInfo!.SubmittedAt).toBeInstanceOf(Date);
  expect(await txt('a.challenges.test')).toEqual(['"one"', '"two"']);
  expect(served('a.challenges.test')).toEqual([]);
  await expect.poll(() => served('a.challenges.test'), { timeout: 5000 }).toEqual(['"one"', '"two"']);
  const { ChangeInfo: later } = await client.send(new GetChangeCommand({ Id: ChangeInfo!.Id! }));
  expect(later!.Status).toBe('INSYNC');
});

test('the name servers get a change without a poll, once it is in sync', async () => {
  const told: string[][] = [];
  const texts = (zones: Zone[]) => answer(zones, 'told.challenges.test', 'TXT').answers.flatMap(({ values }) => values);
  provider.cloud.service<Route53>('route53').publish(zones => told.push(texts(zones)));
  await send([change('CREATE', 'told.challenges.test', 'TXT', ['"one"'])]);
  await expect.poll(() => told.at(-1), { timeout: 5000 }).toEqual(['"one"']);
  expect(told[0]).toEqual([]);
});

test('a batch that deletes exactly the old set and creates the new one is a compare-and-swap', async () => {
  await send([change('CREATE', 'swap.challenges.test', 'TXT', ['"a"', '"b"'])]);
  const next = change('CREATE', 'swap.challenges.test', 'TXT', ['"c"']);
  await expect(send([change('DELETE', 'swap.challenges.test', 'TXT', ['"a"']), next])).rejects.toMatchObject({
    name: 'InvalidChangeBatch',
    message: expect.stringContaining('but the values provided do not match the current values'),
  });
  await expect(send([change('DELETE', 'swap.challenges.test', 'TXT', ['"a"', '"b"'], 61), next])).rejects.toThrow(
    "Tried to delete resource record set [name='swap.challenges.test.', type='TXT'] but the values provided do not match",
  );
  expect(await txt('swap.challenges.test')).toEqual(['"a"', '"b"']);
  await send([change('DELETE', 'swap.challenges.test', 'TXT', ['"b"', '"a"']), next]);
  expect(await txt('swap.challenges.test')).toEqual(['"c"']);
});

test('a batch with one bad change changes nothing', async () => {
  const bad = change('DELETE', 'never.challenges.test', 'TXT', ['"x"']);
  await expect(send([change('UPSERT', 'good.challenges.test', 'TXT', ['"x"']), bad])).rejects.toMatchObject({
    name: 'InvalidChangeBatch',
    messages: ["Tried to delete resource record set [name='never.challenges.test.', type='TXT'] but it was not found"],
  });
  expect(await txt('good.challenges.test')).toBeUndefined();
});

test.each<[string, string, Change[]]>([
  ['a second CREATE', 'but it already exists', [change('CREATE', 'challenges.test', 'NS', ['ns9.dns.test.'])]],
  ['a name of another zone', 'is not permitted in zone challenges.test.', [change('CREATE', 'x.test', 'TXT', ['"x"'])]],
  [
    'a text without quotes',
    'InvalidCharacterString (Value should be enclosed in quotation marks)',
    [change('CREATE', 'x.challenges.test', 'TXT', ['x'])],
  ],
  [
    'a text too long',
    'CharacterStringTooLong (Value is too long)',
    [change('CREATE', 'x.challenges.test', 'TXT', [`"${'x'.repeat(256)}"`])],
  ],
  ['one value twice', 'Duplicate Resource Record', [change('CREATE', 'x.challenges.test', 'TXT', ['"x"', '"x"'])]],
  [
    'one set twice',
    "invalid set of changes for a resource record set 'TXT x.challenges.test.'",
    [change('UPSERT', 'x.challenges.test', 'TXT', ['"x"']), change('UPSERT', 'x.challenges.test', 'TXT', ['"y"'])],
  ],
  [
    'a CNAME beside a text',
    'conflicts with other records',
    [
      change('CREATE', 'x.challenges.test', 'TXT', ['"x"']),
      change('CREATE', 'x.challenges.test', 'CNAME', ['y.test.']),
    ],
  ],
  ['a CNAME at the apex', 'is not permitted at apex', [change('CREATE', 'challenges.test', 'CNAME', ['y.test.'])]],
  ['no address', 'not a valid IPv4 address', [change('CREATE', 'x.challenges.test', 'A', ['192.0.2.300'])]],
  [
    '501 values by UPSERT, which count twice',
    'Number of records limit of 1000 exceeded.',
    [
      change(
        'UPSERT',
        'x.challenges.test',
        'TXT',
        Array.from({ length: 501 }, (_, n) => `"${n}"`),
      ),
    ],
  ],
])('%s is refused as AWS refuses it', async (_, message, changes) => {
  await expect(send(changes)).rejects.toMatchObject({
    name: 'InvalidChangeBatch',
    message: expect.stringContaining(message),
  });
  expect(await txt('x.challenges.test')).toBeUndefined();
});

test('the apex keeps its SOA and NS', async () => {
  const { ResourceRecordSets } = await client.send(
    new ListResourceRecordSetsCommand({ HostedZoneId: Id, MaxItems: 2 }),
  );
  const deletes = ResourceRecordSets!.map((ResourceRecordSet): Change => ({ Action: 'DELETE', ResourceRecordSet }));
  await expect(send(deletes)).rejects.toThrow(/must contain exactly one SOA record.*at least one NS record/);
});

test('record sets come in pages, ordered by labels from the right', async () => {
  const names = ['p.challenges.test', 'a.z.challenges.test', 'b.p.challenges.test', 'a-b.challenges.test'];
  await send(names.map(name => change('UPSERT', name, 'TXT', ['"x"'])));
  const seen: string[] = [];
  let next: { StartRecordName?: string; StartRecordType?: RRType } = {};
  do {
    const page = await client.send(new ListResourceRecordSetsCommand({ HostedZoneId: Id, MaxItems: 2, ...next }));
    expect(page.ResourceRecordSets!.length).toBeLessThanOrEqual(2);
    seen.push(...page.ResourceRecordSets!.map(({ Name }) => Name!));
    next = page.IsTruncated ? { StartRecordName: page.NextRecordName, StartRecordType: page.NextRecordType } : {};
  } while (next.StartRecordName);
  const own = seen.filter(name => names.includes(name.slice(0, -1)));
  expect(own).toEqual(['a-b.challenges.test.', 'p.challenges.test.', 'b.p.challenges.test.', 'a.z.challenges.test.']);
  expect(new Set(seen).size).toBe(seen.length - 1); // The apex has two sets.
});

test('zones are found by name, and by id in pages', async () => {
  await createZone('b.test');
  await createZone('Example.B.test.');
  const byName = await client.send(new ListHostedZonesByNameCommand({ DNSName: 'b.test', MaxItems: 1 }));
  expect(byName.HostedZones!.map(({ Name }) => Name)).toEqual(['b.test.']);
  expect(byName).toMatchObject({ IsTruncated: true, NextDNSName: 'example.b.test.' });
  const first = await client.send(new ListHostedZonesCommand({ MaxItems: 2 }));
  const rest = await client.send(new ListHostedZonesCommand({ Marker: first.NextMarker }));
  expect([...first.HostedZones!, ...rest.HostedZones!].map(({ Name }) => Name).sort()).toEqual([
    'b.test.',
    'challenges.test.',
    'example.b.test.',
  ]);
});

test('a zone is created once for a caller reference, and deleted only if it is empty', async () => {
  const made = await createZone('gone.test');
  const again = new CreateHostedZoneCommand({ Name: 'gone.test', CallerReference: made.HostedZone!.CallerReference });
  await expect(client.send(again)).rejects.toMatchObject({ name: 'HostedZoneAlreadyExists' });
  await expect(client.send(new DeleteHostedZoneCommand({ Id }))).rejects.toMatchObject({ name: 'HostedZoneNotEmpty' });
  await client.send(new DeleteHostedZoneCommand({ Id: made.HostedZone!.Id! }));
  await expect(client.send(new GetHostedZoneCommand({ Id: made.HostedZone!.Id! }))).rejects.toMatchObject({
    name: 'NoSuchHostedZone',
  });
});

test('a role changes only the names, types and actions that its policy names', async () => {
  const bare = Id.split('/').at(-1)!;
  const role = provider.client(Route53Client, [
    allow('route53:ChangeResourceRecordSets', `arn:aws:route53:::hostedzone/${bare}`, {
      'ForAllValues:StringLike': {
        'route53:ChangeResourceRecordSetsNormalizedRecordNames': ['*.mine.challenges.test'],
      },
      'ForAllValues:StringEquals': {
        'route53:ChangeResourceRecordSetsRecordTypes': ['TXT'],
        'route53:ChangeResourceRecordSetsActions': ['UPSERT'],
      },
    }),
    allow('route53:GetChange', 'arn:aws:route53:::change/*'),
  ]);
  const { ChangeInfo } = await send([change('UPSERT', 'X.mine.Challenges.test.', 'TXT', ['"x"'])], role);
  await role.send(new GetChangeCommand({ Id: ChangeInfo!.Id! }));
  const denied = { name: expect.stringMatching(/^AccessDenied/) };
  for (const refused of [
    change('UPSERT', 'other.challenges.test', 'TXT', ['"x"']),
    change('UPSERT', 'y.mine.challenges.test', 'A', ['192.0.2.1']),
    change('CREATE', 'y.mine.challenges.test', 'TXT', ['"x"']),
  ])
    await expect(
      send([change('UPSERT', 'x.mine.challenges.test', 'TXT', ['"x"']), refused], role),
    ).rejects.toMatchObject(denied);
  await expect(role.send(new ListHostedZonesCommand({}))).rejects.toMatchObject(denied);
});

test('a feature that the stand-in lacks is refused, not ignored', async () => {
  const weighted = change('UPSERT', 'w.challenges.test', 'TXT', ['"x"']);
  weighted.ResourceRecordSet!.Weight = 1;
  await expect(send([weighted])).rejects.toThrow(/Weight is not part of the stand-in/);
  await expect(send([change('UPSERT', '*.challenges.test', 'TXT', ['"x"'])])).rejects.toThrow(/wildcard/);
});

test('zones, record sets and changes survive a restart', async () => {
  const { ChangeInfo } = await send([change('UPSERT', 'kept.challenges.test', 'TXT', ['"kept"'])]);
  await provider.restart();
  client = provider.client(Route53Client);
  expect(served('kept.challenges.test')).toEqual(['"kept"']);
  await client.send(new GetChangeCommand({ Id: ChangeInfo!.Id! }));
  await expect(client.send(new GetChangeCommand({ Id: 'CNONE' }))).rejects.toMatchObject({ name: 'NoSuchChange' });
});
