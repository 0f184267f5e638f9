import type { DescribeExecutionOutput } from '@aws-sdk/client-sfn';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { beforeAll, describe, expect, it } from 'vitest';
import { put, road } from './provider.ts';

const server = 'mx1.provider.test';
const wish = (domain: unknown, rest: object = {}) => ({ domain, mailServers: [server], ...rest });
const node = 'mi-0123456789abcdef0';

/**
 * The event's fault, the event, the field that the answer must name, its problem, and a word of the
 * remedy.
 */
const bad: [what: string, detailType: string, detail: object, field: string, problem: RegExp, remedy: RegExp][] = [
  ['no domain', 'Domain Created', { mailServers: [server] }, 'detail.domain', /is missing/, /give .*"example.com"/],
  ['words', 'Domain Created', wish('not a domain'), 'detail.domain', /has a space/, /give .*"example.com"/],
  ['an empty label', 'Domain Created', wish('bakery..test'), 'detail.domain', /empty label/, /give /],
  ['an IPv4 address', 'Domain Created', wish('192.0.2.7'), 'detail.domain', /is an IP address/, /give /],
  ['an IPv6 address', 'Domain Created', wish('[2001:db8::7]'), 'detail.domain', /is an IP address/, /give /],
  ['a label of 64', 'Domain Created', wish(`${'a'.repeat(64)}.test`), 'detail.domain', /more than 63/, /give /],
  ['a wildcard', 'Domain Created', wish('*.example.com'), 'detail.domain', /is a wildcard/, /give "example.com"/],
  ['a public suffix', 'Domain Created', wish('co.uk'), 'detail.domain', /is a public suffix/, /give /],
  ['a domain in an object', 'Domain Created', wish({ name: 'a.test' }), 'detail.domain', /is not valid/, /give /],
  ['one server', 'Domain Created', wish('a.test', { mailServers: server }), 'detail.mailServers', /not valid/, /list/],
  ['an unknown field', 'Domain Created', wish('a.test', { polcy: 'list' }), 'detail.polcy', /not a field/, /leave it/],
  ['a command', 'Domain Created', wish('a.test;reboot'), 'detail.domain', /character ";" in it/, /give /],
  ['a substitution', 'Domain Created', wish('$(reboot).test'), 'detail.domain', /character "\$" in it/, /give /],
  [
    'a command as server',
    'Domain Created',
    wish('a.test', { mailServers: ['mx1`id`.test'] }),
    'detail.mailServers[0]',
    /character "`" in it/,
    /give /,
  ],
  [
    'a malformed node id',
    'Mail Server Registered',
    { server: 'mx9.test', node: 'i-xyz' },
    'detail.node',
    /not valid/,
    /hex/,
  ],
  ['a path as node id', 'Mail Server Changed', { server: 'mx9.test', node: '../1' }, 'detail.node', /not valid/, /hex/],
  ['a node that is not there', 'Mail Server Registered', { server: 'mx9.test', node }, 'detail.node', /is not/, /tag/],
  ['a mistyped event', 'Domain Craeted', wish('a.test'), 'detail-type', /is not known/, /Domain Created/],
];

describe('bad input', () => {
  const outcomes = new Map<string, DescribeExecutionOutput>();
  let before: unknown[];

  beforeAll(async () => {
    before = await everyItem();
    const ids = await Promise.all(bad.map(([, detailType, detail]) => put(road.provider, detailType, [detail])));
    const ends = await Promise.all(ids.map(([id]) => road.history.ended(id!)));
    ends.forEach((end, i) => outcomes.set(bad[i]![0], end));
  }, 120_000);

  it.each(bad)('%s is answered with the field, its problem and the remedy', (what, _type, _detail, field, ...words) => {
    const { status, error, cause } = outcomes.get(what)!;
    expect({ status, error }).toEqual({ status: 'FAILED', error: 'InvalidStepInput' });
    expect(cause!.startsWith(`${field} `), cause).toBe(true);
    for (const word of words) expect(cause).toMatch(word);
  });

  it.each(bad)('%s is answered with Request Rejected on the bus', async (what, _type, detail) => {
    const { cause, name } = outcomes.get(what)!;
    const { detail: said } = await road.bus.heard('Request Rejected', { execution: name });
    expect(said).toEqual({ error: 'InvalidStepInput', message: cause, request: detail, execution: name });
  });

  it('leaves nothing in the table', async () => {
    expect(await everyItem()).toEqual(before);
  });
});

async function everyItem(): Promise<unknown[]> {
  const client = new DynamoDBClient(road.provider.client());
  const { Items, LastEvaluatedKey } = await client.send(
    new ScanCommand({ TableName: road.provider.stack.outputs.TableName! }),
  );
  expect(LastEvaluatedKey).toBeUndefined();
  // The renewal walk runs every minute and writes its position and due times, which are left out.
  return Items!
    .filter(({ pk }) => !pk!.S!.startsWith('R#'))
    .map(({ pk, sk, spec, wanted }) => ({ pk, sk, spec, wanted }));
}
