import { beforeEach, describe, expect, test } from 'vitest';
import { assembleDelivery, type Assembled } from '../../../core/deliver-to-server/assemble-delivery.ts';
import { isServing } from '../../../core/work/serving.ts';
import { recordDelivery } from '../../../core/deliver-to-server/record-delivery.ts';
import { registerServer } from '../../../core/register-server/register-server.ts';
import { sendDelivery } from '../../../core/deliver-to-server/send-delivery.ts';
import {
  aCertificate,
  day,
  domain,
  giveWork,
  installers,
  minute,
  mx1,
  mx2,
  newWorld,
  node,
  readyServer,
  register,
  registerOnly,
  type World,
  unlessEnded,
} from '../world.ts';
import { memoryCommands } from '../../twins/commands.ts';
import { memoryRoles } from '../../twins/roles.ts';

let world: World;
let me: string;
const names = ['a.example', 'b.example', 'c.example'];

beforeEach(async () => {
  world = newWorld();
  me = await readyServer(world);
  for (const name of names) await giveWork(world, name);
});

/** The domain's wish names this server, and the domain's certificate is the one in the work. */
async function wishedHere(domain: string): Promise<void> {
  const { store, time } = world;
  await store.acceptWish({ domain, mailServers: [mx1], policy: 'wildcard' }, { at: time }, time);
  const { wanted } = (await store.claimDomain({ domain, me: 'me', now: time }))!;
  const certificate = aCertificate(world, { names: [domain, `*.${domain}`] });
  await store.commitCertificate({ domain, me: 'me', seen: wanted, certificate, servers: [], now: time });
}

async function sent(): Promise<Assembled> {
  const assembled = await unlessEnded(assembleDelivery({ server: mx1, execution: me }, { ...world, roots: '' }));
  await sendDelivery({ ...assembled, execution: me, token: 'token' }, world);
  return assembled;
}
/**
 * Sends a delivery, gives the server's answer (`body` follows its header), and records the answer.
 */
async function delivered(outcome: string, body = '', exitCode = 0) {
  const assembled = await sent();
  const { id } = world.commands.sent.at(-1)!;
  world.commands.answer(
    id,
    `sealpost ${assembled.delivery.hash} ${assembled.delivery.seq} ${outcome}\n${body}`,
    exitCode,
  );
  world.time += 1_000;
  return recordDelivery({ ...assembled, execution: me, commandId: id }, world);
}
const work = async () => (await world.store.work(mx1, 10)).map(work => work.domain);

describe('a domain with a provided certificate for webmail', () => {
  const [ours, bought] = ['c', 'd'].map(letter => letter.repeat(64)) as [string, string];
  beforeEach(async () => {
    world = newWorld();
    me = await readyServer(world, { capability: { 'serves-by-name': ['postfix,nginx'] } });
    const name = 'b.example';
    const certificate = await giveWork(world, name);
    const webmail = { ...certificate, id: bought, fingerprint: bought, names: [`webmail.${name}`] };
    await world.certificates.putKeyOnce(
      { domain: name, id: bought },
      await world.certificates.readKey({ domain: name, id: ours }),
    );
    await world.certificates.putChain(
      { domain: name, id: bought },
      await world.certificates.readChain({ domain: name, id: certificate.id }),
    );
    const work = { domain: name, certificate, provided: { webmail }, servers: [mx1], now: world.time + 1 };
    await world.store.commitWork(work);
  });

  test('is installed once both certificates were seen, and each event has the use of its certificate', async () => {
    expect(await delivered('installed', 'su\n')).toMatchObject({ served: 1, refused: 0 });
    expect(await work()).toEqual([]);
    expect(await world.store.installed({ server: mx1, domain: 'b.example' })).toMatchObject({
      ...{ certificate: ours, fingerprint: 'f'.repeat(64), provided: { webmail: bought } },
    });
    expect(world.bus.events.map(({ detail }) => [detail.fingerprint, detail.for])).toEqual([
      ['f'.repeat(64), undefined],
      [bought, 'webmail'],
    ]);
  });

  test('is parked once if one of its certificates was not seen', async () => {
    const body = 'bb\n1 b InstallRolledBack not seen on port 443\n2 b InstallRolledBack not seen on port 443\n';
    expect(await delivered('rolled-back', body, 20)).toMatchObject({ served: 0, refused: 1 });
    expect(await work()).toEqual(['b.example']);
    expect(world.bus.events).toMatchObject([{ detailType: 'Domain Parked', detail: { reason: 'InstallRolledBack' } }]);
  });
});

describe('the answer of a server', () => {
  test('that saw a certificate served, newly or again, makes it installed and publishes it', async () => {
    expect(await delivered('installed', 'sus\n')).toEqual({ server: mx1, outcome: 'installed', served: 3, refused: 0 });
    expect(await work()).toEqual([]);
    for (const name of names)
      expect(await world.store.installed({ server: mx1, domain: name })).toMatchObject({
        ...{ certificate: 'c'.repeat(64), fingerprint: 'f'.repeat(64), seenAt: world.time },
      });
    expect(world.bus.events.map(({ detailType, detail }) => [detailType, detail.domain, detail.server])).toEqual(
      names.map(name => ['Certificate Installed', name, mx1]),
    );
    expect(await world.store.readServer(mx1)).not.toHaveProperty('delivery');
  });

  test('parks the one domain that was refused, and none of its neighbours', async () => {
    const body = 'srs\n2 r CertificateUnusable key does not match the leaf\n';
    expect(await delivered('installed', body)).toMatchObject({ served: 2, refused: 1 });
    expect(await world.store.work(mx1, 10)).toMatchObject([
      {
        ...{ domain: 'b.example', notBefore: world.time + 60 * minute },
        reason: 'CertificateUnusable: key does not match the leaf',
      },
    ]);
    expect(await world.store.installed({ server: mx1, domain: 'b.example' })).toBeUndefined();
    expect(world.bus.events.find(event => event.detail.domain === 'b.example')).toMatchObject({
      detailType: 'Domain Parked',
      detail: { server: mx1, reason: 'CertificateUnusable', message: 'key does not match the leaf' },
    });
  });

  test('that rolled back makes nothing installed', async () => {
    expect(await delivered('rolled-back', 'bbb\n', 20)).toMatchObject({ served: 0, refused: 3 });
    expect(await work()).toEqual(names);
    expect(world.bus.events.map(event => event.detail.reason)).toEqual(Array(3).fill('InstallRolledBack'));
    for (const name of names) expect(await world.store.installed({ server: mx1, domain: name })).toBeUndefined();
  });

  test('that is broken holds the server and pages a person', async () => {
    await expect(delivered('broken', 'xxs\n', 30)).rejects.toMatchObject({ name: 'InstallBroken', about: mx1 });
    expect(await world.store.readServer(mx1)).toMatchObject({ held: expect.stringContaining(mx1) });
    expect(await world.store.installed({ server: mx1, domain: 'c.example' })).toBeDefined();
    expect(world.bus.events.at(-1)).toMatchObject({ detailType: 'Server Held', detail: { server: mx1 } });
    await world.store.releaseServer({ server: mx1, me, now: world.time }, { wanted: 4, dueAt: world.time });
    expect(await world.store.wakeServer(mx1, world.time)).toBeUndefined();
  });

  const kept = () => [...world.objects.keys()].filter(key => key.startsWith('deliveries/'));

  test('leaves no keys behind: the delivery is deleted, also by a retry', async () => {
    const { removeDelivery } = world.deliveries;
    world.deliveries.removeDelivery = () => Promise.reject(new Error('S3 is away'));
    await expect(delivered('installed', 'sus\n')).rejects.toThrow('S3 is away');
    expect(kept()).toHaveLength(1);
    world.deliveries.removeDelivery = removeDelivery;
    const hash = kept()[0]!.split('/').at(-1)!;
    const assembled = {
      server: mx1,
      delivery: { hash, seq: 3, mode: 'install' as const, installer: installers.Linux.sha256, entries: 3 },
    };
    expect(await recordDelivery({ ...assembled, execution: me, commandId: 'command-1' }, world)).toMatchObject({
      outcome: 'on record',
    });
    expect(kept()).toEqual([]);
  });

  test('leaves no keys behind if the response to its last write was lost and the SDK sent the write again', async () => {
    const { endDelivery } = world.store;
    world.store.endDelivery = async (...given) => {
      await endDelivery(...given);
      return endDelivery(...given);
    };
    expect(await delivered('installed', 'sss\n')).toMatchObject({ outcome: 'installed', served: 3 });
    expect(kept()).toEqual([]);
    expect(await world.store.readServer(mx1)).toMatchObject({ owner: me });
  });

  test('pages a person also in a retry after the answer was recorded', async () => {
    const { removeDelivery } = world.deliveries;
    world.deliveries.removeDelivery = () => Promise.reject(new Error('S3 is away'));
    await expect(delivered('broken', 'xxs\n', 30)).rejects.toThrow('S3 is away');
    world.deliveries.removeDelivery = removeDelivery;
    const delivery = {
      hash: 'd'.repeat(64),
      seq: 3,
      mode: 'install' as const,
      installer: installers.Linux.sha256,
      entries: 3,
    };
    const again = { server: mx1, delivery, execution: me, commandId: 'command-1' };
    await expect(recordDelivery(again, world)).rejects.toMatchObject({ name: 'InstallBroken', about: mx1 });
  });

  test('counts for the node that gave it, and not for a node that was registered meanwhile', async () => {
    const assembled = await sent();
    world.commands.answer('command-1', `sealpost ${assembled.delivery.hash} 3 installed\nsss\n`);
    world.time += 1_000;
    const rebuilt = 'mi-0fedcba9876543210';
    const commands = memoryCommands({ [rebuilt]: { roleName: 'role' } });
    const roles = memoryRoles({ role: { roleId: 'AROAROLE', trusted: ['ssm.amazonaws.com'] } });
    const time = new Date(world.time).toISOString();
    const event = { 'detail-type': 'Mail Server Registered', time, detail: { server: mx1, node: rebuilt } };
    // The registration happens between the read of the record and the first write.
    const readManifest = async (hash: string) => {
      await registerServer(event, { ...world, commands, roles, tag: '', defaultRole: '' });
      return world.deliveries.readManifest(hash);
    };
    for (const name of names) await wishedHere(name);
    const input = { ...assembled, execution: me, commandId: 'command-1' };
    const deliveries = { ...world.deliveries, readManifest };
    await expect(recordDelivery(input, { ...world, deliveries })).rejects.toMatchObject({ name: 'ClaimLost' });
    expect(await work()).toEqual(names);
    expect(await world.store.installed({ server: mx1, domain: names[0]! })).toMatchObject({ node });
    const current = (await world.store.readDomain(names[0]!))!;
    expect(await isServing(mx1, current, world.store, world.time)).toBe(false);
  });

  test('leaves work that was given for the same domain during the delivery', async () => {
    const assembled = await sent();
    world.time += 1_000;
    await giveWork(world, 'a.example', { id: 'e'.repeat(64), fingerprint: 'e'.repeat(64) });
    world.commands.answer('command-1', `sealpost ${assembled.delivery.hash} 3 installed\nsss\n`);
    await recordDelivery({ ...assembled, execution: me, commandId: 'command-1' }, world);
    expect(await world.store.work(mx1, 10)).toMatchObject([
      { domain: 'a.example', certificate: { id: 'e'.repeat(64) } },
    ]);
    expect(await world.store.installed({ server: mx1, domain: 'a.example' })).toMatchObject({
      fingerprint: 'f'.repeat(64),
    });
  });
});

describe('a domain that moved here', () => {
  /** `a.example` was on mx2, and its wish now names mx1 only. */
  beforeEach(async () => {
    const { store, time } = world;
    await register(world, mx2);
    const wished = { domain: 'a.example', mailServers: [mx2], policy: 'wildcard' as const };
    await store.acceptWish(wished, { at: time }, time);
    const certificate = aCertificate(world, { names: ['a.example', '*.a.example'] });
    await store.claimDomain({ domain: 'a.example', me: 'me', now: time });
    await store.commitCertificate({
      ...{ domain: 'a.example', me: 'me', seen: 1, certificate, servers: [mx2], now: time },
    });
    await store.recordInstalled(
      mx2,
      { domain: 'a.example', v: time },
      { domain: 'a.example', certificate: certificate.id, fingerprint: certificate.fingerprint, seenAt: time, node },
    );
    await store.endWork(mx2, { domain: 'a.example', v: time });
    await store.releaseDomain({ domain: 'a.example', me: 'me', seen: 1, now: time }, time);
    await store.acceptWish({ ...wished, mailServers: [mx1] }, { at: time + 1 }, time);
  });

  test('is removed from its old server once it was seen served here', async () => {
    await delivered('installed', 'sss\n');
    expect(await world.store.work(mx2, 10)).toMatchObject([{ domain: 'a.example', certificate: 'REMOVE' }]);
    expect(world.executions.started).toMatchObject([{ machine: 'deliver-to-server', input: { server: mx2 } }]);
  });

  test('stays on its old server if this server refused it', async () => {
    await delivered('installed', 'rss\n1 r ServerFull no room\n');
    expect(await world.store.work(mx2, 10)).toEqual([]);
    expect(world.executions.started).toEqual([]);
  });

  test('is removed from its old server also after the step was killed in between', async () => {
    const assembled = await sent();
    world.commands.answer('command-1', `sealpost ${assembled.delivery.hash} 3 installed\nsss\n`);
    const input = { ...assembled, execution: me, commandId: 'command-1' };
    const killed = { ...world.store, commitRemoval: () => Promise.reject(new Error('killed')) };
    await expect(recordDelivery(input, { ...world, store: killed })).rejects.toThrow('killed');
    await recordDelivery(input, world);
    expect(await world.store.work(mx2, 10)).toMatchObject([{ domain: 'a.example', certificate: 'REMOVE' }]);
  });
});

describe('a retry of a recording', () => {
  const answered = async () => {
    const assembled = await sent();
    world.commands.answer('command-1', `sealpost ${assembled.delivery.hash} 3 installed\nsus\n`);
    return { ...assembled, execution: me, commandId: 'command-1' };
  };

  test('publishes everything if the bus failed the first time', async () => {
    const input = await answered();
    const away = { ...world.bus, put: () => Promise.reject(new Error('the bus is away')) };
    await expect(recordDelivery(input, { ...world, bus: away })).rejects.toThrow('the bus is away');
    expect(await recordDelivery(input, world)).toMatchObject({ outcome: 'installed', served: 3 });
    expect(world.bus.events).toHaveLength(3);
    expect(await work()).toEqual([]);
  });

  test('does nothing and succeeds if everything was written', async () => {
    const input = await answered();
    await recordDelivery(input, world);
    const { dueAt: _, leaseUntil: __, ...before } = (await world.store.readServer(mx1))!;
    expect(await recordDelivery(input, world)).toEqual({ server: mx1, outcome: 'on record', served: 0, refused: 0 });
    expect(world.bus.events).toHaveLength(3);
    expect(await world.store.readServer(mx1)).toMatchObject(before);
  });
});

describe('the first answer of a server', () => {
  beforeEach(async () => {
    world = newWorld();
    await registerOnly(world, mx1);
    me = (await world.store.wakeServer(mx1, world.time))!;
  });

  test("records the server's capability", async () => {
    await delivered('inspected', 'fact os Debian 12\nfact postfix 3.7.11\nfact host-certificate none\n');
    const server = await world.store.readServer(mx1);
    expect(server).toMatchObject({ capability: { os: ['Debian 12'], postfix: ['3.7.11'] } });
    expect(server).not.toHaveProperty('hostSecuredAt');
  });

  test('wakes each domain that depends on the server, also after a crash before the wake', async () => {
    const { store } = world;
    const wishFor = (name: string) => ({ domain: name, mailServers: [mx1], policy: 'wildcard' as const });
    for (const name of [domain, 'other.example']) {
      await store.acceptWish(wishFor(name), { at: 1 }, world.time);
      await store.claimDomain({ domain: name, me: 'before', now: world.time });
      await store.dependOn(name, [mx1]);
      await store.releaseDomain({ domain: name, me: 'before', seen: 1, now: world.time }, world.time + day);
    }
    const killed = { ...store, wakeDependents: () => Promise.reject(new Error('killed')) };
    const assembled = await sent();
    const { hash, seq } = assembled.delivery;
    world.commands.answer('command-1', `sealpost ${hash} ${seq} inspected\n\nfact cannot-serve-by-name courier\n`);
    const input = { ...assembled, execution: me, commandId: 'command-1' };
    await expect(recordDelivery(input, { ...world, store: killed })).rejects.toThrow('killed');
    expect(world.executions.started).toEqual([]);
    await recordDelivery(input, world);
    expect(world.executions.started).toMatchObject([
      { machine: 'secure-domain', input: { detail: { domain } } },
      { machine: 'secure-domain', input: { detail: { domain: 'other.example' } } },
    ]);
  });

  test('re-evaluates the domains that were installed there if the server no longer serves by name', async () => {
    const { store } = world;
    await store.acceptWish({ domain, mailServers: [mx1], policy: 'wildcard' }, { at: 1 }, world.time);
    await store.claimDomain({ domain, me: 'before', now: world.time });
    await store.releaseDomain({ domain, me: 'before', seen: 1, now: world.time }, world.time + day);
    const seen = { domain, certificate: 'c', fingerprint: 'f', seenAt: world.time, node };
    await store.recordInstalled(mx1, { domain, v: 1 }, seen);
    await store.endWork(mx1, { domain, v: 1 });
    await delivered('inspected', 'fact serves-by-name postfix,dovecot\n');
    expect(await store.readDomain(domain)).toMatchObject({ wanted: 1 });
    await registerOnly({ ...world, time: world.time + 1 }, mx1);
    me = (await store.wakeServer(mx1, world.time))!;
    await delivered('inspected', 'fact cannot-serve-by-name courier\n');
    expect(await store.readDomain(domain)).toMatchObject({ wanted: 2, dueAt: world.time });
  });

  test('secures the server if any trusted certificate for its name is served', async () => {
    await delivered('inspected', 'fact host-certificate trusted\n');
    expect(await world.store.readServer(mx1)).toMatchObject({ hostSecuredAt: world.time });
  });

  test('does not secure the server if the certificate for its name is not trusted; ours then does, once seen', async () => {
    await delivered('inspected', 'fact host-certificate untrusted\n');
    await giveWork(world, mx1, { host: true });
    await giveWork(world, domain);
    expect(await delivered('installed', 's\n')).toMatchObject({ served: 1 });
    expect(await world.store.readServer(mx1)).toMatchObject({ hostSecuredAt: world.time });
    expect(await work()).toEqual([domain]);
  });

  test.each([
    ['gets the host certificate, ours secures the server', 'courier', true],
    ['has no adapter, ours does not secure the server', 'courier,haproxy', false],
  ])('if software that cannot serve by name %s', async (_, cannot, isSecured) => {
    await delivered(
      'inspected',
      `fact cannot-serve-by-name ${cannot}\nfact host-certificate-for courier,nginx\nfact host-certificate untrusted\n`,
    );
    await giveWork(world, mx1, { host: true });
    await delivered('installed', 's\n');
    const { hostSecuredAt } = (await world.store.readServer(mx1))!;
    expect(hostSecuredAt).toBe(isSecured ? world.time : undefined);
  });

  test('does not secure the server if its own certificate was refused', async () => {
    await delivered('inspected', '');
    await giveWork(world, mx1, { host: true });
    await delivered('installed', 'r\n1 r ServerFull no room\n');
    expect(await world.store.readServer(mx1)).not.toHaveProperty('hostSecuredAt');
  });
});

describe('an unknown outcome changes nothing, and the work stays', () => {
  const cases: [string, (hash: string) => string][] = [
    ['the answer is to another delivery', () => `sealpost ${'e'.repeat(64)} 3 installed\nsss\n`],
    ['the answer is to an earlier round', hash => `sealpost ${hash} 2 installed\nsss\n`],
    ['the answer was cut', hash => `sealpost ${hash} 3 installed\nss`],
    ['the answer has more entries than were sent', hash => `sealpost ${hash} 3 installed\nssss\n`],
    ['the answer has no entries', hash => `sealpost ${hash} 3 installed\n`],
    ['the installer did not get to answer', () => 'sh: not found\n'],
  ];
  test.each(cases)('when %s', async (_, output) => {
    const assembled = await sent();
    world.commands.answer('command-1', output(assembled.delivery.hash));
    const before = await world.store.readServer(mx1);
    await expect(recordDelivery({ ...assembled, execution: me, commandId: 'command-1' }, world)).rejects.toMatchObject({
      name: 'ServerUnreachable',
      about: mx1,
    });
    expect(await work()).toEqual(names);
    expect(world.bus.events).toEqual([]);
    expect(await world.store.readServer(mx1)).toMatchObject({ delivery: before!.delivery });
  });

  test.each([
    ['the server has a later one and gives its number', 'stale 40', 40],
    ['the server has a later one', 'stale', 3],
    ['the delivery came too late', 'expired', 3],
  ])('when %s; the delivery ends, and the next one has the next number', async (_, outcome, seq) => {
    const { delivery, ...rest } = await sent();
    world.commands.answer('command-1', `sealpost ${delivery.hash} 3 ${outcome}\n`);
    const input = { ...rest, delivery, execution: me, commandId: 'command-1' };
    await expect(recordDelivery(input, world)).rejects.toMatchObject({ name: 'ServerUnreachable' });
    const record = await world.store.readServer(mx1);
    expect(record).toMatchObject({ seq });
    expect(record).not.toHaveProperty('delivery');
    expect(await work()).toEqual(names);
    expect((await sent()).delivery.seq).toBe(seq + 1);
  });

  test('when the command was lost on its way', async () => {
    const assembled = await sent();
    world.commands.lose('command-1', 'Delivery Timed Out');
    await expect(recordDelivery({ ...assembled, execution: me, commandId: 'command-1' }, world)).rejects.toMatchObject({
      name: 'ServerUnreachable',
      message: expect.stringContaining('Delivery Timed Out'),
    });
    expect(await work()).toEqual(names);
  });
});
