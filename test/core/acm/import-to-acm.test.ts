/**
 * A domain's certificate in ACM: imported, replaced under its ARN, deleted, and each crash between.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { importToAcm } from '../../../core/acm/import-to-acm.ts';
import { onExpiry } from '../../../core/acm/expiry.ts';
import { monthOf } from '../../../core/acm/quota.ts';
import { claimDomain, type ClaimPorts } from '../../../core/secure-domain/claim-domain.ts';
import type { StoredCertificate } from '../../../core/record/domain.ts';
import { parkDomain } from '../../../core/secure-domain/park-domain.ts';
import { releaseDomain } from '../../../core/secure-domain/release-domain.ts';
import { domainStatus } from '../../../core/status/domain-status.ts';
import {
  aCertificate,
  challengeZone,
  created,
  day,
  domain,
  minute,
  mx1,
  newWorld,
  register,
  type World,
  unlessEnded,
} from '../world.ts';

let world: World;
let ports: ClaimPorts;
let said: number;

beforeEach(async () => {
  world = newWorld();
  said = world.time;
  await register(world, mx1);
  ports = {
    ...world,
    ...{ dns: {} as ClaimPorts['dns'], challengeZone, directoryOf: async () => ({}) },
  };
});

const wanted = { name: 'ImportWanted', about: domain };
/** A wish that is published now, one second after the last one. */
const wish = (detail: object) => {
  said = Math.max(said + 1000, world.time);
  world.time = said;
  return created(detail, new Date(said).toISOString());
};
const deletion = () => ({ ...wish({}), 'detail-type': 'Domain Deleted', detail: { domain } });
const claim = (event: object, execution = 'me') => unlessEnded(claimDomain({ ...event, execution }, ports));
const ownLook = () => ({
  ...{
    'detail-type': 'Certificate Expiring',
    time: new Date(world.time).toISOString(),
    detail: { domain },
    look: 'due',
  },
});
const importing = (execution = 'me', more: object = {}) => importToAcm({ domain, execution }, { ...world, ...more });
const refuse = (name: string, message: string, execution = 'me') =>
  parkDomain({ domain, execution, importing: true, error: { name, message } }, world);
const record = async () => (await world.store.readDomain(domain))!;
const events = () => world.bus.events.map(({ detailType }) => detailType);

/** A certificate that was ordered for the stored wish, up to its release. */
async function issued(letter: string, execution = 'before'): Promise<StoredCertificate> {
  const { store, certificates } = world;
  await store.askReEvaluation(domain, world.time);
  const { seen } = (await store.claimDomain({ domain, me: execution, now: world.time }))!;
  const certificate = aCertificate(world, { id: letter.repeat(64), fingerprint: letter.repeat(64) });
  await certificates.putKeyOnce({ domain, id: certificate.id }, `key ${letter}`);
  await certificates.putChain({ domain, id: certificate.id }, `chain ${letter}`);
  await store.commitCertificate({ domain, me: execution, seen: seen!, certificate, servers: [mx1], now: world.time });
  return certificate;
}
const released = async (certificate: StoredCertificate, execution = 'before') =>
  unlessEnded(
    releaseDomain(
      {
        ...{ domain, execution, seen: (await record()).seen!, names: certificate.names, servers: [mx1], places: [] },
        ...{ claimedAt: world.time, certificate: certificate.id, issuer: certificate.issuer },
      },
      world,
    ),
  );
/** The domain has a certificate, and ACM has no copy of the certificate. */
async function plain(): Promise<StoredCertificate> {
  const event = wish({});
  await world.store.acceptWish(
    { domain, mailServers: [mx1], policy: 'wildcard' },
    { at: Date.parse(event.time) },
    said,
  );
  const certificate = await issued('a');
  await released(certificate);
  return certificate;
}
/** The wish asks for a copy in ACM, and the copy is imported. @returns its ARN */
async function inAcm(): Promise<string> {
  await plain();
  await expect(claim(wish({ acm: true }))).rejects.toMatchObject(wanted);
  return (await importing()).arn!;
}

describe('a domain with a fresh certificate whose wish asks for ACM', () => {
  test('is imported without an order, keeps its due time, and the event out has the ARN', async () => {
    const { renewAt, notAfter } = await plain();
    await expect(claim(wish({ acm: true }))).rejects.toMatchObject(wanted);
    const { arn, dueAt } = await importing();
    expect(world.acm.held.get(arn!)).toEqual({ domain, chainPem: 'chain a' });
    expect(dueAt).toBe(renewAt);
    expect(await record()).toMatchObject({ acm: { arn, certificate: 'a'.repeat(64) }, dueAt: renewAt });
    expect(await record()).not.toHaveProperty('owner');
    expect(world.bus.events.at(-1)).toEqual({
      detailType: 'Certificate Imported',
      detail: { domain, arn, notAfter: new Date(notAfter).toISOString() },
    });
    expect(await world.store.domainOfArn(arn!)).toBe(domain);
  });

  test('has its import published by the retry of a step that was killed before the event', async () => {
    await plain();
    await expect(claim(wish({ acm: true }))).rejects.toMatchObject(wanted);
    const { put } = world.bus;
    world.bus.put = () => Promise.reject(new Error('killed'));
    await expect(importing()).rejects.toThrow('killed');
    world.bus.put = put;
    await importing();
    expect(events().filter(type => type === 'Certificate Imported')).toHaveLength(1);
  });

  test('is imported once, however often the wish is repeated', async () => {
    await inAcm();
    await expect(claim(wish({ acm: true }))).rejects.toMatchObject({ name: 'StillFresh' });
    expect(world.acm.held.size).toBe(1);
  });

  test('is imported under a new ARN with its next certificate if the copy in ACM was deleted by hand', async () => {
    const arn = await inAcm();
    world.acm.held.clear();
    await world.store.claimDomain({ domain, me: 'x', now: (await record()).dueAt! });
    const certificate = await issued('b', 'x');
    await expect(released(certificate, 'x')).rejects.toMatchObject(wanted);
    const again = await importing('x');
    expect(again.arn).not.toBe(arn);
    expect([...world.acm.held.keys()]).toEqual([again.arn]);
  });
});

describe('a renewed certificate', () => {
  test('replaces the old one under the same ARN, after the event is published and the servers are woken', async () => {
    const arn = await inAcm();
    world.bus.events.length = 0;
    await expect(released(await issued('b'))).rejects.toMatchObject(wanted);
    expect(events()).toEqual(['Certificate Issued']);
    expect(world.executions.started.at(-1)).toMatchObject({ machine: 'deliver-to-server' });
    expect(await importing('before')).toMatchObject({ arn });
    expect([...world.acm.held]).toEqual([[arn, { domain, chainPem: 'chain b' }]]);
  });

  test.each(['recordAcm', 'releaseDomain'] as const)('is in ACM once if the step was killed before %s', async at => {
    await plain();
    await expect(claim(wish({ acm: true }))).rejects.toMatchObject(wanted);
    let calls = 0;
    const { store } = world;
    const killed = {
      ...store,
      // The first write records that an import begins; the second write records the ARN.
      [at]: (...given: [never]) =>
        at === 'recordAcm' && ++calls === 1
          ? (store[at] as (...all: [never]) => Promise<void>)(...given)
          : Promise.reject(new Error('killed')),
    };
    await expect(importing('me', { store: killed })).rejects.toThrow('killed');
    expect(world.acm.held.size).toBe(1);
    const { arn } = await importing();
    expect([...world.acm.held.keys()]).toEqual([arn]);
  });

  test('is not imported by an execution that lost its claim', async () => {
    await plain();
    await expect(claim(wish({ acm: true }))).rejects.toMatchObject(wanted);
    await expect(importing('other')).rejects.toMatchObject({ name: 'ClaimLost' });
    expect(world.acm.held.size).toBe(0);
  });
});

describe('the count of what is in ACM', () => {
  const counted = () => world.store.acmUse({ withCertificates: true });

  test("adds each import, also a renewal's, and adds a certificate only at the first import", async () => {
    await inAcm();
    await expect(released(await issued('b'))).rejects.toMatchObject(wanted);
    await importing('before');
    expect(await counted()).toEqual({
      ...{ certificates: 1, imports: { [monthOf(world.time)]: 2 }, quotas: world.quotas },
    });
  });

  test('subtracts a certificate that was deleted in ACM by hand, or by us', async () => {
    await inAcm();
    world.acm.held.clear();
    await expect(released(await issued('b'))).rejects.toMatchObject(wanted);
    await importing('before');
    expect(await counted()).toMatchObject({ certificates: 1 });
    await expect(claim(deletion(), 'leaving')).rejects.toMatchObject(wanted);
    await importing('leaving');
    expect(await counted()).toMatchObject({ certificates: 0, imports: { [monthOf(world.time)]: 2 } });
  });

  test('refuses another domain without asking ACM if the account has as many certificates as it may', async () => {
    await world.store.acceptWish({ domain: 'other.example', mailServers: [mx1], policy: 'wildcard' }, { at: 1 }, said);
    await world.store.claimDomain({ domain: 'other.example', me: 'other', now: said });
    await world.store.recordAcm({ domain: 'other.example', me: 'other' }, { arn: 'arn:of-another' });
    world.quotas = { certificates: 1, importsAYear: 10 };
    await plain();
    await expect(claim(wish({ acm: true }))).rejects.toMatchObject(wanted);
    await expect(importing()).rejects.toMatchObject({
      name: 'ImportQuotaSpent',
      message: `${domain} is not imported: 1 domains are in ACM, and the setting AcmCertificates is 1; ask AWS for a higher quota and say it in that setting`,
    });
    expect(world.acm.held.size).toBe(0);
    expect((await record()).acm).toBeUndefined();
  });

  test("parks a renewal beyond a year's imports until the oldest is a year old, or the quota rises", async () => {
    world.time = Date.UTC(2027, 0, 15);
    await inAcm();
    world.quotas = { certificates: 10, importsAYear: 1 };
    await expect(released(await issued('b'))).rejects.toMatchObject(wanted);
    await expect(importing('before')).rejects.toMatchObject({
      name: 'ImportQuotaSpent',
      message: expect.stringMatching(
        /: 1 imports were made since 2027-01, and the setting AcmImportsAYear is 1; there is room again on 2028-02-01; ask AWS .* setting$/,
      ),
    });
    world.time = Date.UTC(2028, 1, 1) - 1;
    await expect(importing('before')).rejects.toMatchObject({ name: 'ImportQuotaSpent' });
    world.time += 1;
    await importing('before');
    expect((await record()).acm).toMatchObject({ certificate: 'b'.repeat(64) });
  });
});

describe('an import beyond the quota', () => {
  const spent = 'ACM imports no more certificates in this account';
  beforeEach(async () => {
    await plain();
    world.acm.quota = 0;
    await expect(claim(wish({ acm: true }))).rejects.toMatchObject(wanted);
    await expect(importing()).rejects.toMatchObject({ name: 'ImportQuotaSpent' });
    await refuse('ImportQuotaSpent', spent);
  });

  test('records the reason and a next try, and the domain is not parked', async () => {
    const known = await record();
    const trouble = { reason: 'ImportQuotaSpent', message: spent, since: world.time, tries: 1 };
    expect(known).toMatchObject({ acm: { trouble, nextTry: world.time + minute }, dueAt: world.time + minute });
    expect(known).not.toHaveProperty('parked');
    expect(known).not.toHaveProperty('owner');
    const on = { record: (await world.store.readServer(mx1))!, work: new Map(), installed: new Map() };
    expect(domainStatus(known, { domains: [], servers: new Map([[mx1, on]]), issuers: [] }, world.time)).toMatchObject({
      ...{
        well: false,
        reason: 'ImportQuotaSpent',
        why: spent,
        acm: { isCurrent: false, nextTry: world.time + minute },
      },
      ...{ state: 'issued, not in ACM', next: { at: world.time + minute } },
    });
  });

  test('is tried after 1, 10 and 100 minutes, then daily, and is published once', async () => {
    const waits: number[] = [];
    for (let i = 0; i < 4; i++) {
      waits.push(((await record()).dueAt! - world.time) / minute);
      world.time = (await record()).dueAt!;
      await expect(claim(ownLook(), `look-${i}`)).rejects.toMatchObject(wanted);
      await refuse('ImportQuotaSpent', spent, `look-${i}`);
    }
    expect(waits).toEqual([1, 10, 100, 24 * 60]);
    expect(events().filter(type => type === 'Domain Parked')).toHaveLength(1);
  });

  test('does not count a try at which ACM was busy: the next one follows in minutes, however often', async () => {
    for (let i = 0; i < 5; i++) {
      world.time = (await record()).dueAt!;
      await expect(claim(ownLook(), `look-${i}`)).rejects.toMatchObject(wanted);
      await refuse('Throttled', 'ACM is busy', `look-${i}`);
      expect(await record()).toMatchObject({ acm: { trouble: { tries: 1 } }, dueAt: world.time + 5.5 * minute });
    }
  });

  test('is not tried before its time by a re-evaluation for another reason, but at once if a sender asks', async () => {
    const { store } = world;
    await store.askReEvaluation(domain, world.time);
    await expect(claim(ownLook(), 'own')).rejects.toMatchObject({ name: 'StillFresh' });
    expect(await record()).toMatchObject({ dueAt: world.time + minute });
    await expect(claim({ ...ownLook(), look: undefined }, 'asked')).rejects.toMatchObject(wanted);
  });

  test('does not stop a renewal, which tries the import again', async () => {
    world.acm.quota = 1;
    await expect(released(await issued('b'))).rejects.toMatchObject(wanted);
    const { arn } = await importing('before');
    expect(await record()).toMatchObject({ acm: { arn, certificate: 'b'.repeat(64) } });
    expect((await record()).acm).not.toHaveProperty('trouble');
  });
});

describe('a certificate in ACM that the wish no longer asks for', () => {
  test('is deleted there', async () => {
    const arn = await inAcm();
    await expect(claim(wish({}))).rejects.toMatchObject(wanted);
    await importing();
    expect(world.acm.held.size).toBe(0);
    expect(await record()).not.toHaveProperty('acm');
    expect(await world.store.domainOfArn(arn)).toBeUndefined();
  });

  test('is deleted with its domain, even if its first import was killed', async () => {
    await plain();
    await expect(claim(wish({ acm: true }))).rejects.toMatchObject(wanted);
    await world.store.recordAcm({ domain, me: 'me' }, { begunAt: world.time });
    await world.acm.import({ domain, keyPem: 'key', chainPem: 'chain' });
    await world.store.releaseDomain({ domain, me: 'me', seen: (await record()).seen!, now: world.time }, world.time);
    await expect(claim(deletion())).rejects.toMatchObject(wanted);
    expect(await importing()).toMatchObject({ dueAt: world.time });
    expect(world.acm.held.size).toBe(0);
    await expect(claim(ownLook())).rejects.toMatchObject({ name: 'DomainDeleted' });
    expect(await record()).toMatchObject({ dueAt: (await record()).deletedAt! + 30 * day });
  });

  test('stays while a resource uses it, which is published, and is deleted when no resource does', async () => {
    const arn = await inAcm();
    world.acm.inUse.add(arn);
    await expect(claim(deletion())).rejects.toMatchObject(wanted);
    await expect(importing()).rejects.toMatchObject({ name: 'ImportInUse' });
    await refuse('ImportInUse', 'in use by a load balancer');
    expect(world.bus.events.at(-1)).toMatchObject({ detailType: 'Domain Parked', detail: { reason: 'ImportInUse' } });
    await expect(claim(ownLook())).rejects.toMatchObject({ name: 'DomainDeleted' });
    expect(await record()).toMatchObject({ acm: { arn }, dueAt: world.time + minute });
    world.acm.inUse.clear();
    world.time += minute;
    await expect(claim(ownLook())).rejects.toMatchObject(wanted);
    await importing();
    expect(world.acm.held.size).toBe(0);
  });
});

describe("ACM's event that a certificate approaches its expiration", () => {
  test('is ignored for a certificate that is not ours, and the answer says so', async () => {
    await inAcm();
    world.executions.started.length = 0;
    expect(await onExpiry('arn:aws:acm:us-east-1:000000000000:certificate/x', world)).toEqual({ outcome: 'not ours' });
    expect(world.executions.started).toEqual([]);
  });

  test('begins nothing before the renewal is due: ACM announces one of 45 days from its first day', async () => {
    const arn = await inAcm();
    world.executions.started.length = 0;
    expect(await onExpiry(arn, world)).toEqual({ outcome: 'well', domain });
    expect(world.executions.started).toEqual([]);
  });

  test('re-evaluates the domain if the renewal is due and has not happened', async () => {
    const arn = await inAcm();
    world.time = (await record()).current!.renewAt;
    expect(await onExpiry(arn, world)).toEqual({ outcome: 'looked at', domain });
    expect(world.executions.started.at(-1)).toMatchObject({ machine: 'secure-domain', input: { detail: { domain } } });
    expect(await record()).toMatchObject({ dueAt: world.time });
  });

  test('re-evaluates the domain if ACM holds an older certificate', async () => {
    const arn = await inAcm();
    await expect(released(await issued('b'))).rejects.toMatchObject(wanted);
    await refuse('Throttled', 'ACM is busy', 'before');
    expect(await onExpiry(arn, world)).toEqual({ outcome: 'looked at', domain });
  });
});
