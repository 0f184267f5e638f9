import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemResolver } from '../../../core/dns/authoritative.ts';
import { challengeTarget, delegationLine } from '../../../core/dns/challenge-place.ts';
import type { SealpostError } from '../../../core/errors.ts';
import { replacedAt } from '../../../core/issuer/choose-issuer.ts';
import { claimDomain, type ClaimPorts } from '../../../core/secure-domain/claim-domain.ts';
import { parkDomain } from '../../../core/secure-domain/park-domain.ts';
import { LEASE_MS } from '../../../core/ports/lease.ts';
import { startNameServer, type NameServer } from '../dns/name-server.ts';
import {
  aCertificate,
  anIssuer,
  challengeZone,
  created,
  day,
  domain,
  minute,
  mx1,
  mx2,
  newWorld,
  node,
  register,
  type World,
  unlessEnded,
} from '../world.ts';

let resolver: NameServer;
let world: World;
let ports: ClaimPorts;
const target = challengeTarget(domain, challengeZone);

beforeAll(async () => void (resolver = await startNameServer('127.0.0.1')));
afterAll(() => resolver.stop());
beforeEach(async () => {
  resolver.records.clear();
  resolver.records.set(`_acme-challenge.${domain} CNAME`, [target]);
  world = newWorld();
  await register(world, mx1);
  ports = {
    ...world,
    dns: systemResolver([resolver.address]),
    challengeZone,
    // New domains get one slot every 36 s, two at once.
    issuers: [anIssuer({ limits: { account: { count: 2.5, windowMs: 81_000 } } })],
    directoryOf: async () => ({ caaIdentities: ['ca.example'], profiles: { tlsserver: '', shortlived: '' } }),
  };
});

/** An event is handled at its own time, or later. */
const claim = (event: { time: string } = created(), execution = 'first') => {
  world.time = Math.max(world.time, Date.parse(event.time));
  return unlessEnded(claimDomain({ ...event, execution }, ports));
};
const look = (name = domain) => ({
  ...{ 'detail-type': 'Certificate Expiring', time: '2027-01-15T09:00:00Z', detail: { domain: name } },
});
const ownLook = () => ({ ...look(), look: 'due' });
/** A domain whose certificate was issued and released, and which is due when its renewal is. */
async function issued(more: Parameters<typeof aCertificate>[1] = {}) {
  const certificate = aCertificate(world, more);
  await claim(created(), 'before');
  await world.store.commitCertificate({
    ...{ domain, me: 'before', seen: 1, certificate, servers: [mx1], now: world.time },
  });
  await world.store.releaseDomain({ domain, me: 'before', seen: 1, now: world.time }, certificate.renewAt);
  return certificate;
}
const installedOn = async (server: string, { id, fingerprint }: { id: string; fingerprint: string }) => {
  const { v } = (await world.store.work(server, 1))[0]!;
  const seen = { domain, certificate: id, fingerprint, seenAt: world.time, node };
  await world.store.recordInstalled(server, { domain, v }, seen);
  await world.store.endWork(server, { domain, v });
};

describe('a name that the suffix list refuses by now', () => {
  const suffix = 'co.uk';
  beforeEach(async () => {
    await world.store.acceptWish({ domain: suffix, mailServers: [mx1], policy: 'wildcard' }, { at: 1 }, world.time);
  });

  test('and is on record is evaluated, and parked with its reason', async () => {
    world.time += day;
    const event = { ...look(suffix), look: 'due', execution: 'own' };
    const error = await claimDomain(event, ports).catch((error: unknown) => error as SealpostError);
    expect(error).toMatchObject({ name: 'DomainNotManaged' });
    await parkDomain({ ...event, error: error as SealpostError }, world);
    expect((await world.store.readDomain(suffix))!.dueAt).toBeGreaterThan(world.time);
  });

  test('can be deleted', async () => {
    const deletion = { ...look(suffix), 'detail-type': 'Domain Deleted', execution: 'own' };
    world.time = Date.parse(deletion.time);
    expect(await claimDomain(deletion, ports)).toMatchObject({ ended: 'DomainDeleted' });
  });
});

test("a customer's wish that meets the registration of its name leaves the server its own", async () => {
  const { store } = world;
  const late = {
    ...store,
    async acceptWish(...given: Parameters<typeof store.acceptWish>) {
      const accepted = await store.acceptWish(...given);
      if (!given[0].host) await register(world, mx2);
      return accepted;
    },
  };
  const event = { ...created({ domain: mx2 }), execution: 'first' };
  world.time = Date.parse(event.time);
  await expect(claimDomain(event, { ...ports, store: late })).rejects.toMatchObject({ name: 'InvalidStepInput' });
  expect((await store.readDomain(mx2))!.spec).toMatchObject({ host: true });
});

describe('a claim', () => {
  test('gives a plan: names, servers, and the TXT location of each challenge', async () => {
    expect(await claim()).toEqual({
      ...{
        domain,
        seen: 1,
        names: [domain, `*.${domain}`],
        servers: [mx1],
        issuer: 'ca',
        isLastResort: true,
        claimedAt: world.time,
      },
      places: [
        { name: domain, recordName: target, zoneId: 'ZCHALLENGES', zoneName: challengeZone.name, delegated: true },
      ],
    });
    expect(await world.store.readDomain(domain)).toMatchObject({ owner: 'first', leaseUntil: world.time + LEASE_MS });
  });

  test('plans the webmail server too, a list of names with a location each, and the profile of the wish', async () => {
    await register(world, mx2);
    for (const name of ['mail', 'webmail'])
      resolver.records.set(`_acme-challenge.${name}.${domain} CNAME`, [
        challengeTarget(`${name}.${domain}`, challengeZone),
      ]);
    const names = ['mail', 'webmail'];
    const plan = await claim(created({ policy: 'list', names, webmailServer: mx2, profile: 'shortlived' }));
    expect(plan).toMatchObject({ servers: [mx1, mx2], profile: 'shortlived' });
    expect(plan.places.map(place => place.name)).toEqual(names.map(name => `${name}.${domain}`));
  });

  test('is the same if its step is retried', async () => {
    const plan = await claim();
    expect(await claim()).toEqual(plan);
    expect(await world.store.readDomain(domain)).toMatchObject({ wanted: 1 });
  });

  test('is given once if the same event comes twice at the same time', async () => {
    const [one, two] = await Promise.allSettled([claim(created(), 'first'), claim(created(), 'second')]);
    expect([one!.status, two!.status].sort()).toEqual(['fulfilled', 'rejected']);
    const reason = [one, two].flatMap(result => (result!.status === 'rejected' ? [result!.reason] : []));
    expect(reason).toMatchObject([{ name: 'ClaimedByAnother', about: domain }]);
  });

  test('serves the latest wish, in whatever order the events came', async () => {
    await register(world, mx2);
    await claim(created({ mailServers: [mx2] }, '2027-01-15T10:00:00Z'), 'first');
    world.time += LEASE_MS + 1;
    expect(await claim(created({ mailServers: [mx1] }, '2027-01-15T09:00:00Z'), 'second')).toMatchObject({
      servers: [mx2],
    });
  });

  test("is refused while another execution has it, and the wish is recorded for that execution's release", async () => {
    await claim();
    const changed = created({ mailServers: [mx1, mx2] }, '2027-01-15T09:00:00Z');
    await expect(claim(changed, 'second')).rejects.toMatchObject({ name: 'ClaimedByAnother' });
    expect(await world.store.readDomain(domain)).toMatchObject({
      ...{ owner: 'first', wanted: 2, seen: 1, spec: { mailServers: [mx1, mx2] } },
    });
  });

  test("for a server's own host name has the field host", async () => {
    const spec = { domain: mx1, mailServers: [mx1], policy: 'list' as const, names: ['@'], host: true };
    await world.store.acceptWish(spec, { at: world.time }, world.time);
    resolver.records.set(`_acme-challenge.${mx1} CNAME`, [challengeTarget(mx1, challengeZone)]);
    expect(await claim(look(mx1))).toMatchObject({ domain: mx1, host: true, names: [mx1], servers: [mx1] });
  });
});

describe('a claim ends the execution', () => {
  const cases: [string, () => unknown, { time: string }, string, RegExp][] = [
    [
      'a server is not registered',
      () => {},
      created({ mailServers: [mx1, mx2] }),
      'ServerNotRegistered',
      /^mx2\.provider\.example not registered; put Mail Server Registered, and example\.com goes on by itself$/,
    ],
    [
      'the challenge is not delegated',
      () => {
        resolver.records.clear();
        world.time = Date.parse(created().time) + minute;
      },
      created(),
      'DomainNotManaged',
      new RegExp(delegationLine(domain, challengeZone).replaceAll('.', '\\.')),
    ],
    [
      'CAA names another CA',
      () => resolver.records.set(`${domain} CAA`, ['0 issue "other.example"']),
      created(),
      'CaaForbids',
      /CAA at example\.com forbids example\.com: issue "other\.example"/,
    ],
    [
      'DNS does not answer',
      () => void (resolver.rcode = 2),
      created(),
      'DnsNotPropagated',
      /for CNAME of _acme-challenge\.example\.com/,
    ],
    ['the domain has no wish', () => {}, look('never.example'), 'InvalidStepInput', /put Domain Created first/],
    [
      "the name is a registered server's own",
      () => {},
      created({ domain: mx1 }),
      'InvalidStepInput',
      /^detail\.domain mx1\.provider\.example is the host name of a registered mail server.*name the customer's domain$/,
    ],
    ['the event is bad', () => {}, created({ domain: '*.example.com' }), 'InvalidStepInput', /^detail\.domain/],
  ];
  test.each(cases)('when %s', async (_, prepare, event, name, message) => {
    prepare();
    await expect(claim(event)).rejects.toMatchObject({ name, message: expect.stringMatching(message) });
    resolver.rcode = 0;
  });

  test('with an error that is retried within seconds while the zone may have been made with the event', async () => {
    resolver.records.clear();
    const said = expect.stringContaining('is not delegated to us');
    await expect(claim()).rejects.toMatchObject({ name: 'DnsNotPropagated', message: said });
    world.time += 30_000;
    await expect(claim()).rejects.toMatchObject({ name: 'DnsNotPropagated' });
    // The last retry comes 60 s after the first run.
    world.time += 30_000;
    await expect(claim()).rejects.toMatchObject({ name: 'DomainNotManaged', message: said });
  });

  test('at once if the same wish was tried before, however fresh the event is', async () => {
    resolver.records.clear();
    world.time = Date.parse(created().time) + minute;
    const error = (await claim().catch((error: unknown) => error)) as SealpostError;
    await parkDomain({ execution: 'first', domain, error }, world);
    const again = created({}, new Date(world.time).toISOString());
    await expect(claim(again, 'second')).rejects.toMatchObject({ name: 'DomainNotManaged' });
    await parkDomain({ execution: 'second', domain, error }, world);
    const another = created({ policy: 'list', names: ['mail'] }, new Date(world.time).toISOString());
    await expect(claim(another, 'third')).rejects.toMatchObject({ name: 'DnsNotPropagated' });
  });

  test('unless the domain has a slot, which no later try reserves a second time', async () => {
    let reserved = 0;
    const { store } = world;
    world.time = Date.parse(look().time);
    const counting = {
      ...store,
      reserveOrder: (...given: Parameters<typeof store.reserveOrder>) => (
        (reserved += 1),
        store.reserveOrder(...given)
      ),
    };
    await store.acceptWish({ domain, mailServers: [mx1], policy: 'wildcard' }, { at: world.time }, world.time);
    for (let i = 0; i < 5; i++) {
      const execution = `try ${i}`;
      await unlessEnded(claimDomain({ ...ownLook(), execution }, { ...ports, store: counting }));
      await parkDomain({ execution, domain, error: { name: 'AcmeUnavailable', message: 'its words' } }, world);
      world.time = (await store.readDomain(domain))!.dueAt!;
    }
    expect(reserved).toBe(1);
  });

  test("when the CA's budget is spent, with the time of the next slot, and keeps the claim for the park", async () => {
    for (let i = 0; i < 2; i++)
      await world.store.reserveOrder(anIssuer().directoryUrl, {
        intervalMs: 36_000,
        horizonMs: 72_000,
        now: world.time,
      });
    await expect(claim()).rejects.toMatchObject({ name: 'BudgetSpent', retryAt: world.time + 36_000 });
    expect(await world.store.readDomain(domain)).toMatchObject({ owner: 'first' });
  });
});

describe('a domain whose certificate is still fresh', () => {
  const moved = created({ mailServers: [mx1, mx2] }, '2027-01-15T10:00:00Z');

  test('gives work to a server that does not serve it yet, wakes the server, and orders nothing', async () => {
    const certificate = await issued();
    await installedOn(mx1, certificate);
    await register(world, mx2);
    await expect(claim(moved)).rejects.toMatchObject({
      name: 'StillFresh',
      message: expect.stringMatching(/1 of 2 servers/),
    });
    expect(await world.store.work(mx1, 10)).toEqual([]);
    expect(await world.store.work(mx2, 10)).toMatchObject([{ domain, certificate }]);
    expect(world.executions.started).toMatchObject([{ machine: 'deliver-to-server', input: { server: mx2 } }]);
    const record = await world.store.readDomain(domain);
    expect(record).toMatchObject({ done: 2, dueAt: certificate.renewAt });
    expect(record).not.toHaveProperty('owner');
  });

  test('is re-evaluated if its wish changed before the release', async () => {
    await installedOn(mx1, await issued());
    const { store } = world;
    const changing = {
      ...store,
      releaseDomain: async (...given: Parameters<typeof store.releaseDomain>) => {
        const spec = { domain, mailServers: [mx1], policy: 'list' as const, names: ['@'] };
        await store.acceptWish(spec, { at: Date.parse('2027-01-15T11:00:00Z') }, world.time);
        return store.releaseDomain(...given);
      },
    };
    const again = { ...created({}, '2027-01-15T10:00:00Z'), execution: 'first' };
    world.time = Date.parse('2027-01-15T11:00:00Z');
    await expect(unlessEnded(claimDomain(again, { ...ports, store: changing }))).rejects.toMatchObject({
      name: 'StillFresh',
    });
    expect(world.executions.started).toMatchObject([{ machine: 'secure-domain', input: { detail: { domain } } }]);
    expect(await claim(look(), 'next')).toMatchObject({ names: [domain] });
  });

  test('wakes no server if every server serves it', async () => {
    await installedOn(mx1, await issued());
    await expect(claim(created({}, '2027-01-15T10:00:00Z'))).rejects.toMatchObject({ name: 'StillFresh' });
    expect(world.executions.started).toEqual([]);
  });

  test('is ordered again if its names change', async () => {
    await issued();
    const names = ['@'];
    const plan = await claim(created({ policy: 'list', names }, '2027-01-15T10:00:00Z'));
    expect(plan).toMatchObject({ names: [domain], seen: 2 });
  });

  test('is ordered when it is due, outside the budget if the CA knows what the order replaces', async () => {
    const { renewAt } = await issued({ ariId: 'aki.serial' });
    world.time = renewAt;
    for (let i = 0; i < 2; i++)
      await world.store.reserveOrder(anIssuer().directoryUrl, {
        intervalMs: 36_000,
        horizonMs: 72_000,
        now: world.time,
      });
    expect(await claim(look())).toMatchObject({ replaces: 'aki.serial' });
  });

  test('is not named in `replaces` if no name is the same, because the CA would refuse the order', async () => {
    await issued({ ariId: 'aki.serial' });
    const record = (await world.store.readDomain(domain))!;
    expect(replacedAt(anIssuer(), record, [`mail.${domain}`])).toBeUndefined();
    expect(replacedAt(anIssuer(), record, [`mail.${domain}`, domain])).toBe('aki.serial');
    expect(replacedAt(anIssuer({ name: 'another' }), record, [domain])).toBeUndefined();
  });

  test("is not claimed by the sweep's event before its time", async () => {
    await issued();
    world.time += day;
    await expect(claim(ownLook())).rejects.toMatchObject({ name: 'ClaimedByAnother' });
  });
});

describe('a domain that waits for the budget', () => {
  test('has its slot in turn, and retries do not put it off: ten thousand at the mean rate', async () => {
    const slots: number[] = [];
    for (let i = 0; i < 10_000; i++)
      slots.push(
        await world.store.reserveOrder(anIssuer().directoryUrl, {
          intervalMs: 36_000,
          horizonMs: 9_720_000,
          now: world.time,
        }),
      );
    expect(slots.filter(at => at === world.time)).toHaveLength(270);
    expect(new Set(slots).size).toBe(10_000 - 269);
    expect(Math.max(...slots) - world.time).toBe((10_000 - 270) * 36_000);
  });

  test('is parked until its slot without counting a try, and continues then', async () => {
    for (let i = 0; i < 4; i++)
      await world.store.reserveOrder(anIssuer().directoryUrl, {
        intervalMs: 36_000,
        horizonMs: 72_000,
        now: world.time,
      });
    const slot = world.time + 3 * 36_000;
    for (let i = 0; i < 2; i++) {
      const error = await claim(look(), `waiting ${i}`).catch((error: Error) => error);
      expect(error).toMatchObject({ name: 'BudgetSpent', retryAt: slot });
      await parkDomain({ execution: `waiting ${i}`, domain, error: error as SealpostError }, world);
      expect(await world.store.readDomain(domain)).toMatchObject({ dueAt: slot, parked: { tries: 0 } });
    }
    world.time = slot;
    expect(await claim(ownLook(), 'its turn')).toMatchObject({ domain });
  });

  beforeEach(async () => {
    world.time = Date.parse(look().time);
    await world.store.acceptWish({ domain, mailServers: [mx1], policy: 'wildcard' }, { at: world.time }, world.time);
  });
});

describe('a domain that is parked until tomorrow', () => {
  beforeEach(async () => {
    const { store, time } = world;
    await claim(created(), 'parking');
    const parked = { reason: 'DomainNotManaged' as const, message: '', since: time, tries: 4, nextTry: time + day };
    await store.parkDomain({ domain, me: 'parking', seen: 1 }, parked, []);
    world.time += minute;
  });
  const now = () => ({ ...look(), time: new Date(world.time).toISOString() });

  test('is evaluated at once if a sender publishes Certificate Expiring', async () => {
    expect(await claim(now(), 'asked')).toMatchObject({ domain });
  });

  test('stays parked if one of our own executions asks', async () => {
    const wanted = (await world.store.readDomain(domain))!.wanted;
    await expect(claim({ ...ownLook(), ...now() }, 'ours')).rejects.toMatchObject({ name: 'ClaimedByAnother' });
    expect(await world.store.readDomain(domain)).toMatchObject({ wanted });
  });
});

describe('a certificate that is due for renewal, and still good,', () => {
  const renewal = async (servers: string[], more: Parameters<typeof aCertificate>[1] = {}) => {
    const certificate = await issued(more);
    await installedOn(mx1, certificate);
    await register(world, mx2);
    world.time = certificate.renewAt + 1;
    return claim(created({ mailServers: servers }, new Date(world.time).toISOString()), 'moving');
  };

  test('is given to a server that does not have it, before the order is tried', async () => {
    await renewal([mx2]);
    expect(await world.store.workFor({ server: mx2, domain })).toMatchObject({ certificate: { id: 'c'.repeat(64) } });
    expect(world.executions.started).toMatchObject([{ machine: 'deliver-to-server', input: { server: mx2 } }]);
  });

  test('is given once, however often the order fails, and not to a server that serves it', async () => {
    await renewal([mx1, mx2]);
    const { v } = (await world.store.workFor({ server: mx2, domain }))!;
    await parkDomain({ execution: 'moving', domain, error: { name: 'AcmeUnavailable', message: 'its words' } }, world);
    world.time += minute;
    await claim(ownLook(), 'again');
    expect(await world.store.workFor({ server: mx2, domain })).toMatchObject({ v });
    expect(await world.store.workFor({ server: mx1, domain })).toBeUndefined();
  });

  test('is given to no server once it has expired', async () => {
    await renewal([mx2], { notAfter: world.time, renewAt: world.time });
    expect(await world.store.workFor({ server: mx2, domain })).toBeUndefined();
  });
});

describe('what a killed execution left', () => {
  const published = [{ zoneId: 'ZCHALLENGES', recordName: target, values: ['old apex', 'old wildcard'] }];

  async function killed(planned: string[]): Promise<void> {
    await claim(created(), 'killed');
    await world.store.recordOrder(
      { domain, me: 'killed' },
      { url: 'https://ca.example/order/1', planned, issuer: 'ca' },
    );
    await world.store.recordPublished({ domain, me: 'killed' }, published);
    await world.zones.changeTxt('ZCHALLENGES', [
      { recordName: target, add: [...published[0]!.values, 'theirs'], remove: [] },
    ]);
    world.time += LEASE_MS + 1;
  }

  test('is retracted from DNS: our values, and no others', async () => {
    await killed([domain, `*.${domain}`]);
    await claim(look());
    expect(world.zones.txt.get(`ZCHALLENGES ${target}`)).toEqual(['theirs']);
    expect(await world.store.readDomain(domain)).not.toHaveProperty('published');
  });

  test.each([
    ['its zone was deleted', 'NoSuchHostedZone', false],
    ['we lost the right to write there', 'AccessDenied', true],
    ['Route 53 is busy', 'Throttled', true],
  ])('does not stop the next execution if %s', async (_, why, isKept) => {
    await killed([domain, `*.${domain}`]);
    if (why === 'NoSuchHostedZone')
      await world.store.recordPublished({ domain, me: 'killed' }, [{ ...published[0]!, zoneId: 'ZGONE' }]);
    else world.zones.changeTxt = () => Promise.reject(Object.assign(new Error(why), { name: why }));
    expect(await claim(look())).toMatchObject({ domain });
    const record = await world.store.readDomain(domain);
    if (isKept) expect(record).toMatchObject({ published });
    else expect(record).not.toHaveProperty('published');
  });

  test('is an order that is continued, without a second slot of the budget', async () => {
    await killed([domain, `*.${domain}`]);
    for (let i = 0; i < 2; i++)
      await world.store.reserveOrder(anIssuer().directoryUrl, {
        intervalMs: 36_000,
        horizonMs: 72_000,
        now: world.time,
      });
    await claim(look());
    expect(await world.store.readDomain(domain)).toMatchObject({ order: { url: 'https://ca.example/order/1' } });
  });

  test('is an order that is deleted if the wish no longer has its names', async () => {
    await killed(['mail.example.com']);
    await claim(look());
    expect(await world.store.readDomain(domain)).not.toHaveProperty('order');
  });
});
