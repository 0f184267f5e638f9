import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemResolver } from '../../../core/dns/authoritative.ts';
import { challengePlace, challengeTarget, delegationLine } from '../../../core/dns/challenge-place.ts';
import { startNameServer } from './name-server.ts';
import type { NameServer } from './name-server.ts';

const challengeZone = { id: 'ZCHALLENGES', name: 'challenges.example' };
const ownZone = { id: 'ZOWN', name: 'customer.example', nameServers: ['ns-1.ours.example', 'ns-2.ours.example.'] };
const domain = 'customer.example';
let resolver: NameServer;

beforeAll(async () => void (resolver = await startNameServer('127.0.0.1')));
afterAll(() => resolver.stop());
beforeEach(() => {
  resolver.records.clear();
  resolver.rcode = 0;
});

function place(...owned: (typeof ownZone)[]) {
  const zones = { findZones: async () => owned };
  return challengePlace({ dns: systemResolver([resolver.address]), zones, challengeZone, domain });
}

describe('the TXT location of a challenge', () => {
  test('is in the challenge zone if the domain delegates to its own name there', async () => {
    const target = challengeTarget(domain, challengeZone);
    resolver.records.set(`_acme-challenge.${domain} CNAME`, [target.toUpperCase()]);
    expect(await place()).toEqual({
      recordName: target,
      zoneId: 'ZCHALLENGES',
      zoneName: 'challenges.example',
      delegated: true,
    });
  });

  test("is there also if the customer's CNAME takes a detour", async () => {
    resolver.records.set(`_acme-challenge.${domain} CNAME`, ['detour.customer.example']);
    resolver.records.set('detour.customer.example CNAME', [challengeTarget(domain, challengeZone)]);
    expect(await place()).toMatchObject({ zoneId: 'ZCHALLENGES', delegated: true });
  });

  test("is in the domain's own zone if the public uses this zone", async () => {
    resolver.records.set(`${domain} NS`, ['NS-2.ours.example', 'ns-1.ours.example']);
    expect(await place(ownZone)).toEqual({
      recordName: `_acme-challenge.${domain}`,
      zoneId: 'ZOWN',
      zoneName: domain,
      delegated: false,
    });
  });
});

describe("a wildcard CNAME of the customer's zone", () => {
  const ours = { recordName: `_acme-challenge.${domain}`, zoneId: 'ZOWN', zoneName: domain, delegated: false };
  beforeEach(() => void resolver.records.set(`${domain} NS`, ['ns-1.ours.example', 'ns-2.ours.example']));

  test.each([
    ['another name', 'www.provider.example'],
    ['the domain itself, which answers for its name servers, too', domain],
    ['a name of the same zone', `www.${domain}`],
  ])('that leads to %s is no delegation: the TXT record is in the zone', async (_, target) => {
    resolver.records.set(`*.${domain} CNAME`, [target]);
    for (const name of ['www.provider.example', domain, `www.${domain}`])
      resolver.records.set(`${name} A`, ['192.0.2.1']);
    expect(await place(ownZone)).toEqual(ours);
  });

  test('that covers the domain, too, leaves the zone above in charge', async () => {
    resolver.records.set(`*.${domain} CNAME`, [domain]);
    const zones = { findZones: async () => [ownZone] };
    const dns = systemResolver([resolver.address]);
    expect(await challengePlace({ dns, zones, challengeZone, domain: `shop.${domain}` })).toEqual({
      ...ours,
      recordName: `_acme-challenge.shop.${domain}`,
    });
  });

  test('does not hide a CNAME of its own', async () => {
    resolver.records.set(`*.${domain} CNAME`, ['www.provider.example']);
    resolver.records.set(`_acme-challenge.${domain} CNAME`, ['validation.other.example']);
    await expect(place(ownZone)).rejects.toThrow('leads to validation.other.example, where we cannot write');
    const target = challengeTarget(domain, challengeZone);
    resolver.records.set(`_acme-challenge.${domain} CNAME`, [target]);
    expect(await place(ownZone)).toMatchObject({ recordName: target, delegated: true });
  });

  test('in a zone of another provider is named as what it is, with the line that is missing', async () => {
    resolver.records.set(`${domain} NS`, ['ns.elsewhere.example']);
    resolver.records.set(`*.${domain} CNAME`, ['www.provider.example']);
    await expect(place()).rejects.toThrow(
      `_acme-challenge.${domain} is not delegated to us: a wildcard CNAME leads it to www.provider.example. Have this`,
    );
  });

  test('that leads to the TXT location of this very domain is a delegation', async () => {
    const target = challengeTarget(domain, challengeZone);
    resolver.records.set(`*.${domain} CNAME`, [target]);
    expect(await place()).toMatchObject({ recordName: target, delegated: true });
  });
});

describe('a zone that was cached', () => {
  const was = { ...ownZone, id: 'ZWAS', nameServers: ['ns-9.ours.example'] };
  const placed = (...now: (typeof ownZone)[]) => {
    const zones = { findZones: async (_: string, options?: { anew?: boolean }) => (options?.anew ? now : [was]) };
    return challengePlace({ dns: systemResolver([resolver.address]), zones, challengeZone, domain });
  };
  beforeEach(() => void resolver.records.set(`${domain} NS`, ['ns-1.ours.example']));

  test('and was created again since is replaced by the new one', async () => {
    expect(await placed(ownZone)).toMatchObject({ zoneId: 'ZOWN' });
  });

  test.each([[[]], [[was]]])('and is not in public use is read once more, and no further', async now => {
    await expect(placed(...now)).rejects.toMatchObject({ name: 'DomainNotManaged' });
  });
});

describe('of two zones of one name', () => {
  const another = { id: 'ZOLD', name: domain, nameServers: ['ns-7.ours.example', 'ns-8.ours.example'] };

  test.each([
    ['first', [ownZone, another]],
    ['last', [another, ownZone]],
  ])('the one to which the parent delegates is used, listed %s', async (_, zones) => {
    resolver.records.set(`${domain} NS`, ['ns-1.ours.example', 'ns-2.ours.example']);
    expect(await place(...zones)).toMatchObject({ zoneId: 'ZOWN' });
    resolver.records.set(`${domain} NS`, ['ns-7.ours.example', 'ns-8.ours.example']);
    expect(await place(...zones)).toMatchObject({ zoneId: 'ZOLD' });
  });

  test('none is used while the parent delegates to both', async () => {
    resolver.records.set(`${domain} NS`, ['ns-1.ours.example', 'ns-7.ours.example']);
    await expect(place(another, ownZone)).rejects.toMatchObject({ name: 'DomainNotManaged' });
  });
});

describe('white-label name servers', () => {
  beforeEach(() => {
    resolver.records.set(`${domain} NS`, ['ns1.brand.example', 'ns2.brand.example']);
    resolver.records.set('ns-1.ours.example A', ['127.0.0.101']);
    resolver.records.set('ns-2.ours.example A', ['127.0.0.102']);
    resolver.records.set('ns1.brand.example A', ['127.0.0.101']);
    resolver.records.set('ns2.brand.example A', ['127.0.0.102']);
  });

  test("are the zone's own servers if they have the addresses of these", async () => {
    expect(await place(ownZone)).toMatchObject({ zoneId: 'ZOWN' });
  });

  test.each([
    ['has an address of another', ['127.0.0.103']],
    ['has no address', []],
    ['has one of ours and one of another', ['127.0.0.102', '127.0.0.103']],
  ])('are not, if one of them %s', async (_, addresses) => {
    resolver.records.set('ns2.brand.example A', addresses);
    await expect(place(ownZone)).rejects.toMatchObject({ name: 'DomainNotManaged' });
  });
});

describe('a domain is not managed', () => {
  test('without a CNAME and a zone, and the message has the line that cures this', async () => {
    resolver.records.set(`${domain} NS`, ['ns.elsewhere.example']);
    await expect(place()).rejects.toMatchObject({
      name: 'DomainNotManaged',
      about: domain,
      message: expect.stringContaining(
        `_acme-challenge.customer.example. CNAME ${challengeTarget(domain, challengeZone)}.`,
      ),
    });
  });

  test('by a zone of ours that the public is not sent to', async () => {
    resolver.records.set(`${domain} NS`, ['ns.elsewhere.example']);
    await expect(place(ownZone)).rejects.toMatchObject({
      message: expect.stringContaining('Our zone customer.example'),
    });
  });

  test('if another provider serves the zone beside us', async () => {
    resolver.records.set(`${domain} NS`, ['ns-1.ours.example', 'ns.elsewhere.example']);
    await expect(place(ownZone)).rejects.toMatchObject({ name: 'DomainNotManaged' });
  });

  test("if its CNAME points at another domain's TXT location", async () => {
    resolver.records.set(`_acme-challenge.${domain} CNAME`, [challengeTarget('victim.example', challengeZone)]);
    resolver.records.set('challenges.example NS', ['ns-1.ours.example']);
    await expect(place()).rejects.toMatchObject({ name: 'DomainNotManaged' });
  });

  test('only after an answer: a resolver that fails is an error to retry', async () => {
    resolver.rcode = 2;
    await expect(place(ownZone)).rejects.toMatchObject({ name: 'DnsNotPropagated' });
  });
});

test("a domain's TXT location is always the same and does not show the domain's name", () => {
  const [line, again] = [delegationLine(domain, { name: 'c.example' }), delegationLine(domain, { name: 'c.example' })];
  expect(line).toBe(again);
  expect(line).toMatch(/^_acme-challenge\.customer\.example\. CNAME [0-9a-f]{32}\.c\.example\.$/);
  expect(challengeTarget('other.example', { name: 'c.example' })).not.toBe(
    challengeTarget(domain, { name: 'c.example' }),
  );
});
