/**
 * Issuers in order, from the claim to the park and back, without a CA: the errors stand for the CA.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemResolver } from '../../../core/dns/authoritative.ts';
import { challengeTarget } from '../../../core/dns/challenge-place.ts';
import { claimDomain, type ClaimPorts } from '../../../core/secure-domain/claim-domain.ts';
import { parkDomain } from '../../../core/secure-domain/park-domain.ts';
import { SealpostError } from '../../../core/errors.ts';
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
  newWorld,
  register,
  unlessEnded,
} from '../world.ts';
import type { World } from '../world.ts';

const [one, two, trial] = [
  anIssuer({ name: 'one' }),
  anIssuer({ name: 'two' }),
  anIssuer({ name: 'trial', staging: true }),
];
let resolver: NameServer;
let world: World;
let ports: ClaimPorts;
/** The names of issuers whose directory cannot be read. */
let away: string[];
let executions: number;

beforeAll(async () => void (resolver = await startNameServer('127.0.0.1')));
afterAll(() => resolver.stop());
beforeEach(async () => {
  resolver.records.clear();
  resolver.records.set(`_acme-challenge.${domain} CNAME`, [challengeTarget(domain, challengeZone)]);
  world = newWorld(Date.parse('2027-01-15T08:00:00Z'));
  [away, executions] = [[], 0];
  await register(world, mx1);
  use(one, two);
});

function use(...issuers: ClaimPorts['issuers']): void {
  world.issuers = issuers;
  ports = {
    ...world,
    ...{ dns: systemResolver([resolver.address]), challengeZone },
    async directoryOf({ name }) {
      if (away.includes(name))
        throw new SealpostError('AcmeUnavailable', { about: name, message: 'The CA could not be reached' });
      return { caaIdentities: [`${name}.example`], profiles: { tlsserver: '', [`of-${name}`]: '' } };
    },
  };
}

/** A new version of the wish, so that the domain is evaluated, whatever it waits for. */
const claim = (detail: object = {}) => {
  const version = (executions += 1);
  const event = { ...created({ ...detail, version }, new Date(world.time).toISOString()), execution: `e${version}` };
  return unlessEnded(claimDomain(event, ports));
};
const look = () =>
  unlessEnded(
    claimDomain(
      {
        ...{ 'detail-type': 'Certificate Expiring', time: new Date(world.time).toISOString(), detail: { domain } },
        ...{ look: 'due', execution: `e${(executions += 1)}` },
      } as { execution: string },
      ports,
    ),
  );
/** The last step failed with this error. @returns the record after the park */
async function fail(name: string, more: object = {}, retryAt?: number) {
  const error = { name, message: 'its words', ...(retryAt !== undefined && { retryAt }) };
  await parkDomain({ execution: `e${executions}`, domain, error, ...more }, world);
  return (await world.store.readDomain(domain))!;
}
const told = () => world.bus.events.map(({ detailType }) => detailType);
async function has(more: Parameters<typeof aCertificate>[1]): Promise<void> {
  await claim();
  const certificate = aCertificate(world, more);
  const commit = { domain, me: `e${executions}`, seen: 1, certificate, servers: [mx1], now: world.time };
  expect(await world.store.commitCertificate(commit)).toBe(true);
  await world.store.releaseDomain({ domain, me: `e${executions}`, seen: 1, now: world.time }, certificate.renewAt);
  world.time += minute;
}

describe('an issuer that fails for a reason of its own', () => {
  test.each(['AcmeUnavailable', 'IssuerUnusable', 'AcmeRateLimited'])(
    'is followed by the next issuer at once: %s',
    async name => {
      const plan = await claim();
      expect(plan.issuer).toBe('one');
      expect(await fail(name, plan)).toMatchObject({ dueAt: world.time, parked: { reason: name, tries: 0 } });
      expect(world.executions.started).toMatchObject([{ machine: 'secure-domain', input: { detail: { domain } } }]);
      expect(told()).not.toContain('Domain Parked');
      expect((await look()).issuer).toBe('two');
    },
  );

  test.each(['AcmeUnavailable', 'IssuerUnusable'])(
    'is skipped for all domains for a while, and then asked again: %s',
    async name => {
      await fail(name, await claim());
      expect(told()).toEqual(['Issuer In Trouble']);
      expect((await look()).issuer).toBe('two');
      resolver.records.set('_acme-challenge.other.example CNAME', [challengeTarget('other.example', challengeZone)]);
      expect((await claim({ domain: 'other.example' })).issuer).toBe('two');
      world.time += minute;
      resolver.records.set('_acme-challenge.third.example CNAME', [challengeTarget('third.example', challengeZone)]);
      expect((await claim({ domain: 'third.example' })).issuer).toBe('one');
    },
  );

  test('is asked again after 1, 10, then 60 minutes, however many domains fail, and is published once each time', async () => {
    const until = async () => (await world.store.readIssuer(one.directoryUrl))!.trouble!.until - world.time;
    for (const minutes of [1, 10, 60, 60]) {
      const plan = await claim();
      for (let i = 0; i < 3; i++) {
        await fail('AcmeUnavailable', plan);
        await look();
      }
      expect(await until()).toBe(minutes * minute);
      await fail('DomainNotManaged');
      world.time += minutes * minute;
    }
    expect(told().filter(type => type === 'Issuer In Trouble')).toHaveLength(4);
    world.time += day;
    await fail('AcmeUnavailable', await claim());
    expect(await until()).toBe(minute);
  });

  test('is published by the retry of the step that was killed before its event, and by no other step', async () => {
    const plan = await claim();
    const { put } = world.bus;
    world.bus.put = () => Promise.reject(new Error('killed'));
    await expect(fail('AcmeUnavailable', plan)).rejects.toThrow('killed');
    world.bus.put = put;
    await fail('AcmeUnavailable', plan);
    expect(told()).toEqual(['Issuer In Trouble']);
    expect((await world.store.readIssuer(one.directoryUrl))!.trouble).not.toHaveProperty('unsaid');
  });

  test('is published by another domain if that step is never retried', async () => {
    const plan = await claim();
    const { put } = world.bus;
    world.bus.put = () => Promise.reject(new Error('killed'));
    await expect(fail('AcmeUnavailable', plan)).rejects.toThrow('killed');
    world.bus.put = put;
    world.time += minute / 2;
    const other = { domain: 'other.example', me: 'other', now: world.time };
    const wish = { domain: other.domain, mailServers: [mx1], policy: 'wildcard' as const };
    await world.store.acceptWish(wish, { at: world.time }, world.time);
    await world.store.claimDomain(other);
    const error = { name: 'AcmeUnavailable', message: 'its words' };
    await parkDomain({ ...plan, domain: other.domain, seen: 1, execution: other.me, error }, world);
    expect(told().filter(type => type === 'Issuer In Trouble')).toHaveLength(1);
  });

  test("by a limit is skipped for that domain only, until the CA's Retry-After", async () => {
    const until = world.time + 3 * 3_600_000;
    await fail('AcmeRateLimited', await claim(), until);
    expect(told()).toEqual([]);
    resolver.records.set('_acme-challenge.other.example CNAME', [challengeTarget('other.example', challengeZone)]);
    expect((await claim({ domain: 'other.example' })).issuer).toBe('one');
    world.time += 2 * 3_600_000;
    expect((await claim()).issuer).toBe('two');
    await fail('DomainNotManaged');
    world.time += 3_600_001;
    expect((await claim()).issuer).toBe('one');
  });

  test('is asked all the same if all issuers fail, and the domain is parked as with one issuer', async () => {
    await fail('AcmeUnavailable', await claim());
    const second = await fail('AcmeUnavailable', await look());
    expect(second.parked).toMatchObject({ reason: 'AcmeUnavailable', tries: 0, nextTry: world.time + minute });
    expect(told()).toEqual(['Issuer In Trouble', 'Issuer In Trouble', 'Domain Parked']);
    const plan = await claim();
    expect(plan).toMatchObject({ issuer: 'one', isLastResort: true });
    expect((await fail('AcmeUnavailable', plan)).parked).toMatchObject({ tries: 0 });
  });

  test('for hours is not waited for if another issuer fails for a minute', async () => {
    await fail('AcmeUnavailable', await claim({ issuer: 'two' }));
    const until = world.time + 3 * 3_600_000;
    const { parked } = await fail('AcmeRateLimited', await claim(), until);
    expect(parked!.nextTry).toBe(world.time + minute);
    world.time += minute;
    expect((await look()).issuer).toBe('two');
  });

  test("is kept if the reason is the domain's", async () => {
    for (const reason of ['ChallengeFailed', 'AcmeRejected', 'CertificateUnusable']) {
      const { parked } = await fail(reason, await claim());
      expect(parked).toMatchObject({ reason });
      expect(parked).not.toHaveProperty('passes');
    }
    expect((await claim()).issuer).toBe('one');
  });

  test('after the order was finalized is asked for the order once more, before another issuer is', async () => {
    const plan = await claim();
    const url = 'https://one.example/order/1';
    await world.store.recordOrder({ domain, me: 'e1' }, { url, planned: plan.names, issuer: 'one' });
    const ready = { ...plan, order: { status: 'ready' } };
    expect(await fail('AcmeUnavailable', ready)).toMatchObject({ order: { url }, dueAt: world.time + minute });
    world.time += minute;
    const again = await look();
    expect(again.issuer).toBe('one');
    expect(await fail('AcmeUnavailable', again)).not.toHaveProperty('order');
    expect((await look()).issuer).toBe('two');
  });

  test("while it has the domain's order is left for the next issuer after one park", async () => {
    const { names } = await claim();
    const order = { url: 'https://one.example/order/1', planned: names, issuer: 'one' };
    await world.store.recordOrder({ domain, me: 'e1' }, order);
    away = ['one'];
    await expect(unlessEnded(claimDomain({ ...created(), execution: 'e1' }, ports))).rejects.toMatchObject({
      about: 'one',
    });
    expect(await fail('AcmeUnavailable')).toMatchObject({ order, parked: { reason: 'AcmeUnavailable', tries: 0 } });
    world.time += minute;
    expect((await look()).issuer).toBe('two');
    expect(await world.store.readDomain(domain)).not.toHaveProperty('order');
  });

  test('to give its directory is skipped in the same step', async () => {
    away = ['one'];
    expect((await claim()).issuer).toBe('two');
    away = ['one', 'two'];
    await fail('DomainNotManaged');
    await expect(claim()).rejects.toMatchObject({ name: 'AcmeUnavailable', about: 'one' });
  });
});

describe('the issuer of a plan', () => {
  test('is the first that CAA allows; if none is allowed, the message has the line for the first', async () => {
    resolver.records.set(`${domain} CAA`, ['0 issue "two.example"']);
    expect((await claim()).issuer).toBe('two');
    resolver.records.set(`${domain} CAA`, ['0 issue "three.example"']);
    await fail('DomainNotManaged');
    await expect(claim()).rejects.toMatchObject({
      name: 'CaaForbids',
      message: expect.stringContaining('"one.example"'),
    });
  });

  test('has the account that CAA names', async () => {
    await world.store.recordAccount(one.directoryUrl, { accountUrl: 'https://one.example/acct/1', thumbprint: 't' });
    const only = (account: number) => [`0 issue "one.example; accounturi=https://one.example/acct/${account}"`];
    resolver.records.set(`${domain} CAA`, only(1));
    expect((await claim()).issuer).toBe('one');
    resolver.records.set(`${domain} CAA`, only(2));
    await fail('DomainNotManaged');
    await expect(claim()).rejects.toMatchObject({ name: 'CaaForbids' });
  });

  test('has the profile of the wish', async () => {
    expect((await claim({ profile: 'of-two' })).issuer).toBe('two');
    await fail('DomainNotManaged');
    await expect(claim({ profile: 'of-three' })).rejects.toMatchObject({
      name: 'AcmeRejected',
      message: expect.stringMatching(/^one has no profile of-three \(it has tlsserver, of-one\)/),
    });
  });

  test('is the one that the wish names, and no other', async () => {
    expect((await claim({ issuer: 'two' })).issuer).toBe('two');
    away = ['two'];
    await fail('DomainNotManaged');
    await expect(claim({ issuer: 'two' })).rejects.toMatchObject({ name: 'AcmeUnavailable' });
  });

  test('is not one that is missing from the setting', async () => {
    await expect(claim({ issuer: 'three' })).rejects.toMatchObject({
      name: 'InvalidStepInput',
      message: 'detail.issuer "three" is not among the issuers here; give one of one, two, or leave it out',
    });
    expect(await world.store.readDomain(domain)).toBeUndefined();
    await claim({ issuer: 'two' });
    await fail('DomainNotManaged');
    use(one);
    world.time += minute;
    await expect(look()).rejects.toMatchObject({ name: 'IssuerUnusable', message: expect.stringContaining('two') });
  });

  test('has a slot within the hour; otherwise it is the next issuer', async () => {
    const limits = { account: { count: 10, windowMs: 10 * day } };
    use(anIssuer({ name: 'one', limits }), two);
    const plans: string[] = [];
    for (let i = 0; i < 10; i++) {
      const name = `d${i}.example`;
      resolver.records.set(`_acme-challenge.${name} CNAME`, [challengeTarget(name, challengeZone)]);
      plans.push((await claim({ domain: name })).issuer);
    }
    expect(plans).toEqual([...Array(8).fill('one'), 'two', 'two']);
    use(
      anIssuer({ name: 'one', limits }),
      anIssuer({ name: 'two', limits: { account: { count: 1, windowMs: 40 * day } } }),
    );
    expect((await claim()).issuer).toBe('two');
    // The domain keeps this slot while it cannot order.
    await fail('DomainNotManaged');
    expect((await claim()).issuer).toBe('two');
  });

  test('is the one with the earliest slot if all budgets are spent, and the slot is reserved', async () => {
    const limited = (name: string, windowMs: number) => anIssuer({ name, limits: { account: { count: 1, windowMs } } });
    use(limited('one', 3 * day), limited('two', 2 * day));
    await world.store.reserveOrder(one.directoryUrl, { intervalMs: 9 * day, horizonMs: 9 * day, now: world.time });
    await world.store.reserveOrder(two.directoryUrl, { intervalMs: 8 * day, horizonMs: 8 * day, now: world.time });
    const errors: any[] = [];
    for (let i = 0; i < 3; i++) {
      errors.push(await claim().catch((error: unknown) => error));
      await fail('BudgetSpent', {}, errors[i].retryAt);
    }
    expect(errors.map(({ name }) => name)).toEqual(['BudgetSpent', 'BudgetSpent', 'BudgetSpent']);
    expect(new Set(errors.map(({ retryAt }) => retryAt)).size).toBe(1);
    expect(errors[0].message).toMatch(/^two's limit is reached/);
  });
});

describe('a certificate that exists', () => {
  test('is named in `replaces` only at its own issuer', async () => {
    await has({ issuer: 'two', ariId: 'aki.serial', renewAt: world.time });
    expect(await look()).not.toHaveProperty('replaces');
    const { parked } = await fail('IssuerUnusable', { issuer: 'one' });
    expect(parked!.passes).toHaveProperty('one');
    expect(await look()).toMatchObject({ issuer: 'two', replaces: 'aki.serial' });
  });

  test('is replaced if the wish names another issuer', async () => {
    await has({ issuer: 'one' });
    expect(await claim({ issuer: 'two' })).toMatchObject({ issuer: 'two' });
  });

  test('is replaced if the wish names another profile', async () => {
    await has({ issuer: 'one' });
    expect(await claim({ profile: 'of-one' })).toMatchObject({ issuer: 'one', profile: 'of-one' });
  });

  test('stays if the wish names its profile, and is replaced if the wish names none', async () => {
    await has({ issuer: 'one', profile: 'of-one' });
    const plan = await claim();
    expect(plan.issuer).toBe('one');
    expect(plan).not.toHaveProperty('profile');
    await fail('DomainNotManaged');
    await expect(claim({ profile: 'of-one' })).rejects.toMatchObject({ name: 'StillFresh' });
  });

  test('is not awaited from an order of another profile: this order is left', async () => {
    const { names } = await claim();
    await world.store.recordOrder(
      { domain, me: 'e1' },
      { url: 'https://one.example/order/1', planned: names, issuer: 'one' },
    );
    await fail('DomainNotManaged');
    await claim({ profile: 'of-one' });
    expect(await world.store.readDomain(domain)).not.toHaveProperty('order');
  });

  test('from a staging issuer is re-evaluated each hour, and replaced once a trusted issuer is configured', async () => {
    use(trial);
    await has({ issuer: 'trial', staging: true });
    await expect(claim()).rejects.toMatchObject({ name: 'StillFresh' });
    expect((await world.store.readDomain(domain))!.dueAt).toBe(world.time + 60 * minute);
    use(trial, one);
    world.time += 60 * minute;
    expect(await look()).toMatchObject({ issuer: 'one' });
  });

  test('from a trusted issuer is never replaced by one from a staging issuer', async () => {
    await has({ issuer: 'one' });
    use(trial);
    await expect(claim()).rejects.toMatchObject({ name: 'StillFresh' });
    world.time += 61 * day;
    await expect(look()).rejects.toMatchObject({
      name: 'IssuerUnusable',
      message: expect.stringMatching(/has a trusted certificate, which one of trial must not replace/),
    });
    use(trial, one);
    await fail('IssuerUnusable');
    world.time += day;
    await expect(claim({ issuer: 'trial' })).rejects.toMatchObject({ name: 'IssuerUnusable' });
  });
});
