import { beforeEach, describe, expect, test } from 'vitest';
import { registerServer, type RegisterPorts } from '../../../core/register-server/register-server.ts';
import { sweep } from '../../../core/sweep/sweep.ts';
import { memoryCommands } from '../../twins/commands.ts';
import { memoryRoles } from '../../twins/roles.ts';
import { aCertificate, domain, minute, mx1, newWorld, node, type World } from '../world.ts';

const instance = 'i-0123456789abcdef0';
const windows = 'mi-0fedcba9876543210';
const mac = 'mi-0fedcba9876543211';
const services = ['ec2.amazonaws.com', 'ssm.amazonaws.com'];
const account = 'arn:aws:iam::111111111111:root';
let world: World;
let ports: RegisterPorts;

beforeEach(() => {
  world = newWorld();
  ports = {
    ...world,
    commands: memoryCommands({
      ...{ [node]: { roleName: 'hybrid' }, [instance]: {} },
      [windows]: { roleName: 'hybrid', platform: 'Windows' },
      [mac]: { roleName: 'hybrid', platform: 'MacOS' },
    }),
    roles: memoryRoles({
      hybrid: { roleId: 'AROAHYBRID', trusted: [services[1]!] },
      'mail-server': { roleId: 'AROAMAILSERVER', trusted: services },
      own: { roleId: 'AROAOWN', trusted: [services[0]!] },
      china: { roleId: 'AROACHINA', trusted: ['ec2.amazonaws.com.cn'] },
      open: { roleId: 'AROAOPEN', trusted: [...services, account] },
    }),
    tag: 'sealpost:mail-server=sealpost',
    defaultRole: 'mail-server',
  };
});
const registered = (detail: object = {}, time = '2027-01-15T08:00:00Z') => ({
  ...{ 'detail-type': 'Mail Server Registered', time, detail: { server: mx1, node, ...detail } },
});
/** An event is handled at its own time, or later. */
const register = (detail: object = {}, time?: string) => {
  const event = registered(detail, time);
  world.time = Math.max(world.time, Date.parse(event.time));
  return registerServer(event, ports);
};

describe("a customer's wish for the name of a mail server", () => {
  const wish = (version?: number) => {
    const at = Date.parse('2027-01-15T09:00:00Z');
    const said = { at, ...(version !== undefined && { version }) };
    return world.store.acceptWish({ domain: mx1, mailServers: ['mx2.provider.example'], policy: 'wildcard' }, said, at);
  };

  test.each([undefined, 7])('is replaced by a registration that comes late (version %s)', async version => {
    await wish(version);
    await register({}, '2027-01-15T08:00:00Z');
    expect((await world.store.readDomain(mx1))!.spec).toMatchObject({ host: true, mailServers: [mx1] });
    const { specAt } = (await world.store.readDomain(mx1))!;
    await register({}, '2027-01-15T08:00:01Z');
    expect((await world.store.readDomain(mx1))!.specAt).toBe(specAt);
  });
});

describe('a node', () => {
  const other = 'mx2.provider.example';
  const owner = async (server: string) => (await world.store.readServer(server))?.node;

  test('has one host name: another one is refused, and says which it has', async () => {
    await register();
    const refused = register({ server: other }, '2027-01-15T08:01:00Z');
    await expect(refused).rejects.toMatchObject({
      name: 'InvalidStepInput',
      message: expect.stringMatching(/^detail\.node .* is the node of mx1\.provider\.example; put Mail Server Retired/),
    });
    expect(await owner(other)).toBeUndefined();
    await register({}, '2027-01-15T08:02:00Z');
    expect(await owner(mx1)).toBe(node);
  });

  test('gets another host name once the first is retired, or has another node', async () => {
    await register();
    await registerServer(
      { 'detail-type': 'Mail Server Retired', time: '2027-01-15T08:01:00Z', detail: { server: mx1 } },
      ports,
    );
    await register({ server: other }, '2027-01-15T08:02:00Z');
    expect(await owner(other)).toBe(node);
    await register({ server: other, node: instance }, '2027-01-15T08:03:00Z');
    await register({}, '2027-01-15T08:04:00Z');
    expect([await owner(mx1), await owner(other)]).toEqual([node, instance]);
  });
});

describe('a mail server that is registered', () => {
  test('is recorded and inspected at once, and its own host name gets a certificate', async () => {
    expect(await register({ adopt: true })).toEqual({ server: mx1, node, woken: [mx1], waited: 0 });
    expect(await world.store.readServer(mx1)).toMatchObject({ node, roleId: 'AROAHYBRID', adopt: true, seq: 1 });
    expect(await world.store.readDomain(mx1)).toMatchObject({
      ...{ spec: { domain: mx1, mailServers: [mx1], policy: 'list', names: ['@'], host: true }, wanted: 1 },
    });
    expect(world.executions.started).toMatchObject([
      { machine: 'deliver-to-server', input: { server: mx1 } },
      { machine: 'secure-domain', input: { detail: { domain: mx1 } } },
    ]);
  });

  test('has the platform Windows recorded, until another node has none', async () => {
    await register({ node: windows });
    expect(await world.store.readServer(mx1)).toMatchObject({ node: windows, platform: 'Windows' });
    await register({}, '2027-01-15T09:00:00Z');
    expect(await world.store.readServer(mx1)).not.toHaveProperty('platform');
  });

  test.each(['acceptWish', 'registerServer', 'wakeServer', 'wakeWaitingDomains'] as const)(
    "never exists without its host name's domain, also after a crash at %s",
    async method => {
      const killed = { ...world.store, [method]: () => Promise.reject(new Error('killed')) };
      await expect(registerServer(registered(), { ...ports, store: killed })).rejects.toThrow('killed');
      const isThere = (await world.store.readServer(mx1)) !== undefined;
      expect(isThere).toBe(method.startsWith('wake'));
      world.time += 2 * minute;
      await sweep(world);
      if (isThere)
        expect(world.executions.started).toContainEqual(
          expect.objectContaining({ input: expect.objectContaining({ detail: { domain: mx1 } }) }),
        );
    },
  );

  test('starts the first of the domains that waited, and leaves the others to the sweep', async () => {
    const { store } = world;
    for (let i = 0; i < 1_100; i++) {
      const name = `c${String(i).padStart(4, '0')}.example`;
      await store.acceptWish({ domain: name, mailServers: [mx1], policy: 'wildcard' }, { at: 1 }, world.time);
      await store.claimDomain({ domain: name, me: 'me', now: world.time });
      const parked = {
        reason: 'ServerNotRegistered' as const,
        message: '',
        since: 0,
        nextTry: world.time + 1e9,
        tries: 1,
      };
      await store.parkDomain({ domain: name, me: 'me', seen: 1 }, parked, [mx1]);
    }
    const { woken, waited } = await register();
    expect(woken).toEqual([mx1, ...Array.from({ length: 25 }, (_, i) => `c${String(i).padStart(4, '0')}.example`)]);
    expect(waited).toBe(1_100);
    expect(await store.due({ now: world.time, limit: 2_000 })).toHaveLength(1_100);
  });

  test('starts each execution once, however often its step is retried', async () => {
    await register();
    const before = structuredClone(world.executions.started.filter(one => one.machine === 'secure-domain'));
    await register();
    expect(world.executions.started.filter(one => one.machine === 'secure-domain')).toEqual(before);
  });

  test('wakes the domains that waited for it', async () => {
    const { store } = world;
    await store.acceptWish({ domain, mailServers: [mx1], policy: 'wildcard' }, { at: 1 }, world.time);
    await store.claimDomain({ domain, me: 'me', now: world.time });
    const parked = {
      reason: 'ServerNotRegistered' as const,
      message: '',
      since: 0,
      nextTry: world.time + 1e9,
      tries: 1,
    };
    await store.parkDomain({ domain, me: 'me', seen: 1 }, parked, [mx1]);
    expect(await register()).toMatchObject({ woken: [mx1, domain] });
    expect(world.executions.started).toMatchObject([{}, {}, { input: { detail: { domain } } }]);
    expect(await store.claimDomain({ domain, me: 'next', now: world.time })).toBeDefined();
  });

  test.each([
    ['the role that Systems Manager knows, on a hybrid node', { role: 'own' }, 'AROAHYBRID'],
    ["the stack's own role, on an instance", { node: instance }, 'AROAMAILSERVER'],
    ['the role that the event names, on an instance', { node: instance, role: 'own' }, 'AROAOWN'],
    ['a role of an instance in China', { node: instance, role: 'china' }, 'AROACHINA'],
  ])('reads its deliveries with %s', async (_, detail, roleId) => {
    await register(detail);
    expect(await world.store.readServer(mx1)).toMatchObject({ roleId });
  });

  test('is inspected again if it was rebuilt', async () => {
    await register();
    await register({ node: instance }, '2027-01-16T08:00:00Z');
    expect(await world.store.readServer(mx1)).toMatchObject({ node: instance, seq: 2 });
    expect(world.executions.started.filter(one => one.machine === 'deliver-to-server')).toHaveLength(2);
  });
});

describe('a mail server that was rebuilt', () => {
  const later = '2027-01-16T08:00:00Z';
  /** A domain, or the server's own host name, that was seen served there. */
  async function served(name: string, host?: boolean) {
    const { store, time } = world;
    const certificate = aCertificate(world, { names: [name] });
    if (!host) await store.acceptWish({ domain: name, mailServers: [mx1], policy: 'wildcard' }, { at: 1 }, time);
    const { wanted } = (await store.claimDomain({ domain: name, me: 'me', now: time }))!;
    await store.commitCertificate({
      ...{ domain: name, me: 'me', seen: wanted, certificate, servers: [mx1], host, now: time },
    });
    await store.releaseDomain({ domain: name, me: 'me', seen: wanted, now: time }, certificate.renewAt);
    const { id, fingerprint } = certificate;
    const seen = { domain: name, certificate: id, fingerprint, seenAt: time, node };
    await store.recordInstalled(mx1, { domain: name, v: time }, seen);
    await store.endWork(mx1, { domain: name, v: time });
  }

  beforeEach(async () => {
    await register();
    await served(mx1, true);
    await served(domain);
    expect(await world.store.work(mx1, 10)).toEqual([]);
  });

  test('gets all its certificates again, with its own host name', async () => {
    await register({ node: instance }, later);
    expect(await world.store.work(mx1, 10)).toMatchObject([
      { domain, certificate: { fingerprint: 'f'.repeat(64) } },
      { domain: mx1, host: true },
    ]);
  });

  test('gets them also after a crash before the work was given', async () => {
    const { store } = world;
    const killed = { ...store, giveAgain: () => Promise.reject(new Error('killed')) };
    const event = registered({ node: instance }, later);
    world.time = Date.parse(later);
    await expect(registerServer(event, { ...ports, store: killed })).rejects.toThrow('killed');
    await register({ node: instance }, later);
    expect(await store.readServer(mx1)).toMatchObject({ node: instance });
    expect(await store.work(mx1, 10)).toHaveLength(2);
  });

  test('has new work, which an answer of the old node does not delete', async () => {
    const { store } = world;
    await store.commitWork({
      domain,
      certificate: aCertificate(world, { names: [domain] }),
      servers: [mx1],
      now: world.time,
    });
    const { v } = (await store.workFor({ server: mx1, domain }))!;
    await register({ node: instance }, later);
    // The step that recorded the old node's answer ran during the registration.
    const { id: certificate, fingerprint } = aCertificate(world);
    await store.recordInstalled(mx1, { domain, v }, { domain, certificate, fingerprint, seenAt: world.time, node });
    await store.endWork(mx1, { domain, v });
    expect(await store.workFor({ server: mx1, domain })).toMatchObject({ certificate: { fingerprint } });
  });

  test('gets them once, however often the step is retried', async () => {
    await register({ node: instance }, later);
    const before = await world.store.work(mx1, 10);
    await register({ node: instance }, later);
    expect(await world.store.work(mx1, 10)).toEqual(before);
  });

  test('does not get a domain that has left it', async () => {
    const moved = { domain, mailServers: ['mx2.provider.example'], policy: 'wildcard' as const };
    await world.store.acceptWish(moved, { at: 2 }, world.time);
    await register({ node: instance }, later);
    expect(await world.store.work(mx1, 10)).toMatchObject([{ domain: mx1 }]);
  });

  test('gets nothing if the same node is registered again', async () => {
    await register({}, later);
    expect(await world.store.work(mx1, 10)).toEqual([]);
  });
});

describe('a mail server is refused, and the sender gets the reason,', () => {
  test.each([
    [
      'its node is unknown',
      { node: 'mi-00000000000000009' },
      /^detail\.node mi-0+9 is not a managed node .* with the tag sealpost:mail-server=sealpost; register it/,
    ],
    [
      'another principal may assume its role',
      { node: instance, role: 'open' },
      /^detail\.node .* the role open, which arn:aws:iam::111111111111:root may assume too/,
    ],
    [
      'its role does not exist',
      { node: instance, role: 'absent' },
      /^detail\.role absent is no role of this account; name the role/,
    ],
    [
      'its node has neither Linux nor Windows',
      { node: mac },
      /^detail\.node mi-0fed\S+ runs MacOS, where nothing of ours runs/,
    ],
    ['its node is not an id', { node: 'mx1' }, /^detail\.node "mx1" is not valid; give the managed node id/],
  ])('when %s', async (_, detail, message) => {
    await expect(register(detail)).rejects.toMatchObject({
      ...{ name: 'InvalidStepInput', about: mx1, message: expect.stringMatching(message) },
    });
    expect(await world.store.readServer(mx1)).toBeUndefined();
    expect(await world.store.readDomain(mx1)).toBeUndefined();
    expect(world.executions.started).toEqual([]);
  });
});
