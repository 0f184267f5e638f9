/** What AWS does now and then: each fault, and that a seed repeats it. */
import { DatabaseSync } from 'node:sqlite';
import { ListHostedZonesCommand, Route53Client } from '@aws-sdk/client-route-53';
import { describe, expect, test } from 'vitest';
import { openStore } from '../src/dynamodb/store.ts';
import type { Item } from '../src/dynamodb/expressions.ts';
import type { EventsService } from '../src/events/events.ts';
import { Buckets } from '../src/faults/buckets.ts';
import { Chances, OUTAGE_MS, RIGHTS_LAG_MS, STALE_MS } from '../src/faults/chances.ts';
import { faults as faultsOf } from '../src/faults/faults.ts';
import { LocalIam } from '../src/iam/local-iam.ts';
import { noFaults, type AwsError, type DrawnFault, type Fault, type Faults } from '../src/service/service.ts';
import { allow, startAccount } from '../src/testing.ts';

const EVERY: DrawnFault[] = [
  ...(['fails', 'answerLost', 'outage', 'staleIndex', 'eventTwice', 'eventLate'] as const),
  ...(['serviceEventNever', 'commandUnseen', 'rightUnseen'] as const),
];
const but = (...some: DrawnFault[]): Fault[] => EVERY.filter(fault => !some.includes(fault));
const always = (only: DrawnFault): Faults => ({ ...noFaults, concerns: () => true, happens: fault => fault === only });

describe('a seed', () => {
  const fates = (seed: number, kinds: string[]) => {
    const chances = new Chances({ seed });
    return kinds.map(kind => chances.happens('staleIndex', kind));
  };
  const many = Array<string>(200).fill('a');

  test('gives the n-th of a kind the same fate, whatever happens to other kinds in between', () => {
    const mixed = many.flatMap(kind => [kind, 'b', 'c']);
    expect(fates(7, mixed).filter((_, index) => index % 3 === 0)).toEqual(fates(7, many));
    expect(fates(8, many)).not.toEqual(fates(7, many));
  });

  test('gives a fault about as often as its chance says, and never one that is left out', () => {
    const happened = fates(7, Array<string>(5_000).fill('a')).filter(Boolean).length;
    expect(happened).toBeGreaterThan(400);
    expect(happened).toBeLessThan(600);
    const without = new Chances({ seed: 7, without: ['staleIndex'] });
    expect(many.filter(kind => without.happens('staleIndex', kind))).toEqual([]);
  });
});

describe('a request', () => {
  const caller = { arn: 'arn:aws:sts::1:assumed-role/ours/s', account: '1', userId: 'u', roleArn: 'ours' };
  const request = { caller, service: 'dynamodb', operation: 'PutItem', input: {} };
  let now = 0;
  const answers = (of: Faults, count: number) =>
    Array.from({ length: count }, () => {
      try {
        return of.ofRequest(request);
      } catch (error) {
        return (error as AwsError).code;
      }
    });
  const only = (...some: DrawnFault[]) =>
    faultsOf(
      { seed: 3, without: but(...some), callers: /ours/ },
      () => now,
      () => {},
    );

  test('fails before it is done, or loses its answer after it', () => {
    const all = answers(only('fails', 'answerLost'), 1_000);
    expect(all.filter(answer => answer === 'InternalServerError').length).toBeGreaterThan(2);
    expect(all.filter(answer => answer === 'lost').length).toBeGreaterThan(2);
    expect(all.filter(answer => answer === undefined).length).toBeGreaterThan(900);
  });

  test('fails in an outage until the outage is over', () => {
    const of = only('outage');
    expect(answers(of, 2_000)).toContain('InternalServerError');
    expect(answers(of, 5)).toEqual(Array(5).fill('InternalServerError'));
    now += OUTAGE_MS;
    expect(answers(of, 1)).toEqual([undefined]);
  });

  test('of another caller has no fault', () => {
    const other = { ...request, caller: { ...caller, arn: 'arn:aws:sts::1:assumed-role/theirs/s' } };
    const of = only('fails', 'outage');
    expect(new Set(Array.from({ length: 2_000 }, () => of.ofRequest(other)))).toEqual(new Set([undefined]));
  });

  test('is throttled when its bucket is empty, and not when the bucket has a token again', () => {
    let at = 0;
    const buckets = new Buckets(() => at);
    const send = () => buckets.take({ service: 'ssm', operation: 'SendCommand', input: {} });
    for (let i = 0; i < 5; i += 1) send();
    expect(send).toThrow('Rate exceeded');
    at += 499;
    expect(send).toThrow('Rate exceeded');
    at += 1;
    send();
    expect(send).toThrow('Rate exceeded');
  });

  test('to Route 53 costs a request and its changes, and an UPSERT two of them', () => {
    const buckets = new Buckets(() => 0);
    const change = (Action: string, count: number) =>
      buckets.take({
        ...{ service: 'route53', operation: 'ChangeResourceRecordSets' },
        input: { ChangeBatch: { Changes: Array(count).fill({ Action }) } },
      });
    change('CREATE', 1_000);
    change('UPSERT', 250);
    expect(() => change('DELETE', 1)).toThrow('Rate exceeded');
    const list = () => buckets.take({ service: 'route53', operation: 'ListHostedZones', input: {} });
    // Three of the account's fifty requests were changes.
    for (let i = 0; i < 47; i += 1) list();
    expect(list).toThrow('Rate exceeded');
  });

  test('whose answer is lost was done, and the SDK asks again', async () => {
    const account = await startAccount(['route53'], {}, { faults: { seed: 1, without: but('answerLost') } });
    const client = account.client(Route53Client);
    const attempts: number[] = [];
    for (let i = 0; i < 150; i += 1)
      attempts.push((await client.send(new ListHostedZonesCommand({}))).$metadata.attempts!);
    await account.stop();
    expect(attempts.filter(made => made === 2).length).toBeGreaterThan(0);
  }, 60_000);
});

test('an index shows a write later than the table', () => {
  let now = 0;
  const store = openStore({ database: new DatabaseSync(':memory:'), faults: always('staleIndex'), now: () => now });
  const due = {
    IndexName: 'due',
    KeySchema: [
      { AttributeName: 'day', KeyType: 'HASH' },
      { AttributeName: 'at', KeyType: 'RANGE' },
    ],
    Projection: { ProjectionType: 'ALL' },
  };
  const table = {
    ...{ TableName: 'table', TableId: 't', created: 0, KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }] },
    AttributeDefinitions: ['pk', 'day', 'at'].map(AttributeName => ({ AttributeName, AttributeType: 'S' })),
    GlobalSecondaryIndexes: [due],
  };
  const item = (pk: string, at: string): Item => ({ pk: { S: pk }, day: { S: 'monday' }, at: { S: at } }) as Item;
  const write = (pk: string, at?: string) =>
    store.atomically(() => store.replace(table, store.get(table, item(pk, '')), at ? item(pk, at) : undefined));
  const shown = (more = {}) => [...store.read(table, { index: due, ...more })].map(({ pk, at }) => `${pk!.S}${at!.S}`);
  store.putTable(table);
  write('a', '1');
  write('b', '2');
  expect(shown()).toEqual([]);
  expect(store.get(table, item('a', ''))).toEqual(item('a', '1'));
  now += STALE_MS;
  expect(shown()).toEqual(['a1', 'b2']);
  write('a', '3');
  write('a', '4');
  write('b');
  write('c', '0');
  expect(shown()).toEqual(['a1', 'b2']);
  expect(shown({ reverse: true })).toEqual(['b2', 'a1']);
  expect(shown({ after: item('a', '1') })).toEqual(['b2']);
  expect(shown({ sort: { operator: 'LT', values: ['32'] } })).toEqual(['a1']);
  now += STALE_MS;
  expect(shown()).toEqual(['c0', 'a4']);
});

test('an event comes twice or late, and an event of AWS itself also never', async () => {
  const account = await startAccount(
    ['sqs', 'events'],
    {},
    {
      faults: { seed: 1, without: but('eventTwice', 'eventLate', 'serviceEventNever') },
    },
  );
  await account.make('AWS::Events::Rule', 'Rule', {
    Name: 'all',
    EventPattern: { source: ['aws.ssm'] },
    Targets: [{ Id: 'q', Arn: 'arn:aws:sqs:us-east-1:000000000000:heard' }],
  });
  // Nothing is delivered before the stand-in resumes, so each delivery is still in its row.
  const events = account.cloud.service<EventsService>('events');
  for (let i = 0; i < 200; i += 1)
    events.publishServiceEvent({ source: 'aws.ssm', 'detail-type': 'Said', detail: { i } });
  const rows = account.cloud.database.prepare('SELECT event, putAt, nextAt FROM events_deliveries').all();
  await account.stop();
  const heard = new Set(rows.map(({ event }) => event));
  expect(heard.size).toBeGreaterThan(150);
  expect(heard.size).toBeLessThan(200);
  expect(rows.length).toBeGreaterThan(heard.size);
  expect(rows.filter(({ putAt, nextAt }) => Number(nextAt) > Number(putAt)).length).toBeGreaterThan(
    rows.length - heard.size,
  );
});

test('a right that is new is not known everywhere', () => {
  let now = 1_000_000;
  const cloud = { region: 'us-east-1', account: '000000000000', now: () => now };
  const iam = new LocalIam({ ...cloud, database: new DatabaseSync(':memory:'), faults: always('rightUnseen') });
  const trust = { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' };
  const version = { Version: '2012-10-17' };
  const reads = { ...version, Statement: [allow('s3:GetObject', '*')] };
  const { arn } = iam.putRole('reader', { ...version, Statement: [trust] }, [reads]);
  const { caller } = iam.caller(iam.credentials(arn, 's').accessKeyId)!;
  const read = () => iam.authorize(caller, 's3:GetObject', 'arn:aws:s3:::b/o');
  expect(read).toThrow('its rights are too young');
  now += RIGHTS_LAG_MS;
  expect(read).not.toThrow();
});
