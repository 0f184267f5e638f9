import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { assembleDelivery, type AssemblePorts } from '../../../core/deliver-to-server/assemble-delivery.ts';
import { SealpostError } from '../../../core/errors.ts';
import { LEASE_MS } from '../../../core/ports/lease.ts';
import { memoryRoles } from '../../twins/roles.ts';
import {
  domain,
  giveWork,
  installers,
  minute,
  mx1,
  newWorld,
  node,
  notByName,
  readyServer,
  registerOnly,
  type World,
  unlessEnded,
} from '../world.ts';

const prefix = `AROAEXAMPLEEXAMPLE:${node}`;
let world: World;
let ports: AssemblePorts;

beforeEach(() => {
  world = newWorld();
  ports = { ...world, roots: '' };
});
const assemble = (execution: string) => unlessEnded(assembleDelivery({ server: mx1, execution }, ports));
const textOf = (hash: string) => world.objects.get(`deliveries/${prefix}/${hash}`)!;

describe('a delivery is assembled', () => {
  test('for a server without SNI with its host name for mail, and with a domain for webmail only', async () => {
    const me = await readyServer(world, { capability: notByName });
    await giveWork(world, mx1, { host: true });
    await giveWork(world);
    const { delivery } = await assemble(me);
    const probes = textOf(delivery.hash).match(/^probe .*$/gm);
    expect(probes).toEqual([`probe ${mx1} -`, `probe - webmail.${domain}`]);
  });

  test('to inspect a server first, and to adopt it if its registration allows that', async () => {
    await registerOnly(world, mx1);
    await giveWork(world);
    const me = (await world.store.wakeServer(mx1, world.time))!;
    const { delivery } = await assemble(me);
    expect(delivery).toMatchObject({ mode: 'inspect', seq: 2, entries: 0, installer: installers.Linux.sha256 });
    expect(textOf(delivery.hash)).toMatch(/^mode inspect\nadopt yes\nentries 0$/m);
    expect(textOf(delivery.hash)).not.toContain('PRIVATE KEY');
    expect(world.objects.get(`installers/${installers.Linux.sha256}`)).toBe(installers.Linux.text);
  });

  test('with the installer of its platform', async () => {
    await world.store.registerServer(
      { server: mx1, node, roleId: 'AROAEXAMPLEEXAMPLE', adopt: true, platform: 'Windows' },
      { at: world.time, now: world.time },
    );
    const me = (await world.store.wakeServer(mx1, world.time))!;
    const { delivery } = await assemble(me);
    expect(delivery.installer).toBe(installers.Windows.sha256);
    expect(world.objects.get(`installers/${delivery.installer}`)).toBe(installers.Windows.text);
  });

  test("with all work that waits, sorted by domain, under the server's own prefix and nowhere else", async () => {
    const me = await readyServer(world);
    for (const name of ['b.example', 'a.example']) await giveWork(world, name);
    const { delivery } = await assemble(me);
    expect(delivery).toMatchObject({ mode: 'install', seq: 3, entries: 2 });
    const text = textOf(delivery.hash);
    expect(createHash('sha256').update(text).digest('hex')).toBe(delivery.hash);
    expect(text.match(/^entry .*$/gm)).toEqual([
      expect.stringMatching(/^entry 1 install a\.example /),
      expect.stringMatching(/^entry 2 install b\.example /),
    ]);
    expect(text).toContain(Buffer.from('key of a.example').toString('base64'));
    expect(text).toContain('probe mail.a.example webmail.a.example');
    const holding = [...world.objects].filter(([, value]) =>
      value.includes(Buffer.from('key of a.example').toString('base64')),
    );
    expect(holding.map(([key]) => key.split('/')[0]).sort()).toEqual(['certificates', 'deliveries']);
    expect(await world.store.readServer(mx1)).toMatchObject({
      delivery: { hash: delivery.hash, seq: 3, mode: 'install' },
    });
    expect(await world.deliveries.readManifest(delivery.hash)).toMatchObject([
      { domain: 'a.example' },
      { domain: 'b.example' },
    ]);
  });

  test('once: a retry, or an execution that takes over the claim, gets the same delivery', async () => {
    const me = await readyServer(world);
    await giveWork(world);
    const first = await assemble(me);
    await giveWork(world, 'late.example');
    expect(await assemble(me)).toEqual(first);
    world.time += LEASE_MS + 1;
    const next = (await world.store.wakeServer(mx1, world.time))!;
    expect(await assemble(next)).toEqual(first);
    await expect(assemble(me)).rejects.toMatchObject({ name: 'ClaimLost', about: mx1 });
  });

  test("without customers' certificates until the server's own host name is secured", async () => {
    const me = await readyServer(world, { secured: false });
    await giveWork(world);
    await expect(assemble(me)).rejects.toMatchObject({ name: 'NothingToDeliver', about: mx1 });
    await giveWork(world, mx1, { host: true });
    const { delivery } = await assemble(me);
    expect(textOf(delivery.hash).match(/^entry .*$/gm)).toEqual([
      expect.stringMatching(/^entry 1 install mx1\..* host$/),
    ]);
  });

  test('without what the server refused, until the time of its next try', async () => {
    const me = await readyServer(world);
    await giveWork(world);
    await giveWork(world, 'other.example');
    const work = (await world.store.work(mx1, 10)).find(work => work.domain === domain)!;
    await world.store.recordRefused(mx1, work, world.time + minute, 'ServerFull: no room');
    expect((await assemble(me)).delivery.entries).toBe(1);
    const { delivery } = (await world.store.readServer(mx1))!;
    await world.store.endDelivery({ server: mx1, me, now: world.time }, { hash: delivery!.hash, changes: {} });
    world.time += minute;
    expect((await assemble(me)).delivery.entries).toBe(2);
  });

  test('with the work that stands behind a thousand entries that must wait', async () => {
    const me = await readyServer(world);
    for (let i = 0; i < 1_000; i++) await giveWork(world, `c${i}.example`);
    for (const one of await world.store.work(mx1, 1_000))
      await world.store.recordRefused(mx1, one, world.time + 60 * minute, 'InstallRolledBack: x');
    await giveWork(world, 'zebra.example');
    expect((await assemble(me)).delivery.entries).toBe(1);
  });

  test("with the server's own host name first, if more waits than one delivery takes", async () => {
    const me = await readyServer(world);
    for (let i = 0; i < 1_100; i++) await giveWork(world, `c${i}.example`);
    await giveWork(world, mx1, { host: true });
    const { delivery } = await assemble(me);
    expect(delivery.entries).toBe(1_000);
    expect(textOf(delivery.hash)).toMatch(/^entry 1 install mx1\.\S+ \d+ \S+ \S+ host$/m);
  });

  test('without a certificate that cannot be read, whose work waits with its reason', async () => {
    const me = await readyServer(world);
    for (const name of ['a.example', 'b.example']) await giveWork(world, name);
    world.objects.delete(`certificates/a.example/${'c'.repeat(64)}/key`);
    const { delivery } = await assemble(me);
    expect(textOf(delivery.hash).match(/^entry .*$/gm)).toEqual([expect.stringContaining(' b.example ')]);
    expect(await world.store.workFor({ server: mx1, domain: 'a.example' })).toMatchObject({
      ...{ notBefore: world.time + 60 * minute, reason: expect.stringMatching(/^CertificateUnusable: /) },
    });
  });

  test('not at all if the bucket cannot be read, or S3 is busy', async () => {
    const me = await readyServer(world);
    for (const name of ['a.example', 'b.example']) await giveWork(world, name);
    const { readKey } = ports.certificates;
    const failing = (error: Error, which = 'a.example') => {
      const readOne = (at: { domain: string; id: string }) =>
        at.domain >= which ? Promise.reject(error) : readKey(at);
      return { ...ports, certificates: { ...ports.certificates, readKey: readOne } };
    };
    const input = { server: mx1, execution: me };
    const busy = new SealpostError('Throttled', { about: 'key', message: 'S3 is busy' });
    await expect(unlessEnded(assembleDelivery(input, failing(busy, 'b.example')))).rejects.toBe(busy);
    const denied = new Error('AccessDenied');
    await expect(unlessEnded(assembleDelivery(input, failing(denied)))).rejects.toBe(denied);
    for (const work of await world.store.work(mx1, 10)) expect(work).not.toHaveProperty('notBefore');
  });

  test("with no key, and not stored, once a stranger may assume the server's role", async () => {
    const [trusted, stranger] = [['ssm.amazonaws.com'], 'arn:aws:iam::999999999999:root'];
    const roles = memoryRoles({ 'mail-server': { roleId: 'AROAEXAMPLEEXAMPLE', trusted } });
    const registration = { server: mx1, node, role: 'mail-server', roleId: 'AROAEXAMPLEEXAMPLE', adopt: true as const };
    await world.store.registerServer(registration, { at: world.time, now: world.time });
    await giveWork(world);
    const me = (await world.store.wakeServer(mx1, world.time))!;
    const stored = () => [...world.objects.keys()].filter(key => key.startsWith('deliveries/'));
    trusted.push(stranger);
    await expect(assembleDelivery({ server: mx1, execution: me }, { ...ports, roles })).rejects.toMatchObject({
      name: 'RoleOpen',
      message: expect.stringContaining(`${stranger} may assume the role mail-server of ${mx1}`),
    });
    expect(stored()).toEqual([]);
    trusted.pop();
    await assembleDelivery({ server: mx1, execution: me }, { ...ports, roles });
    expect(stored()).toHaveLength(1);
  });

  describe('without a certificate that is gone from the bucket, which', () => {
    const lose = (part: string, id = 'c'.repeat(64)) => world.objects.delete(`certificates/${domain}/${id}/${part}`);
    const record = async () => (await world.store.readDomain(domain))!;
    /** The domain has a certificate on record, and the server has work for it. */
    const issued = async () => {
      const { store, time: now } = world;
      await store.acceptWish({ domain, mailServers: [mx1], policy: 'wildcard' }, { at: now }, now);
      await store.claimDomain({ domain, me: 'issuing', now });
      const certificate = await giveWork(world);
      await store.commitCertificate({ domain, me: 'issuing', seen: 1, certificate, servers: [mx1], now });
      await store.releaseDomain({ domain, me: 'issuing', seen: 1, now }, certificate.renewAt);
    };

    test.each(['key', 'chain'])('is ordered anew, and its work waits, although nothing else does: %s', async part => {
      const me = await readyServer(world);
      await issued();
      lose(part);
      await expect(assemble(me)).rejects.toMatchObject({ name: 'NothingToDeliver' });
      expect((await record()).current).toMatchObject({ askedAt: world.time });
      expect((await record()).dueAt).toBe(world.time);
      expect(await world.store.workFor({ server: mx1, domain })).toMatchObject({ notBefore: world.time + 60 * minute });
    });

    test('is not the current one any more, is given anew by the domain', async () => {
      const me = await readyServer(world);
      await issued();
      lose('key');
      Object.assign(world.memory.domains.get(domain)!.current!, { id: 'd'.repeat(64) });
      await expect(assemble(me)).rejects.toMatchObject({ name: 'NothingToDeliver' });
      expect((await record()).current).not.toHaveProperty('askedAt');
      expect((await record()).dueAt).toBe(world.time);
    });
  });

  test('with the current installer, even if the delivery was stored with an older one', async () => {
    const me = await readyServer(world);
    await giveWork(world);
    await assemble(me);
    const newer = { text: '#!/bin/sh\n# newer\n', sha256: 'e'.repeat(64) };
    await unlessEnded(
      assembleDelivery({ server: mx1, execution: me }, { ...ports, installers: { ...installers, Linux: newer } }),
    );
    expect(world.objects.get(`installers/${newer.sha256}`)).toBe(newer.text);
  });

  test('and put into S3 before it is recorded: after a crash in between, the next try completes it', async () => {
    const me = await readyServer(world);
    await giveWork(world);
    const refusing = { ...world.store, startDelivery: () => Promise.reject(new Error('killed')) };
    await expect(
      unlessEnded(assembleDelivery({ server: mx1, execution: me }, { ...ports, store: refusing })),
    ).rejects.toThrow('killed');
    world.time += 5_000;
    const { delivery } = await assemble(me);
    expect(delivery.seq).toBe(3);
    expect(textOf(delivery.hash)).toContain('seq 3');
  });
});
