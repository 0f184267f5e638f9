import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { authoritativeServers, followAlias, seenEverywhere, systemResolver } from '../../../core/dns/authoritative.ts';
import type { Dns } from '../../../core/dns/authoritative.ts';
import { startNameServer } from './name-server.ts';
import type { NameServer } from './name-server.ts';

/**
 * Three real servers: the resolver, which is given by address, and two authoritative servers, which
 * are found by NS and A records as on the internet, and so at port 53. The addresses differ from
 * run to run, so that parallel runs do not collide.
 */
const byte = () => 1 + Math.floor(Math.random() * 250);
const subnet = `127.${byte()}.${byte()}`;
const [first, second] = [`${subnet}.1`, `${subnet}.2`];
let resolver: NameServer;
let one: NameServer;
let two: NameServer;
let dns: Dns;

beforeAll(async () => {
  resolver = await startNameServer('127.0.0.1');
  [one, two] = [await startNameServer(first, 53), await startNameServer(second, 53)];
  dns = systemResolver([resolver.address]);
});
afterAll(async () => {
  for (const server of [resolver, one, two]) await server?.stop();
});
beforeEach(() => {
  for (const server of [resolver, one, two]) {
    server.records.clear();
    server.questions.length = 0;
    server.rcode = 0;
  }
  resolver.records.set('challenges.example NS', ['ns1.provider.example', 'ns2.provider.example']);
  resolver.records.set('ns1.provider.example A', [first]);
  resolver.records.set('ns2.provider.example A', [second]);
});

const name = 'abc.challenges.example';

describe("a name's CNAME", () => {
  const target = 'abc.provider.example';

  test('is asked of the zone’s own servers: a resolver may still have the answer of before', async () => {
    for (const server of [one, two]) server.records.set(`${name} CNAME`, [target]);
    expect(await followAlias(dns, name)).toBe(target);
    expect(resolver.questions).not.toContain(`${name} CNAME`);
  });

  test.each<[string, () => void]>([
    ['fails', () => void (two.rcode = 2)],
    ['does not know the zone', () => void (two.rcode = 5)],
    ['lags behind', () => {}],
  ])('is found, too, if one of the servers %s', async (_, trouble) => {
    one.records.set(`${name} CNAME`, [target]);
    trouble();
    expect(await followAlias(dns, name)).toBe(target);
  });

  test('is asked of the resolver if none of these servers answers', async () => {
    for (const server of [one, two]) server.rcode = 5;
    resolver.records.set(`${name} CNAME`, [target]);
    expect(await followAlias(dns, name)).toBe(target);
  });

  test('is unknown while the servers name two targets', async () => {
    one.records.set(`${name} CNAME`, [target]);
    two.records.set(`${name} CNAME`, ['elsewhere.example']);
    await expect(followAlias(dns, name)).rejects.toMatchObject({ name: 'DnsNotPropagated' });
  });
});

describe('a record is seen everywhere', () => {
  test('only if every authoritative server gives every value', async () => {
    for (const server of [one, two]) server.records.set(`${name} TXT`, ['old', 'apex', 'wildcard']);
    expect(await seenEverywhere(dns, name, ['apex', 'wildcard'])).toEqual({ ok: true });
    expect(one.questions).toContain(`${name} TXT`);
    expect(two.questions).toContain(`${name} TXT`);
  });

  test('not while one server lags behind, whatever the resolver says', async () => {
    for (const server of [resolver, one]) server.records.set(`${name} TXT`, ['apex', 'wildcard']);
    two.records.set(`${name} TXT`, ['apex']);
    expect(await seenEverywhere(dns, name, ['apex', 'wildcard'])).toEqual({
      ok: false,
      missing: [{ server: `ns2.provider.example (${second})`, values: ['wildcard'] }],
    });
    expect(resolver.questions).not.toContain(`${name} TXT`);
  });

  test('where the resolver still has the wildcard CNAME that answered before the record was there', async () => {
    resolver.records.set('*.challenges.example CNAME', ['www.provider.example']);
    resolver.records.set('provider.example NS', ['ns1.provider.example']);
    for (const server of [one, two]) server.records.set(`${name} TXT`, ['apex']);
    expect(await seenEverywhere(dns, name, ['apex'])).toEqual({ ok: true });
  });

  test('not while one server refuses to answer', async () => {
    one.records.set(`${name} TXT`, ['apex']);
    two.rcode = 5;
    expect(await seenEverywhere(dns, name, ['apex'])).toMatchObject({
      ok: false,
      missing: [{ values: ['apex'], reason: expect.stringContaining('REFUSED') }],
    });
  });

  test('at the servers of the zone that a CNAME leads to', async () => {
    resolver.records.set('customer.example NS', ['ns.elsewhere.example']);
    resolver.records.set('_acme-challenge.customer.example CNAME', [name]);
    for (const server of [one, two]) server.records.set(`${name} TXT`, ['apex']);
    expect(await seenEverywhere(dns, '_acme-challenge.customer.example', ['apex'])).toEqual({ ok: true });
  });
});

test('the servers of a name are those of the nearest zone above it, with all their addresses', async () => {
  resolver.records.set('ns2.provider.example A', [second, first]);
  expect(await authoritativeServers(dns, `x.y.${name}`)).toEqual({
    zone: 'challenges.example',
    servers: [
      { name: 'ns1.provider.example', address: first },
      { name: 'ns2.provider.example', address: second },
      { name: 'ns2.provider.example', address: first },
    ],
  });
});

test('a name in no zone is an error that says so', async () => {
  await expect(authoritativeServers(dns, 'nobody.invalid')).rejects.toMatchObject({
    name: 'DnsNotPropagated',
    about: 'nobody.invalid',
  });
});

test('a resolver that fails is an error to retry, never an empty answer', async () => {
  resolver.rcode = 2;
  await expect(dns.resolve(name, 'NS')).rejects.toMatchObject({ name: 'DnsNotPropagated' });
});

test('CNAMEs in a circle are not followed for ever', async () => {
  const lonely: Dns = {
    resolve: async asked => [asked === 'a.example' ? 'b.example' : 'a.example'],
    caa: async () => [],
    tlsa: async () => [],
  };
  await expect(followAlias(lonely, 'a.example')).rejects.toMatchObject({ message: expect.stringContaining('circle') });
});
