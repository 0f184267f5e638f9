/**
 * The servers of a domain: servers that can serve it by name, or the host names under which it is
 * served.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { claimDomain, type ClaimPorts } from '../../../core/secure-domain/claim-domain.ts';
import type { DomainRecord, Wish } from '../../../core/record/domain.ts';
import { place } from '../../../core/secure-domain/placement.ts';
import { parkDomain } from '../../../core/secure-domain/park-domain.ts';
import { releaseDomain } from '../../../core/secure-domain/release-domain.ts';
import { retireServer } from '../../../core/register-server/retire-server.ts';
import { challengeTarget } from '../../../core/dns/challenge-place.ts';
import type { ServerRecord } from '../../../core/record/server.ts';
import {
  aCertificate,
  challengeZone,
  created,
  domain,
  found,
  minute,
  mx1,
  mx2,
  newWorld,
  node,
  notByName,
  register,
  registerOnly,
  type World,
  unlessEnded,
} from '../world.ts';
import { holdersOf } from '../../../core/record/served-under.ts';

const web = 'web.provider.example';
const byName: Partial<ServerRecord> = { capability: { 'serves-by-name': ['postfix,dovecot,nginx'] } };
const wildcard = [domain, `*.${domain}`];

describe('a wish is placed', () => {
  const wish = (more: Partial<Wish> = {}): Wish => ({ domain, mailServers: [mx1], policy: 'wildcard', ...more });
  const onServers = (wish: Wish, servers: Record<string, Partial<ServerRecord>>) =>
    place(
      wish,
      new Map(Object.entries(servers).map(([server, more]) => [server, { server, ...more } as ServerRecord])),
    );
  const mailAlone = { capability: { 'cannot-serve-by-name': ['courier'], 'serves-by-name': [''] } };

  test('on servers that serve by name, and is served under none', () => {
    expect(onServers(wish(), { [mx1]: byName })).toEqual({ names: wildcard, servers: [mx1], servedUnder: [] });
  });

  test('under a server that cannot, which needs no certificate', () => {
    expect(onServers(wish(), { [mx1]: mailAlone })).toMatchObject({ servers: [], servedUnder: [{ server: mx1 }] });
  });

  test('under a server for which the operator says that it cannot, whatever was found there', () => {
    const stockQmail = { ...byName, capability: {}, servesByName: false as const };
    expect(onServers(wish(), { [mx1]: stockQmail })).toMatchObject({ servers: [], servedUnder: [{ server: mx1 }] });
  });

  test('under a server for mail, and on it for webmail if its web server can', () => {
    expect(onServers(wish(), { [mx1]: { capability: notByName } })).toEqual({
      ...{ names: wildcard, servers: [mx1], servedUnder: [{ server: mx1, webmail: true }] },
    });
  });

  test('on another webmail server, which alone gets the certificate', () => {
    const placed = onServers(wish({ webmailServer: web }), { [mx1]: { capability: notByName }, [web]: byName });
    expect(placed).toEqual({ names: wildcard, servers: [web], servedUnder: [{ server: mx1 }] });
  });

  test('with only its webmail name if no server would serve the other names of its list', () => {
    const list = wish({ policy: 'list', names: ['mail', 'webmail'] });
    expect(onServers(list, { [mx1]: { capability: notByName } }).names).toEqual([`webmail.${domain}`]);
    expect(onServers(list, { [mx1]: byName }).names).toEqual([`mail.${domain}`, `webmail.${domain}`]);
    const without = wish({ policy: 'list', names: ['mail'] });
    expect(onServers(without, { [mx1]: { capability: notByName } })).toMatchObject({ servers: [] });
  });

  test('on the one of two servers that can, and under the other', () => {
    const both = wish({ mailServers: [mx1, mx2] });
    expect(onServers(both, { [mx1]: mailAlone, [mx2]: byName })).toEqual({
      ...{ names: wildcard, servers: [mx2], servedUnder: [{ server: mx1 }] },
    });
  });

  test("never under a server if the domain is this server's own host name", () => {
    const host = wish({ domain: mx1, policy: 'list', names: ['@'], host: true });
    expect(onServers(host, { [mx1]: mailAlone })).toEqual({ names: [mx1], servers: [mx1], servedUnder: [] });
  });

  test('on a server that a later wish names, which holds it until it is planned again', () => {
    const record = { spec: wish({ mailServers: [mx1, mx2] }), servedUnder: [{ server: mx1 }] };
    expect(holdersOf(record)).toEqual([mx2]);
  });
});

describe('from claim to release', () => {
  let world: World;
  let ports: ClaimPorts;
  let said: number;

  beforeEach(async () => {
    world = newWorld();
    said = Date.parse('2027-01-15T08:00:00Z');
    const target = challengeTarget(domain, challengeZone);
    const dns: ClaimPorts['dns'] = {
      resolve: async (name, type) => (type === 'CNAME' && name === `_acme-challenge.${domain}` ? [target] : []),
      caa: async () => [],
      tlsa: async () => [],
    };
    ports = {
      ...{ ...world, dns, challengeZone, directoryOf: async () => ({ caaIdentities: ['ca.example'] }) },
    };
    await registerOnly(world, mx1);
  });

  const claim = (detail: object = {}, more: Partial<ClaimPorts> = {}) => {
    said += minute;
    world.time = Math.max(world.time, said);
    const event = created(detail, new Date(said).toISOString());
    return unlessEnded(claimDomain({ ...event, execution: `at ${said}` }, { ...ports, ...more }));
  };
  const record = async () => (await world.store.readDomain(domain)) as DomainRecord;
  const park = async (error: Error) => {
    const { owner } = await record();
    return parkDomain({ execution: owner!, domain, error }, world);
  };
  const under = { name: 'ServedUnderServer', about: domain };

  test('a domain waits until its server was inspected, and is woken then', async () => {
    const error = await claim().catch((error: Error) => error as Error);
    expect(error).toMatchObject({ name: 'ServerNotInspected', message: expect.stringContaining(mx1) });
    await park(error as Error);
    expect(await record()).toMatchObject({ parked: { reason: 'ServerNotInspected' } });
    found(world, mx1, notByName);
    expect(await world.store.wakeDependents(mx1, { now: world.time, first: 5 })).toMatchObject({ first: [domain] });
  });

  test('a domain does not wait if the inspection came during its park', async () => {
    const error = await claim().catch((error: Error) => error as Error);
    const { store } = world;
    const dependOn = async (...given: Parameters<typeof store.dependOn>) => {
      found(world, mx1);
      await store.dependOn(...given);
    };
    const { owner } = await record();
    await parkDomain({ execution: owner!, domain, error: error as Error }, { ...world, store: { ...store, dependOn } });
    expect(await record()).toMatchObject({ dueAt: world.time });
  });

  test('a domain that has a certificate is renewed while its server is inspected again', async () => {
    found(world, mx1);
    await world.store.acceptWish({ domain, mailServers: [mx1], policy: 'wildcard' }, { at: 1 }, world.time);
    await world.store.claimDomain({ domain, me: 'before', now: world.time });
    const certificate = aCertificate(world);
    await world.store.commitCertificate({
      ...{ domain, me: 'before', seen: 1, certificate, servers: [mx1], now: world.time },
    });
    await world.store.releaseDomain({ domain, me: 'before', seen: 1, now: world.time }, certificate.renewAt);
    delete world.memory.servers.get(mx1)!.capability;
    await expect(claim()).rejects.toMatchObject({ name: 'StillFresh' });
  });

  test('a due domain is renewed on its remaining servers if one was retired, and parks for that one after', async () => {
    found(world, mx1);
    await register(world, mx2);
    const wish = { domain, mailServers: [mx1, mx2], policy: 'wildcard' as const };
    await world.store.acceptWish(wish, { at: 1 }, world.time);
    await world.store.claimDomain({ domain, me: 'before', now: world.time });
    const certificate = aCertificate(world);
    await world.store.commitCertificate({
      ...{ domain, me: 'before', seen: 1, certificate, servers: wish.mailServers, now: world.time },
    });
    await world.store.releaseDomain({ domain, me: 'before', seen: 1, now: world.time }, certificate.renewAt);
    await retireServer({ kind: 'retired', server: mx2, at: world.time + minute }, world);
    const notThere = { name: 'ServerNotRegistered', message: expect.stringContaining(mx2) };
    await expect(claim({ mailServers: wish.mailServers })).rejects.toMatchObject(notThere);
    await park(new Error('mx2'));

    said = certificate.renewAt;
    const plan = await claim({ mailServers: wish.mailServers });
    expect(plan).toMatchObject({ names: wildcard, servers: [mx1] });
    const { owner } = await record();
    await unlessEnded(releaseDomain({ ...plan, execution: owner! }, world));
    expect((await record()).dueAt).toBe(world.time);
  });

  test('a domain that is served under its server orders nothing: its record and one event say so', async () => {
    found(world, mx1, { 'cannot-serve-by-name': ['courier'] });
    await expect(claim()).rejects.toMatchObject({ ...under, message: expect.stringContaining(mx1) });
    expect(await record()).toMatchObject({ servedUnder: [{ server: mx1 }], done: 1 });
    expect(await record()).not.toHaveProperty('reservedFor');
    await expect(claim({ policy: 'list', names: ['mail'] })).rejects.toMatchObject(under);
    expect(world.bus.events).toEqual([
      {
        detailType: 'Domain Served Under Server',
        detail: { domain, server: mx1, webmail: false, message: expect.stringContaining(`type this host name`) },
      },
    ]);
  });

  test('the event is published again if the step was killed before the record was written', async () => {
    found(world, mx1, { 'cannot-serve-by-name': ['courier'] });
    const killed = { ...world.store, recordServedUnder: () => Promise.reject(new Error('killed')) };
    await expect(claim({}, { store: killed })).rejects.toThrow('killed');
    world.memory.domains.get(domain)!.leaseUntil = 0;
    await expect(claim()).rejects.toMatchObject(under);
    expect(world.bus.events).toHaveLength(2);
  });

  test('a certificate is removed once its server cannot serve by name, and given again once it can', async () => {
    found(world, mx1);
    expect(await claim()).toMatchObject({ servers: [mx1] });
    const { owner, wanted } = await record();
    const certificate = aCertificate(world);
    await world.store.commitCertificate({
      ...{ domain, me: owner!, seen: wanted, certificate, servers: [mx1], now: world.time },
    });
    await world.store.releaseDomain({ domain, me: owner!, seen: wanted, now: world.time }, certificate.renewAt);
    const seen = { domain, certificate: 'c', fingerprint: 'f'.repeat(64), seenAt: world.time, node };
    await world.store.recordInstalled(mx1, { domain, v: world.time }, seen);
    await world.store.endWork(mx1, { domain, v: world.time });

    found(world, mx1, { 'cannot-serve-by-name': ['sendmail'] });
    await expect(claim()).rejects.toMatchObject(under);
    expect(await world.store.workFor({ server: mx1, domain })).toMatchObject({ certificate: 'REMOVE' });
    expect(world.executions.started).toContainEqual(expect.objectContaining({ input: { server: mx1 } }));

    found(world, mx1);
    await expect(claim()).rejects.toMatchObject({ name: 'StillFresh' });
    expect(await world.store.workFor({ server: mx1, domain })).toMatchObject({ certificate: { id: certificate.id } });
    expect(await record()).not.toHaveProperty('servedUnder');
    expect(await world.store.wakeDependents(mx1, { now: world.time, first: 5 })).toEqual({ woken: 0, first: [] });
  });

  test('a plan reads the server again after it recorded the dependency', async () => {
    found(world, mx1, { 'cannot-serve-by-name': ['courier'] });
    const { store } = world;
    const dependOn = async (...given: Parameters<typeof store.dependOn>) => {
      await store.dependOn(...given);
      found(world, mx1);
    };
    expect(await claim({}, { store: { ...store, dependOn } })).toMatchObject({ servers: [mx1] });
    expect(await record()).not.toHaveProperty('servedUnder');
    expect(world.bus.events).toEqual([]);
  });

  test('a domain no longer depends on a server after its deletion, and a retirement re-evaluates it', async () => {
    found(world, mx1, { 'cannot-serve-by-name': ['courier'] });
    await expect(claim()).rejects.toMatchObject(under);
    const retired = { kind: 'retired' as const, server: mx1, at: world.time + 1 };
    expect(await retireServer(retired, world)).toMatchObject({ told: 1 });
    expect(await record()).toMatchObject({ dueAt: world.time, wanted: 2 });
    await register({ ...world, time: world.time + 2 }, mx1);
    said += minute;
    world.time = said;
    const deleted = {
      ...created({}, new Date(said).toISOString()),
      'detail-type': 'Domain Deleted',
      detail: { domain },
    };
    await expect(unlessEnded(claimDomain({ ...deleted, execution: 'gone' }, ports))).rejects.toMatchObject({
      name: 'DomainDeleted',
    });
    expect(await world.store.wakeDependents(mx1, { now: world.time, first: 5 })).toEqual({ woken: 0, first: [] });
  });

  test('a server whose files a panel writes is refused before an order, with what to do', async () => {
    found(world, mx1, { refused: ['cPanel writes the files of its daemons anew; use its AutoSSL'] });
    const error = await claim().catch((error: Error) => error as Error);
    expect(error).toMatchObject({
      name: 'InstallRefused',
      message: `${mx1}: cPanel writes the files of its daemons anew; use its AutoSSL`,
    });
    expect(await park(error as Error)).toMatchObject({ reason: 'InstallRefused', nextTry: world.time + minute });
    expect(await world.store.wakeDependents(mx1, { now: world.time, first: 5 })).toMatchObject({ first: [domain] });
  });
});
