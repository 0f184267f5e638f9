import { beforeEach, describe, expect, test } from 'vitest';
import { claimDomain, type ClaimPorts } from '../../../core/secure-domain/claim-domain.ts';
import { parkDomain } from '../../../core/secure-domain/park-domain.ts';
import { registerServer, type RegisterPorts } from '../../../core/register-server/register-server.ts';
import { sweep } from '../../../core/sweep/sweep.ts';
import { memoryCommands } from '../../twins/commands.ts';
import { memoryRoles } from '../../twins/roles.ts';
import {
  aCertificate,
  anIssuer,
  challengeZone,
  domain,
  mx1,
  mx2,
  newWorld,
  node,
  register,
  type World,
  unlessEnded,
} from '../world.ts';

let world: World;
let ports: RegisterPorts;
const hour = (at: number) => `2027-01-15T${String(at).padStart(2, '0')}:00:00Z`;

/** A registered server that was seen serving its own host name and a domain. */
beforeEach(async () => {
  world = newWorld();
  const mailServer = { roleId: 'AROAEXAMPLE', trusted: ['ssm.amazonaws.com'] };
  ports = { ...world, roles: memoryRoles({ 'mail-server': mailServer }), tag: 'tag', defaultRole: 'mail-server' };
  await registered(8);
  await world.store.acceptWish({ domain, mailServers: [mx1], policy: 'wildcard' }, { at: 1 }, world.time);
  for (const name of [mx1, domain]) await served(name);
  world.executions.started.length = 0;
});

const said = (type: string, at: number, detail: object = {}) => {
  world.time = Math.max(world.time, Date.parse(hour(at)));
  return registerServer(
    { 'detail-type': `Mail Server ${type}`, time: hour(at), detail: { server: mx1, ...detail } },
    ports,
  );
};
const registered = (at: number) => said('Registered', at, { node });
const retire = (at = 10, detail: object = {}) => said('Retired', at, detail);

async function served(name: string): Promise<void> {
  const { store, time } = world;
  const certificate = aCertificate(world, { names: [name, `*.${name}`].slice(0, name === mx1 ? 1 : 2) });
  const { wanted } = (await store.claimDomain({ domain: name, me: 'me', now: time }))!;
  const host = name === mx1;
  await store.commitCertificate({
    ...{ domain: name, me: 'me', seen: wanted, certificate, servers: [mx1], host, now: time },
  });
  await store.releaseDomain({ domain: name, me: 'me', seen: wanted, now: time }, certificate.renewAt);
  const { id, fingerprint } = certificate;
  await store.recordInstalled(
    mx1,
    { domain: name, v: time },
    { domain: name, certificate: id, fingerprint, seenAt: time, node },
  );
  await store.endWork(mx1, { domain: name, v: time });
}
const claim = (name = domain) => {
  const time = new Date(world.time).toISOString();
  const look = { 'detail-type': 'Certificate Expiring', time, detail: { domain: name } };
  const unused = { dns: {} as ClaimPorts['dns'], challengeZone, issuers: [anIssuer()], directoryOf: async () => ({}) };
  return unlessEnded(claimDomain({ ...look, execution: 'next' } as { execution: string }, { ...world, ...unused }));
};

describe('a mail server that is retired', () => {
  test('gets no more deliveries', async () => {
    expect(await retire()).toEqual({ server: mx1, woken: [], told: 2 });
    expect(await world.store.readServer(mx1)).toBeUndefined();
    expect(await sweep(world)).toMatchObject({ servers: 0 });
  });

  test('has its domains re-evaluated: each parks with the reason, and is given to the server if it returns', async () => {
    await retire();
    await sweep(world);
    expect(world.executions.started).toContainEqual(
      expect.objectContaining({ input: expect.objectContaining({ detail: { domain } }) }),
    );
    const error = await claim().catch((error: Error) => error);
    expect(error).toMatchObject({ name: 'ServerNotRegistered', about: domain });
    await parkDomain({ domain, execution: 'next', error: error as Error }, world);
    expect(world.bus.events).toMatchObject([
      { detailType: 'Domain Parked', detail: { domain, reason: 'ServerNotRegistered' } },
    ]);
    expect(await registered(11)).toMatchObject({ woken: [mx1, domain] });
    await expect(claim()).rejects.toMatchObject({ name: 'StillFresh' });
    expect(await world.store.workFor({ server: mx1, domain })).toMatchObject({
      certificate: { fingerprint: 'f'.repeat(64) },
    });
  });

  test('is noticed by an execution that has the claim of one of its domains', async () => {
    const { store } = world;
    await store.acceptWish({ domain, mailServers: [mx1, mx2], policy: 'wildcard' }, { at: 2 }, world.time);
    const { wanted } = (await store.claimDomain({ domain, me: 'at work', now: world.time }))!;
    await retire();
    expect(await store.releaseDomain({ domain, me: 'at work', seen: wanted, now: world.time }, world.time + 1e9)).toBe(
      false,
    );
  });

  test('has its own host name no longer renewed, and deleted in the end', async () => {
    await retire();
    expect(await world.store.readDomain(mx1)).toMatchObject({ spec: { deleted: true, host: true } });
    await expect(claim(mx1)).rejects.toMatchObject({ name: 'DomainDeleted' });
    await registered(11);
    expect(await world.store.readDomain(mx1)).not.toHaveProperty('deletedAt');
    await expect(claim(mx1)).rejects.toMatchObject({ name: 'StillFresh' });
    expect(await world.store.workFor({ server: mx1, domain: mx1 })).toMatchObject({ host: true });
  });

  test('keeps its removals, for the day on which it returns', async () => {
    const { store, time } = world;
    const { wanted } = (await store.readDomain(domain))!;
    await store.commitRemoval({ domain, wanted, servers: [mx1], now: time });
    expect(await retire()).toMatchObject({ told: 1 });
    expect(await store.workFor({ server: mx1, domain })).toMatchObject({ certificate: 'REMOVE' });
    expect(await store.installed({ server: mx1, domain })).toBeDefined();
  });

  test('has all its domains re-evaluated, also after a crash in between', async () => {
    const killed = { ...world.store, recordRetired: () => Promise.reject(new Error('killed')) };
    const event = { 'detail-type': 'Mail Server Retired', time: hour(10), detail: { server: mx1 } };
    world.time = Date.parse(hour(10));
    await expect(registerServer(event, { ...ports, store: killed })).rejects.toThrow('killed');
    expect(await retire()).toMatchObject({ told: 2 });
    expect((await world.store.allInstalled(mx1)).map(one => one.node)).toEqual([undefined, undefined]);
    expect(await retire()).toMatchObject({ told: 0 });
  });
});

describe('what a retired server still has on its disk', () => {
  const removal = { certificate: 'REMOVE' };
  const accept = (wish: object, at: number) =>
    world.store.acceptWish(
      { domain, mailServers: [], policy: 'wildcard', ...wish },
      { at: Date.parse(hour(at)) },
      Date.parse(hour(at)),
    );
  /** The server returns, and each domain that is due is evaluated. */
  async function returned(on: string) {
    ports.commands = memoryCommands({ [on]: { roleName: 'mail-server' } });
    await said('Registered', 12, { node: on });
    const error = await claim().catch((error: Error) => error);
    return error instanceof Error ? error.name : 'planned';
  }

  describe.each([
    ['the same node', node],
    ['a new node', 'mi-0fedcba9876543210'],
  ])('is removed once it returns on %s', (_, on) => {
    test('if the domain was deleted meanwhile', async () => {
      await retire();
      await accept({ deleted: true }, 11);
      await expect(claim()).rejects.toMatchObject({ name: 'DomainDeleted' });
      expect(await returned(on)).toBe('DomainDeleted');
      expect(await world.store.workFor({ server: mx1, domain })).toMatchObject(removal);
    });

    test('if the domain was deleted and forgotten', async () => {
      await retire();
      world.memory.domains.delete(domain);
      expect(await returned(on)).toBe('InvalidStepInput');
      expect(await world.store.workFor({ server: mx1, domain })).toMatchObject(removal);
    });

    test('if the domain was forgotten and came back on another server', async () => {
      await register(world, mx2);
      await retire();
      world.memory.domains.delete(domain);
      await accept({ mailServers: [mx2] }, 11);
      await returned(on);
      expect(await world.store.workFor({ server: mx1, domain })).toMatchObject(removal);
    });

    test('if the domain has moved to a server that serves it by now', async () => {
      await register(world, mx2);
      await retire();
      await accept({ mailServers: [mx2] }, 11);
      await expect(claim()).rejects.toMatchObject({ name: 'StillFresh' });
      const { v } = (await world.store.workFor({ server: mx2, domain }))!;
      const seen = { domain, fingerprint: 'f'.repeat(64), seenAt: world.time, node };
      await world.store.recordInstalled(mx2, { domain, v }, seen);
      await world.store.endWork(mx2, { domain, v });
      expect(await returned(on)).toBe('StillFresh');
      expect(await world.store.workFor({ server: mx1, domain })).toMatchObject(removal);
    });
  });

  test('is given again, and not taken for served, if the wish still names the server', async () => {
    await retire();
    await returned(node);
    expect(await world.store.workFor({ server: mx1, domain })).toMatchObject({ certificate: { id: 'c'.repeat(64) } });
  });
});

describe('a retirement changes nothing', () => {
  test.each([
    ['of an instance that the server no longer runs on', 10, { node: 'i-0abc1234' }],
    ['that is older than the registration', 7, {}],
  ])('%s', async (_, at, detail) => {
    expect(await retire(at, detail)).toEqual({ server: mx1, woken: [], told: 0 });
    expect(await world.store.readServer(mx1)).toMatchObject({ node });
    expect(await world.store.allInstalled(mx1)).toHaveLength(2);
    expect(await world.store.readDomain(mx1)).not.toHaveProperty('deletedAt');
  });

  test("for a customer's domain that is no server's name", async () => {
    expect(await retire(10, { server: domain })).toMatchObject({ told: 0 });
    expect(await world.store.readDomain(domain)).not.toHaveProperty('deletedAt');
  });
});

test('a registration that is older than the retirement, and comes late, restores nothing', async () => {
  await retire();
  world.executions.started.length = 0;
  expect(await registered(9)).toEqual({ server: mx1, node, woken: [] });
  expect(await world.store.readServer(mx1)).toBeUndefined();
  expect(await world.store.readDomain(mx1)).toMatchObject({ spec: { deleted: true } });
  expect(world.executions.started).toEqual([]);
});
