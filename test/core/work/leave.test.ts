/**
 * How a domain leaves servers: some of its servers when it moves, all of them when it is deleted.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { claimDomain, type ClaimPorts } from '../../../core/secure-domain/claim-domain.ts';
import { leaveServers } from '../../../core/work/leave.ts';
import { sweep } from '../../../core/sweep/sweep.ts';
import {
  aCertificate,
  anIssuer,
  challengeZone,
  created,
  day,
  domain,
  mx1,
  mx2,
  newWorld,
  node,
  register,
  type World,
  unlessEnded,
} from '../world.ts';

const mx3 = 'mx3.provider.example';
let world: World;
let ports: ClaimPorts;

/** A domain with a certificate, seen served by mx1. */
beforeEach(async () => {
  world = newWorld();
  const { store, time } = world;
  await register(world, mx1, mx2, mx3);
  ports = {
    ...world,
    ...{ dns: {} as ClaimPorts['dns'], challengeZone, issuers: [anIssuer()], directoryOf: async () => ({}) },
  };
  await store.acceptWish({ domain, mailServers: [mx1], policy: 'wildcard' }, { at: saidAt(8) }, time);
  await store.claimDomain({ domain, me: 'before', now: time });
  const certificate = aCertificate(world);
  await store.commitCertificate({ ...{ domain, me: 'before', seen: 1, certificate, servers: [mx1], now: time } });
  await store.releaseDomain({ domain, me: 'before', seen: 1, now: time }, certificate.renewAt);
  await seenOn(mx1);
});

const hour = (at: number) => `2027-01-15T${String(at).padStart(2, '0')}:00:00Z`;
const saidAt = (at: number) => Date.parse(hour(at));
/** An event is handled at its own time, or later. */
const claim = (event: { time: string; look?: string }, more: Partial<ClaimPorts> = {}, execution = 'first') => {
  world.time = Math.max(world.time, Date.parse(event.time));
  return unlessEnded(claimDomain({ ...event, execution }, { ...ports, ...more }));
};
const wished = (servers: string[], at: number) => created({ mailServers: servers }, hour(at));
const deleted = (at = 10, detail: object = {}) => ({
  ...{ 'detail-type': 'Domain Deleted', time: hour(at), detail: { domain, ...detail } },
});
const look = { 'detail-type': 'Certificate Expiring', time: hour(12), detail: { domain } };
const removed = { name: 'DomainDeleted', about: domain };
const stillFresh = { name: 'StillFresh', about: domain };

/** The server was seen serving the certificate of its work. */
async function seenOn(server: string): Promise<void> {
  const { id, fingerprint } = aCertificate(world);
  const v = (await world.store.workFor({ server, domain }))?.v ?? 0;
  const seen = { domain, certificate: id, fingerprint, seenAt: world.time, node };
  await world.store.recordInstalled(server, { domain, v }, seen);
  await world.store.endWork(server, { domain, v });
}
const waitsOn = async (server: string) => {
  const work = await world.store.workFor({ server, domain });
  return work && (work.certificate === 'REMOVE' ? 'removal' : 'certificate');
};
const woken = () => world.executions.started.map(({ input }) => (input as { server?: string }).server);

describe('a domain that is deleted', () => {
  test('is removed from each server that has it or was to have it, and these servers are woken', async () => {
    await expect(claim(wished([mx1, mx2], 9))).rejects.toMatchObject(stillFresh);
    world.executions.started.length = 0;
    await world.store.releaseServer(
      { server: mx2, me: (await world.store.readServer(mx2))!.owner!, now: world.time },
      { wanted: 2 },
    );
    await expect(claim(deleted())).rejects.toMatchObject({
      ...removed,
      message: `${domain} is deleted; 2 servers are told to remove it`,
    });
    expect(await Promise.all([mx1, mx2, mx3].map(waitsOn))).toEqual(['removal', 'removal', undefined]);
    expect(woken()).toEqual([mx1, mx2]);
    const record = await world.store.readDomain(domain);
    expect(record).toMatchObject({ deletedAt: world.time, dueAt: world.time + 30 * day });
    expect(record).not.toHaveProperty('owner');
  });

  test('is neither re-evaluated nor renewed', async () => {
    await expect(claim(deleted())).rejects.toMatchObject(removed);
    world.time += day;
    await expect(claim({ ...look, look: 'due' })).rejects.toMatchObject({ name: 'ClaimedByAnother' });
    await expect(claim(deleted())).rejects.toMatchObject({ name: 'ClaimedByAnother' });
  });

  test('leaves neither an order nor a value in DNS', async () => {
    const { store, zones } = world;
    await store.acceptWish({ domain, mailServers: [mx2], policy: 'wildcard' }, { at: saidAt(9) }, world.time);
    await store.claimDomain({ domain, me: 'first', now: world.time });
    await store.recordOrder(
      { domain, me: 'first' },
      { url: 'https://ca.example/order/1', planned: [domain], issuer: 'ca' },
    );
    await store.recordPublished({ domain, me: 'first' }, [
      { zoneId: challengeZone.id, recordName: 'r', values: ['ours'] },
    ]);
    await zones.changeTxt(challengeZone.id, [{ recordName: 'r', add: ['ours'], remove: [] }]);
    await expect(claim(deleted())).rejects.toMatchObject(removed);
    expect(zones.txt.get(`${challengeZone.id} r`) ?? []).toEqual([]);
    const record = await store.readDomain(domain);
    for (const gone of ['order', 'published']) expect(record).not.toHaveProperty(gone);
  });

  test('stays deleted if an older event comes late', async () => {
    await expect(claim(deleted())).rejects.toMatchObject(removed);
    await expect(claim(wished([mx2], 9))).rejects.toMatchObject({ name: 'ClaimedByAnother' });
    expect(await world.store.readDomain(domain)).toMatchObject({ spec: { deleted: true } });
    expect(await waitsOn(mx2)).toBeUndefined();
  });

  test('stays deleted if its deletion came before its creation', async () => {
    const other = 'other.example';
    await expect(claim(deleted(10, { domain: other }))).rejects.toMatchObject({ name: 'DomainDeleted', about: other });
    const late = created({ domain: other }, hour(9));
    await expect(claim(late)).rejects.toMatchObject({ name: 'ClaimedByAnother' });
  });

  test('comes back with a later event, and with the certificate that is still stored', async () => {
    await expect(claim(deleted())).rejects.toMatchObject(removed);
    await expect(claim(wished([mx1], 11))).rejects.toMatchObject(stillFresh);
    expect(await waitsOn(mx1)).toBe('certificate');
    expect(await world.store.readDomain(domain)).not.toHaveProperty('deletedAt');
  });

  test('is gone after 30 days', async () => {
    await expect(claim(deleted())).rejects.toMatchObject(removed);
    world.time += 30 * day;
    expect(await sweep(world)).toMatchObject({ domains: 1 });
    await expect(claim(look)).rejects.toMatchObject({ ...removed, message: `${domain} is forgotten` });
    expect(await world.store.readDomain(domain)).toBeUndefined();
  });

  test('is not gone if it is wished again in between', async () => {
    await expect(claim(deleted())).rejects.toMatchObject(removed);
    world.time += 30 * day;
    const { store } = world;
    const late = {
      ...store,
      forgetDomain: async (...given: Parameters<typeof store.forgetDomain>) => {
        const spec = { domain, mailServers: [mx1], policy: 'wildcard' as const };
        await store.acceptWish(spec, { at: saidAt(11) }, world.time);
        return store.forgetDomain(...given);
      },
    };
    await expect(claim(look, { store: late })).rejects.toMatchObject(removed);
    expect(await store.readDomain(domain)).toMatchObject({ spec: { mailServers: [mx1] }, dueAt: world.time });
    expect(world.executions.started.at(-1)).toMatchObject({ machine: 'secure-domain', input: { detail: { domain } } });
  });

  test('is removed also after the step was killed in between', async () => {
    const killed = { ...world.store, releaseDomain: () => Promise.reject(new Error('killed')) };
    await expect(claim(deleted(), { store: killed })).rejects.toThrow('killed');
    await expect(claim(deleted())).rejects.toMatchObject(removed);
    expect(await waitsOn(mx1)).toBe('removal');
  });

  test('must not be the host name of a registered server', async () => {
    await expect(claim(deleted(10, { domain: mx1 }))).rejects.toMatchObject({ name: 'InvalidStepInput', about: mx1 });
  });
});

describe('a domain that moves', () => {
  test('stays on its old server until each of its new servers was seen serving it', async () => {
    await expect(claim(wished([mx2, mx3], 9))).rejects.toMatchObject(stillFresh);
    expect(await Promise.all([mx1, mx2, mx3].map(waitsOn))).toEqual([undefined, 'certificate', 'certificate']);
    await seenOn(mx2);
    expect(await leaveServers(domain, world)).toEqual([]);
    await seenOn(mx3);
    expect(await leaveServers(domain, world)).toEqual([mx1]);
    expect(await Promise.all([mx1, mx2, mx3].map(waitsOn))).toEqual(['removal', undefined, undefined]);
    // The removal is given once.
    expect(await leaveServers(domain, world)).toEqual([]);
  });

  test('stays on its old server while other work waits for a new server', async () => {
    await expect(claim(wished([mx2], 9))).rejects.toMatchObject(stillFresh);
    await seenOn(mx2);
    const certificate = aCertificate(world, { id: 'd'.repeat(64), fingerprint: 'd'.repeat(64) });
    await world.store.commitWork({ domain, certificate, servers: [mx2], now: world.time + 1 });
    expect(await leaveServers(domain, world)).toEqual([]);
  });

  test('is removed at once from a server that its other servers do not need', async () => {
    await expect(claim(wished([mx1, mx2], 9))).rejects.toMatchObject(stillFresh);
    await seenOn(mx2);
    world.executions.started.length = 0;
    await expect(claim(wished([mx2], 10))).rejects.toMatchObject(stillFresh);
    expect(await Promise.all([mx1, mx2].map(waitsOn))).toEqual(['removal', undefined]);
    expect(woken()).toEqual([mx1]);
  });

  test('and returns before its removal is given to its old server again, and stays on the new one until then', async () => {
    await expect(claim(wished([mx2], 9))).rejects.toMatchObject(stillFresh);
    await seenOn(mx2);
    await leaveServers(domain, world);
    await expect(claim(wished([mx1], 10))).rejects.toMatchObject(stillFresh);
    expect(await Promise.all([mx1, mx2].map(waitsOn))).toEqual(['certificate', undefined]);
    await seenOn(mx1);
    expect(await leaveServers(domain, world)).toEqual([mx2]);
  });

  test('is not removed from a server that a new wish names in between', async () => {
    await expect(claim(wished([mx2], 9))).rejects.toMatchObject(stillFresh);
    await seenOn(mx2);
    const { store } = world;
    const late = {
      ...store,
      commitRemoval: async (...given: Parameters<typeof store.commitRemoval>) => {
        const spec = { domain, mailServers: [mx1, mx2], policy: 'wildcard' as const };
        await store.acceptWish(spec, { at: saidAt(11) }, world.time);
        return store.commitRemoval(...given);
      },
    };
    expect(await leaveServers(domain, { ...world, store: late })).toEqual([]);
    expect(await waitsOn(mx1)).toBeUndefined();
  });

  test('gives no work to a server that was retired', async () => {
    await expect(claim(wished([mx2], 9))).rejects.toMatchObject(stillFresh);
    await world.store.retireServer(mx1, world.time + 1);
    await seenOn(mx2);
    expect(await leaveServers(domain, world)).toEqual([]);
  });
});
