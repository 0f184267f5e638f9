import { beforeEach, describe, expect, test } from 'vitest';
import { retract } from '../../../core/claim/published.ts';
import { parkDomain } from '../../../core/secure-domain/park-domain.ts';
import { releaseDomain } from '../../../core/secure-domain/release-domain.ts';
import { SealpostError, type Failure } from '../../../core/errors.ts';
import { LEASE_MS } from '../../../core/ports/lease.ts';
import type { Plan } from '../../../core/record/plan.ts';
import {
  aCertificate,
  created,
  day,
  domain,
  minute,
  mx1,
  mx2,
  newWorld,
  register,
  type World,
  unlessEnded,
} from '../world.ts';

let world: World;
const recordName = 'abc.challenges.example';
const wish = { domain, mailServers: [mx1], policy: 'wildcard' as const };
const order = { url: 'https://ca.example/order/1', planned: [domain, `*.${domain}`], issuer: 'ca' };

/** A domain in the middle of its road: claimed, ordered, its values published. */
beforeEach(async () => {
  world = newWorld();
  const { store, zones } = world;
  await register(world, mx1);
  await store.acceptWish(wish, { at: world.time }, world.time);
  await store.claimDomain({ domain, me: 'me', now: world.time });
  await store.recordOrder({ domain, me: 'me' }, order);
  await store.recordPublished({ domain, me: 'me' }, [{ zoneId: 'ZCHALLENGES', recordName, values: ['ours'] }]);
  await zones.changeTxt('ZCHALLENGES', [{ recordName, add: ['ours', 'theirs'], remove: [] }]);
});

const plan = (): Plan => ({
  ...{ domain, seen: 1, names: order.planned, servers: [mx1], issuer: 'ca', places: [], claimedAt: world.time },
});
const txt = () => world.zones.txt.get(`ZCHALLENGES ${recordName}`);

describe('the release of a domain whose certificate is stored', () => {
  const release = () =>
    unlessEnded(releaseDomain({ ...plan(), execution: 'me', certificate: aCertificate(world).id }, world));

  beforeEach(async () => {
    await world.store.commitCertificate({
      ...{ domain, me: 'me', seen: 1, certificate: aCertificate(world), servers: [mx1], now: world.time },
    });
  });

  test('retracts our values from DNS, sets its due time, wakes the servers and publishes the issuance', async () => {
    expect(await release()).toEqual({ domain, servers: [mx1], dueAt: world.time + 60 * day });
    expect(txt()).toEqual(['theirs']);
    const record = await world.store.readDomain(domain);
    expect(record).toMatchObject({ done: 1, dueAt: world.time + 60 * day });
    for (const gone of ['owner', 'published', 'order']) expect(record).not.toHaveProperty(gone);
    expect(world.executions.started).toMatchObject([{ machine: 'deliver-to-server', input: { server: mx1 } }]);
    expect(world.bus.events).toEqual([
      {
        detailType: 'Certificate Issued',
        detail: {
          ...{ domain, names: order.planned, issuer: 'ca', issuedBy: 'Test CA' },
          notAfter: new Date(aCertificate(world).notAfter).toISOString(),
        },
      },
    ]);
  });

  test('wakes no server whose work is calm', async () => {
    await unlessEnded(
      releaseDomain({ ...plan(), execution: 'me', certificate: aCertificate(world).id, wake: [] }, world),
    );
    expect(world.executions.started).toEqual([]);
  });

  test('starts another execution if the wish changed meanwhile', async () => {
    await world.store.acceptWish({ ...wish, mailServers: [mx1, mx2] }, { at: world.time + 1 }, world.time);
    await release();
    expect(world.executions.started).toMatchObject([
      { machine: 'deliver-to-server' },
      { machine: 'secure-domain', input: { 'detail-type': 'Certificate Expiring', detail: { domain } } },
    ]);
    expect(await world.store.claimDomain({ domain, me: 'next', now: world.time })).toMatchObject({ seen: 2 });
  });

  test('starts another execution if a late run of ClaimDomain has read a wish that the plan does not have', async () => {
    await world.store.acceptWish({ ...wish, mailServers: [mx1, mx2] }, { at: world.time + 1 }, world.time);
    await world.store.claimDomain({ domain, me: 'me', now: world.time });
    await release();
    expect(world.executions.started.at(-1)).toMatchObject({ machine: 'secure-domain', input: { detail: { domain } } });
    expect(await world.store.claimDomain({ domain, me: 'next', now: world.time })).toMatchObject({ seen: 2 });
  });

  test('fails in an execution that lost its claim, and changes nothing', async () => {
    world.time += LEASE_MS + 1;
    await world.store.claimDomain({ domain, me: 'other', now: world.time });
    await expect(release()).rejects.toMatchObject({ name: 'ClaimLost', about: domain });
    expect(txt()).toEqual(['ours', 'theirs']);
    expect(world.executions.started).toEqual([]);
    expect(world.bus.events).toEqual([]);
  });

  test('publishes and wakes everything in the retry if the bus failed the first time', async () => {
    const away = { ...world.bus, put: () => Promise.reject(new Error('the bus is away')) };
    const input = { ...plan(), execution: 'me', certificate: aCertificate(world).id };
    await expect(unlessEnded(releaseDomain(input, { ...world, bus: away }))).rejects.toThrow('the bus is away');
    await release();
    expect(world.bus.events).toMatchObject([{ detailType: 'Certificate Issued' }]);
    expect(world.executions.started).toMatchObject([{ machine: 'deliver-to-server' }]);
  });

  test('wakes the servers while Route 53 is busy; the next claim, in 1 to 10 minutes, retracts our values', async () => {
    const busy = new SealpostError('Throttled', { about: recordName, message: 'Route 53 is busy' });
    const zones = { ...world.zones, changeTxt: () => Promise.reject(busy) };
    const input = { ...plan(), execution: 'me', certificate: aCertificate(world).id };
    const { dueAt } = await unlessEnded(releaseDomain(input, { ...world, zones }));
    expect(dueAt).toBe(world.time + 5.5 * minute);
    expect(world.executions.started).toMatchObject([{ machine: 'deliver-to-server', input: { server: mx1 } }]);
    expect(world.bus.events).toMatchObject([{ detailType: 'Certificate Issued' }]);
    expect(await world.store.readDomain(domain)).toMatchObject({ done: 1, dueAt, published: [{ values: ['ours'] }] });
    world.time = dueAt;
    const record = (await world.store.claimDomain({ domain, me: 'next', now: world.time }))!;
    await retract(record, { domain, me: 'next', seen: record.seen!, now: world.time }, world);
    expect(txt()).toEqual(['theirs']);
    expect(await world.store.readDomain(domain)).not.toHaveProperty('published');
  });

  test('wakes its servers even if Route 53 and the bus are busy', async () => {
    world.zones.changeTxt = () =>
      Promise.reject(new SealpostError('Throttled', { about: recordName, message: 'Route 53 is busy' }));
    world.bus.put = () =>
      Promise.reject(new SealpostError('Throttled', { about: domain, message: 'EventBridge is busy' }));
    await expect(release()).rejects.toMatchObject({ name: 'Throttled' });
    expect(world.executions.started).toMatchObject([{ machine: 'deliver-to-server', input: { server: mx1 } }]);
  });

  test('is not stopped by values that cannot be retracted: the domain is due for them in a day', async () => {
    world.zones.changeTxt = () => Promise.reject(new Error('AccessDenied'));
    expect(await release()).toMatchObject({ dueAt: world.time + day });
    expect(await world.store.readDomain(domain)).toMatchObject({ done: 1, published: [{ values: ['ours'] }] });
  });

  test('wakes a server once, however often the step is retried', async () => {
    await release();
    await expect(release()).rejects.toMatchObject({ name: 'ClaimLost' });
    expect(world.executions.started).toHaveLength(1);
  });
});

describe('a domain that is parked', () => {
  const caused = (name: string, message: string) => ({ name, message });
  const park = (error: Failure, input: object = { domain }) => parkDomain({ ...input, execution: 'me', error }, world);

  test('waits with its reason and a next try, its values are retracted, and the park is published', async () => {
    const parked = await park(caused('ChallengeFailed', 'no TXT record found'));
    const nextTry = world.time + minute;
    expect(parked).toEqual({ domain, reason: 'ChallengeFailed', message: 'no TXT record found', nextTry });
    expect(txt()).toEqual(['theirs']);
    expect(await world.store.readDomain(domain)).toMatchObject({
      parked: { reason: 'ChallengeFailed', message: 'no TXT record found', since: world.time, nextTry, tries: 1 },
      dueAt: nextTry,
    });
    expect(world.bus.events).toMatchObject([
      {
        detailType: 'Domain Parked',
        detail: { domain, reason: 'ChallengeFailed', remedy: 'park', nextTry: new Date(nextTry).toISOString() },
      },
    ]);
  });

  test('is counted if its certificate soon expires, and otherwise not', async () => {
    await park(caused('TlsaMismatch', 'no'));
    expect(world.metrics.counted).toEqual([]);
    const certificate = aCertificate(world, { notBefore: world.time - 76 * day, notAfter: world.time + 14 * day });
    await world.store.claimDomain({ domain, me: 'me', now: world.time + day });
    const commit = { domain, me: 'me', seen: 1, certificate, servers: [], now: world.time };
    expect(await world.store.commitCertificate(commit)).toBe(true);
    await park(caused('TlsaMismatch', 'no'));
    expect(world.metrics.counted).toEqual([
      {
        ...{ metric: 'CertificatesRunningOut', outcome: 'parked', domain, reason: 'TlsaMismatch' },
        notAfter: new Date(certificate.notAfter).toISOString(),
      },
    ]);
  });

  const hour = 60 * minute;
  test.each([
    [1, minute],
    [2, 10 * minute],
    [3, 100 * minute],
    [4, 24 * hour],
    [9, 24 * hour],
  ])(
    'is tried again after its failure number %i in %i ms, and records when it was first parked',
    async (tries, wait) => {
      const since = world.time;
      for (let i = 1; i < tries; i++) {
        const { nextTry } = await park(caused('TlsaMismatch', 'no'));
        world.time = nextTry!;
        await world.store.claimDomain({ domain, me: 'me', now: world.time });
      }
      expect((await park(caused('TlsaMismatch', 'no'))).nextTry).toBe(world.time + wait);
      expect((await world.store.readDomain(domain))!.parked).toMatchObject({ tries, since });
    },
  );

  test('counts no try if AWS was busy, and is tried again in 1 to 10 minutes, each domain at its own time', async () => {
    for (const [random, wait] of [
      [0, minute],
      [0.999, 9.991 * minute],
      [0.5, 5.5 * minute],
      [0.5, 5.5 * minute],
      [0.5, 5.5 * minute],
    ] as const) {
      world.random = () => random;
      const { nextTry } = await park(caused('Throttled', 'Route 53 is busy'));
      expect(nextTry).toBe(world.time + wait);
      expect((await world.store.readDomain(domain))!.parked).toMatchObject({ reason: 'Throttled', tries: 0 });
      world.time = nextTry!;
      await world.store.claimDomain({ domain, me: 'me', now: world.time });
    }
    expect((await park(caused('TlsaMismatch', 'no'))).nextTry).toBe(world.time + minute);
  });

  test("waits until the CA's Retry-After if that is later", async () => {
    const retryAt = world.time + 3 * hour;
    expect(await park({ ...caused('AcmeRateLimited', 'too many'), retryAt })).toMatchObject({ nextTry: retryAt });
  });

  test.each([
    ['ChallengeFailed', false],
    ['AcmeRejected', false],
    ['CertificateUnusable', false],
    ['CaaForbids', false],
    ['AcmeUnavailable', true],
    ['AcmeRateLimited', true],
    ['DnsNotPropagated', true],
  ])('after %s has its order on record: %s', async (name, kept) => {
    await park(caused(name, 'because'));
    expect('order' in (await world.store.readDomain(domain))!).toBe(kept);
  });

  test.each([
    ['a function that ran out of time', caused('States.Timeout', 'States.Timeout'), 'States.Timeout: States.Timeout'],
    ['a bug', caused('TypeError', 'x is undefined'), 'TypeError: x is undefined'],
    ["a service's plain text", caused('Lambda.Unknown', 'exit status 137'), 'Lambda.Unknown: exit status 137'],
  ])('by %s records the message under the name that pages', async (_, error, message) => {
    expect(await park(error)).toMatchObject({ reason: 'Unexpected', message });
    expect(world.bus.events).toMatchObject([{ detail: { remedy: 'page' } }]);
  });

  test('is read from the event if the first step failed', async () => {
    expect(await park(caused('DomainNotManaged', 'no CNAME'), created())).toMatchObject({ domain });
  });

  test('waits even if our values cannot be retracted from DNS, and they stay recorded', async () => {
    world.zones.changeTxt = () => Promise.reject(new Error('AccessDenied'));
    await park(caused('DomainNotManaged', 'no CNAME'));
    expect(await world.store.readDomain(domain)).toMatchObject({
      ...{ parked: { reason: 'DomainNotManaged' }, published: [{ recordName, values: ['ours'] }] },
    });
  });

  test('is published by the retry if the bus failed the first time', async () => {
    const away = { ...world.bus, put: () => Promise.reject(new Error('the bus is away')) };
    const input = { domain, execution: 'me', error: caused('DomainNotManaged', 'no CNAME') };
    await expect(parkDomain(input, { ...world, bus: away })).rejects.toThrow('the bus is away');
    await park(input.error);
    expect(world.bus.events).toMatchObject([{ detailType: 'Domain Parked', detail: { domain } }]);
  });

  test.each(['before its note', 'after its note'])('continues if the registration comes %s', async when => {
    const { store } = world;
    await store.acceptWish({ ...wish, mailServers: [mx2] }, { at: world.time + 1 }, world.time);
    await store.claimDomain({ domain, me: 'me', now: world.time });
    const parkedAnd = async (...[owner, parked, waitsFor]: Parameters<typeof store.parkDomain>) => {
      // All that a park writes first is the note that the domain waits; here the registration comes
      // just before or after this note.
      await register(world, mx2);
      if (when === 'after its note') await store.askReEvaluation(owner.domain, world.time);
      await store.parkDomain(owner, parked, when === 'after its note' ? [] : waitsFor);
    };
    const input = { domain, execution: 'me', error: caused('ServerNotRegistered', `${mx2} not registered`) };
    await parkDomain(input, { ...world, store: { ...store, parkDomain: parkedAnd } });
    expect((await store.readDomain(domain))!.dueAt).toBeLessThanOrEqual(world.time);
  });

  test('continues once the server that it waits for is registered', async () => {
    await world.store.acceptWish({ ...wish, mailServers: [mx1, mx2] }, { at: world.time + 1 }, world.time);
    await world.store.claimDomain({ domain, me: 'me', now: world.time });
    await park(caused('ServerNotRegistered', `${mx2} not registered`));
    expect(await world.store.wakeWaitingDomains(mx1, { now: world.time, first: 10 })).toMatchObject({ first: [] });
    expect(await world.store.wakeWaitingDomains(mx2, { now: world.time, first: 10 })).toMatchObject({
      first: [domain],
    });
    expect(await world.store.claimDomain({ domain, me: 'next', now: world.time })).toMatchObject({ owner: 'next' });
  });
});
