/**
 * A day's audit, from the moment at which it is due until what it found missing is served again.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { assembleDelivery } from '../../../core/deliver-to-server/assemble-delivery.ts';
import { auditDueAt } from '../../../core/audit/audit.ts';
import { recordDelivery } from '../../../core/deliver-to-server/record-delivery.ts';
import { recordAudit } from '../../../core/deliver-to-server/record-looks.ts';
import { releaseServer } from '../../../core/deliver-to-server/release-server.ts';
import { sendDelivery } from '../../../core/deliver-to-server/send-delivery.ts';
import {
  aCertificate,
  day,
  giveWork,
  installers,
  minute,
  mx1,
  newWorld,
  readyServer,
  type World,
  unlessEnded,
} from '../world.ts';

let world: World;
let me: string;
const ALL = '465,25,587,993,143,995,110,443';
const names = ['a.test', 'b.test'];

/**
 * Assembles and sends a delivery, gives the server's answer, and records the answer.
 * @returns the delivery's text
 */
async function round(outcome: string, ...lines: string[]): Promise<string> {
  const assembled = await unlessEnded(assembleDelivery({ server: mx1, execution: me }, { ...world, roots: '' }));
  const { hash, seq } = assembled.delivery;
  const text = [...world.objects].find(([key]) => key.endsWith(`/${hash}`) && key.startsWith('deliveries/'))![1];
  await sendDelivery({ ...assembled, execution: me, token: 'token' }, world);
  const { id } = world.commands.sent.at(-1)!;
  world.commands.answer(id, [`sealpost ${hash} ${seq} ${outcome}`, ...lines, ''].join('\n'));
  world.time += 1_000;
  await recordDelivery({ ...assembled, execution: me, commandId: id }, world);
  return text;
}
const release = () => unlessEnded(releaseServer({ server: mx1, execution: me, rounds: 1 }, world));
const server = async () => (await world.store.readServer(mx1))!;
const facts = (type: string) => world.bus.events.filter(({ detailType }) => detailType === type);
const looksIn = (text: string) => text.split('\n').filter(line => line.startsWith('look '));

beforeEach(async () => {
  world = newWorld();
  me = await readyServer(world, { capability: { ports: [ALL], 'serves-by-name': ['postfix,dovecot,nginx'] } });
  const wish = (domain: string, host = false) => ({
    ...{ domain, mailServers: [mx1], policy: host ? ('list' as const) : ('wildcard' as const) },
    ...(host && { names: ['@'], host: true }),
  });
  for (const domain of [mx1, ...names]) {
    await world.store.acceptWish(wish(domain, domain === mx1), { at: world.time }, world.time);
    const { wanted } = (await world.store.claimDomain({ domain, me: 'me', now: world.time }))!;
    const host = domain === mx1;
    const certificate = aCertificate(world, { names: host ? [domain] : [domain, `*.${domain}`] });
    await world.store.commitCertificate({ domain, me: 'me', seen: wanted, certificate, servers: [], now: world.time });
    await giveWork(world, domain, { host });
  }
  await round('installed', 'sss');
  world.time = auditDueAt(await server(), world.quietHours)!;
  world.bus.events.length = 0;
});

describe('an audit', () => {
  test('is one command that holds no key and checks each name, and the host name also without SNI', async () => {
    const text = await round('verified', '', `fact audit-ports ${ALL}`, 'audited 4');
    expect(text).toContain('\nmode verify\n');
    expect(text).not.toContain('PRIVATE KEY');
    const leaf = 'f'.repeat(64);
    expect(looksIn(text)).toEqual([
      `look a.test ${leaf} mail.a.test webmail.a.test`,
      `look b.test ${leaf} mail.b.test webmail.b.test`,
      `look ${mx1} ${leaf} ${mx1} -`,
      `look ${mx1} ${leaf} default -`,
    ]);
  });

  test('that finds nothing writes one summary, no event and no work, and the next is a day later', async () => {
    const due = world.time;
    await round('verified', '', `fact audit-ports ${ALL}`, 'audited 4');
    expect((await server()).audit).toEqual({ at: world.time, oldest: world.time, endpoints: 30 });
    expect(world.bus.events).toEqual([]);
    expect(await world.store.work(mx1, 10)).toEqual([]);
    expect(await release()).toEqual({ server: mx1, dueAt: due + day });
  });

  test('comes after the work that can be delivered', async () => {
    await giveWork(world, 'c.test');
    expect(await round('installed', 's')).toContain('\nmode install\n');
    await expect(release()).rejects.toMatchObject({ name: 'MoreWork' });
    expect(await round('verified', '', `fact audit-ports ${ALL}`, 'audited 5')).toContain('\nmode verify\n');
  });

  test('is included in a delivery of calm work, and checks the certificates of that delivery', async () => {
    const before = (await world.store.installed({ server: mx1, domain: 'a.test' }))!.fingerprint;
    const renewed = { id: 'd'.repeat(64), fingerprint: 'e'.repeat(64) };
    for (const domain of names) {
      const certificate = aCertificate(world, { ...renewed, names: [domain, `*.${domain}`] });
      await world.certificates.putKeyOnce(
        { domain, id: renewed.id },
        '-----BEGIN PRIVATE KEY-----\nAA\n-----END PRIVATE KEY-----\n',
      );
      await world.certificates.putChain(
        { domain, id: renewed.id },
        '-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n',
      );
      const { wanted } = (await world.store.readDomain(domain))!;
      const commit = { domain, me: 'me', seen: wanted, certificate, servers: [mx1], calm: { [mx1]: world.time } };
      await world.store.commitCertificate({ ...commit, now: world.time });
    }
    const text = await round(
      'installed',
      'sr',
      '2 r InstallRefused no',
      `fact audit-ports ${ALL}`,
      'unseen all 2',
      'audited 4',
    );
    expect(text).toContain('\nmode install\n');
    expect(looksIn(text).map(line => line.split(' ').slice(1, 3))).toEqual([
      ['a.test', renewed.fingerprint],
      ['b.test', renewed.fingerprint],
      [mx1, before],
      [mx1, before],
    ]);
    expect((await server()).audit).toMatchObject({ at: world.time, endpoints: 30 });
    // The delivery of b.test was refused, so b.test is parked. Its old certificate is served and is
    // not drift.
    expect(await world.store.work(mx1, 10)).toMatchObject([{ domain: 'b.test', reason: 'InstallRefused: no' }]);
    expect(facts('Endpoints Unverified')).toEqual([]);
  });

  test('names the address at which customers get something else', async () => {
    const address = '203.0.113.5';
    await round(
      'verified',
      '',
      `fact audit-ports ${ALL}`,
      `fact audit-place 993 ${address}`,
      'unseen 993 1',
      'audited 4',
    );
    expect((await server()).audit).toMatchObject({ places: { '993': [address] } });
    expect(await world.store.work(mx1, 10)).toMatchObject([{ domain: 'a.test', drift: [993] }]);
  });

  test('that finds a dead port publishes the port and gives no work', async () => {
    await round('verified', '', `fact audit-ports ${ALL.replace(',443', '')}`, 'fact audit-dead 443', 'audited 4');
    expect((await server()).audit).toMatchObject({ endpoints: 30, dead: { '443': 2 } });
    expect(await world.store.work(mx1, 10)).toEqual([]);
    expect(facts('Endpoints Unverified')[0]!.detail).toEqual({
      ...{ server: mx1, seenFrom: 'inside', endpoints: 30, verified: 28 },
      ...{ domains: [], drifted: 0, silentPorts: [443] },
    });
  });

  test.each([
    ['was cut', ['', `fact audit-ports ${ALL}`, 'unseen 25 1']],
    ['was killed before its first handshake', ['']],
  ])('that %s is followed by another in an hour', async (_, lines) => {
    await round('verified', ...lines);
    expect(auditDueAt(await server(), world.quietHours)).toBe(world.time + 60 * minute);
  });

  test('that ended half way continues there the next day', async () => {
    await round('verified', '', `fact audit-ports ${ALL}`, 'audited 1');
    world.time = auditDueAt(await server(), world.quietHours)!;
    expect(looksIn(await round('verified', '', `fact audit-ports ${ALL}`, 'audited 3'))).toHaveLength(3);
    expect((await server()).audit).toMatchObject({ endpoints: 30, at: world.time });
    expect((await server()).audit!.oldest).toBeLessThan(world.time);
  });
});

describe('what has drifted', () => {
  test('is given again in few writes, also where all of a large server has drifted', async () => {
    const { store } = world;
    const rows = 1_000;
    const unseen = new Map(Array.from({ length: rows }, (_, i) => [`d${i}.test`, [993]]));
    let writes = 0;
    const counting = {
      ...store,
      readDomain: async (domain: string) => ({
        ...(await store.readDomain('a.test'))!,
        domain,
      }),
      giveAgain: (...given: Parameters<typeof store.giveAgain>) => (writes++, store.giveAgain(...given)),
    };
    const looks = [...unseen.keys()].map(domain => ({ domain, leaf: 'f'.repeat(64), mail: `mail.${domain}` }));
    const audit = {
      ...{ ports: [993], dead: [], places: {}, lost: [], reached: rows },
      unseen: new Map(looks.map((_, i) => [i + 1, 'all' as const])),
    };
    const answer = { outcome: 'verified' as const, entries: [], facts: {}, audit };
    const all = { rows: looks, audit: { isLast: true } };
    await recordAudit(await server(), all, { answer, lines: [] }, { store: counting, now: world.time });
    expect(await store.work(mx1, 2 * rows)).toHaveLength(rows);
    // A transaction of DynamoDB takes 100 items, and the server's is one of them.
    expect(writes).toBe(Math.ceil(rows / 99));
  });

  test('is redelivered at once, checked on every port, and published when it was seen', async () => {
    await round('verified', '', `fact audit-ports ${ALL}`, 'unseen 25,465,587 2', 'audited 4');
    expect(facts('Endpoints Unverified')[0]!.detail).toMatchObject({ verified: 27, domains: ['b.test'], drifted: 1 });
    expect(facts('Drift Repaired')).toEqual([]);
    await expect(release()).rejects.toMatchObject({ name: 'MoreWork' });
    const text = await round('installed', 's', `fact audit-ports ${ALL}`, 'audited 1');
    expect(text).toMatch(/^entry 1 install b\.test /m);
    expect(looksIn(text)).toHaveLength(1);
    expect(facts('Drift Repaired').map(({ detail }) => detail)).toEqual([
      { domain: 'b.test', server: mx1, ports: [465, 25, 587] },
    ]);
    expect(await world.store.work(mx1, 10)).toEqual([]);
  });

  test('is not repaired if a port still does not show it: its domain waits for the next audit', async () => {
    await round('verified', '', `fact audit-ports ${ALL}`, 'unseen 587 2', 'audited 4');
    await round('installed', 'u', `fact audit-ports ${ALL}`, 'unseen 587 1', 'audited 1');
    expect(facts('Drift Repaired')).toEqual([]);
    expect(facts('Domain Parked')[0]!.detail).toMatchObject({ domain: 'b.test', reason: 'ServedCertificateMismatch' });
    expect(await world.store.work(mx1, 10)).toMatchObject([
      { domain: 'b.test', notBefore: world.time + day, reason: expect.stringContaining('on port 587') },
    ]);
    world.time = auditDueAt(await server(), world.quietHours)!;
    await round('verified', '', `fact audit-ports ${ALL}`, 'unseen 587 2', 'audited 4');
    expect((await world.store.work(mx1, 10))[0]).not.toHaveProperty('notBefore');
  });

  test('is delivered with what waits for its quiet hour, and does not restore what is to be removed', async () => {
    const certificate = aCertificate(world, { id: 'd'.repeat(64), fingerprint: 'e'.repeat(64) });
    await world.certificates.putKeyOnce(
      { domain: 'a.test', id: certificate.id },
      '-----BEGIN PRIVATE KEY-----\nAA\n-----END PRIVATE KEY-----\n',
    );
    await world.certificates.putChain(
      { domain: 'a.test', id: certificate.id },
      '-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n',
    );
    await world.store.commitWork({ domain: 'a.test', certificate, servers: [mx1], now: world.time });
    await world.store.recordRefused(
      mx1,
      (await world.store.workFor({ server: mx1, domain: 'a.test' }))!,
      world.time + day,
      'later',
    );
    const { wanted } = (await world.store.readDomain('b.test'))!;
    await world.store.commitRemoval({ domain: 'b.test', wanted, servers: [mx1], now: world.time });
    await world.store.recordRefused(
      mx1,
      (await world.store.workFor({ server: mx1, domain: 'b.test' }))!,
      world.time + day,
      'later',
    );
    await round('verified', '', `fact audit-ports ${ALL}`, 'unseen all 1x2', 'audited 4');
    const [a, b] = await world.store.work(mx1, 10);
    expect(a).toMatchObject({ domain: 'a.test', certificate: { id: certificate.id }, drift: expect.any(Array) });
    expect(a).not.toHaveProperty('notBefore');
    expect(b).toMatchObject({ domain: 'b.test', certificate: 'REMOVE', notBefore: expect.any(Number) });
  });

  test('on a server on which nothing of sealpost is left waits for an inspection and an adoption', async () => {
    await round('verified', '', 'fact audit-ports ', 'unseen all 1x4', 'audited 4');
    expect(await server()).not.toHaveProperty('capability');
    expect(await round('inspected', '', `fact ports ${ALL}`, 'fact adopted yes')).toMatch(/mode inspect\nadopt yes/);
    await round('installed', 'sss', `fact audit-ports ${ALL}`, 'audited 4');
    expect(facts('Drift Repaired').map(({ detail }) => detail.domain)).toEqual([mx1, ...names]);
    expect((await server()).hostSecuredAt).toBeDefined();
  });

  test('waits for an inspection and an adoption if one daemon no longer reads the configuration', async () => {
    await round('verified', '', `fact audit-ports ${ALL}`, 'fact audit-lost dovecot', 'unseen 993 1x4', 'audited 4');
    expect(await server()).not.toHaveProperty('capability');
    expect(await round('inspected', '', `fact ports ${ALL}`, 'fact adopted yes')).toMatch(/mode inspect\nadopt yes/);
    await round('installed', 'sss', `fact audit-ports ${ALL}`, 'audited 4');
    expect(facts('Drift Repaired').map(({ detail }) => detail.domain)).toEqual([mx1, ...names]);
  });
});

describe("the server's own certificate", () => {
  test('that is not seen and cannot be repaired pages a person, and holds no customer back', async () => {
    await round('verified', '', `fact audit-ports ${ALL}`, 'unseen 25,465,587 4', 'audited 4');
    const failing = round('installed', 'b', '1 b InstallRolledBack not seen on port 465 (postfix)');
    await expect(failing).rejects.toMatchObject({ name: 'HostCertificateLost', about: mx1 });
    const { hostSecuredAt, held } = await server();
    expect({ isSecured: hostSecuredAt !== undefined, held }).toEqual({ isSecured: true, held: undefined });
    const error = { name: 'HostCertificateLost', message: 'its words' };
    await unlessEnded(releaseServer({ server: mx1, execution: me, rounds: 1, error }, world));
    expect(await server()).toMatchObject({ failures: 0 });
    await giveWork(world, 'c.test');
    me = (await world.store.wakeServer(mx1, world.time))!;
    expect(await round('installed', 's')).toMatch(/^entry 1 install c\.test /m);
  });

  test('pages a person also if the step was killed before it could page', async () => {
    await round('verified', '', `fact audit-ports ${ALL}`, 'unseen 25 4', 'audited 4');
    const { removeDelivery } = world.deliveries;
    world.deliveries.removeDelivery = () => Promise.reject(new Error('S3 is away'));
    await expect(round('installed', 'r', '1 r InstallRefused no')).rejects.toThrow('S3 is away');
    world.deliveries.removeDelivery = removeDelivery;
    const delivery = {
      hash: 'd'.repeat(64),
      seq: 3,
      mode: 'install' as const,
      installer: installers.Linux.sha256,
      entries: 1,
    };
    const again = { server: mx1, delivery, execution: me, commandId: 'command-9' };
    await expect(recordDelivery(again, world)).rejects.toMatchObject({ name: 'HostCertificateLost' });
  });
});
