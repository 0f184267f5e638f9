import { beforeEach, describe, expect, test } from 'vitest';
import { assembleDelivery } from '../../../core/deliver-to-server/assemble-delivery.ts';
import { SealpostError } from '../../../core/errors.ts';
import { releaseServer } from '../../../core/deliver-to-server/release-server.ts';
import { sendDelivery } from '../../../core/deliver-to-server/send-delivery.ts';
import { LEASE_MS, WAKE_MS } from '../../../core/ports/lease.ts';
import { sweep } from '../../../core/sweep/sweep.ts';
import {
  aCertificate,
  domain,
  giveWork,
  minute,
  mx1,
  mx2,
  newWorld,
  readyServer,
  register,
  type World,
  unlessEnded,
} from '../world.ts';

let world: World;
beforeEach(() => void (world = newWorld()));

const claimed = async () => {
  await world.store.acceptWish({ domain, mailServers: [mx1], policy: 'wildcard' }, { at: world.time }, world.time);
  await world.store.claimDomain({ domain, me: 'me', now: world.time });
};

describe('the sweep', () => {
  test('starts nothing if nothing is due', async () => {
    await claimed();
    expect(await sweep(world)).toEqual({ domains: 0, servers: 0, resumed: 0, failed: 0 });
    expect(world.executions.started).toEqual([]);
  });

  test('re-evaluates a domain whose execution was killed, once in ten minutes', async () => {
    await claimed();
    world.time += LEASE_MS;
    for (let i = 0; i < 3; i++) await sweep(world);
    expect(world.executions.started).toMatchObject([{ machine: 'secure-domain', input: { detail: { domain } } }]);
    world.time += 10 * minute;
    await sweep(world);
    expect(world.executions.started).toHaveLength(2);
  });

  test('wakes a server that was given work and not woken', async () => {
    await register(world, mx1);
    world.time += WAKE_MS;
    expect(await sweep(world)).toMatchObject({ servers: 1 });
    expect(world.executions.started).toMatchObject([{ machine: 'deliver-to-server', input: { server: mx1 } }]);
  });

  test('wakes a server whose execution never began, under another name', async () => {
    await register(world, mx1);
    const name = await world.store.wakeServer(mx1, world.time);
    world.time += WAKE_MS + 1;
    expect(await sweep(world)).toMatchObject({ servers: 1 });
    expect(world.executions.started[0]!.name).not.toBe(name);
  });

  test('tries everything, whatever fails before it, and throws an unforeseen error at the end', async () => {
    const execution = await readyServer(world);
    await giveWork(world);
    const assembled = await unlessEnded(assembleDelivery({ server: mx1, execution }, { ...world, roots: '' }));
    await sendDelivery({ ...assembled, execution, token: 'token' }, world);
    await register(world, mx2);
    await world.store.acceptWish({ domain, mailServers: [mx1], policy: 'wildcard' }, { at: world.time }, world.time);
    world.time += 3 * minute;
    world.commands.outcome = () =>
      Promise.reject(new SealpostError('ServerUnreachable', { about: mx1, message: 'InvalidInstanceId' }));
    expect(await sweep(world)).toEqual({ domains: 1, servers: 1, resumed: 0, failed: 1 });
    expect(world.executions.started.map(({ input }) => (input as { server?: string }).server)).toContain(mx2);
    world.time += 3 * minute;
    world.commands.outcome = () => Promise.reject(new Error('a fault of ours'));
    await expect(sweep(world)).rejects.toThrow(/1 of \d+ that were due failed: Error: a fault of ours/);
    expect(await world.store.readServer(mx2)).toMatchObject({ seq: 2 });
  });

  test('of more than a minute takes starts the riskiest, and one in ten of those that waited longest', async () => {
    const { store, time } = world;
    await register(world, mx1);
    const put = async (name: string, dueAt: number, more?: Parameters<typeof aCertificate>[1]) => {
      await store.acceptWish({ domain: name, mailServers: [mx1], policy: 'wildcard' }, { at: time }, time);
      await store.claimDomain({ domain: name, me: 'me', now: time });
      const certificate = more && aCertificate(world, more);
      if (certificate)
        await store.commitCertificate({ domain: name, me: 'me', seen: 1, certificate, servers: [mx1], now: time });
      await store.releaseDomain({ domain: name, me: 'me', seen: 1, now: time }, dueAt);
    };
    const hour = 60 * minute;
    for (let i = 0; i < 920; i++)
      await put(`renewal${i}.example`, time - hour + i, { notAfter: time + 1_000 * hour + i });
    for (let i = 0; i < 200; i++) await put(`new${i}.example`, time - 2 * hour + i);
    await put('soon.example', time - 1, { notAfter: time + hour });
    await put('expired.example', time - 2, { notAfter: time - hour });
    await put('revoked.example', time - 3, { notAfter: time + 900 * hour, window: { start: time - 9, end: time - 8 } });
    expect(await sweep(world)).toMatchObject({ domains: 1_000 });
    const started = world.executions.started.flatMap(({ machine, input }) =>
      machine === 'secure-domain' ? [(input as { detail: { domain: string } }).detail.domain] : [],
    );
    expect(started.slice(0, 4)).toEqual(['revoked.example', 'expired.example', 'soon.example', 'renewal0.example']);
    // The hundred domains that are due longest, and no other new domain.
    expect(started.filter(name => name.startsWith('new'))).toEqual(
      Array.from({ length: 100 }, (_, i) => `new${i}.example`),
    );
  });

  describe('with a thousand due domains', () => {
    beforeEach(async () => {
      for (let i = 0; i < 1_000; i++) {
        const name = `d${i}.example`;
        await world.store.acceptWish({ domain: name, mailServers: [mx1], policy: 'wildcard' }, { at: 1 }, world.time);
      }
      world.time += 2 * minute;
    });
    /** Each call takes this long. Calls at the same time share the time. */
    function slow(ms: number): { most: number } {
      const { start } = world.executions;
      const calls = { underWay: 0, most: 0 };
      world.executions.start = async (...args) => {
        calls.most = Math.max(calls.most, (calls.underWay += 1));
        await new Promise(resolve => setImmediate(resolve));
        world.time += ms / calls.underWay;
        calls.underWay -= 1;
        return start(...args);
      };
      return calls;
    }

    test('starts all within its minute, a few at once', async () => {
      const calls = slow(100);
      const begun = world.time;
      expect(await sweep(world)).toMatchObject({ domains: 1_000, failed: 0 });
      expect(calls.most).toBe(4);
      expect(world.time - begun).toBeLessThan(45_000);
    });

    test('leaves the rest to the next minute if its own has passed', async () => {
      slow(1_000);
      const begun = world.time;
      const { domains } = await sweep(world);
      expect(world.time - begun).toBeLessThan(50_000);
      expect(domains).toBeGreaterThan(100);
      expect(domains).toBeLessThan(300);
      const started = [...world.executions.started];
      for (const { name, input } of started)
        await world.store.claimDomain({
          domain: (input as { detail: { domain: string } }).detail.domain,
          me: name,
          now: world.time,
        });
      world.time = begun + minute;
      await sweep(world);
      const both = world.executions.started.map(({ input }) => (input as { detail: { domain: string } }).detail.domain);
      expect(both.length).toBeGreaterThan(started.length + 100);
      expect(new Set(both).size).toBe(both.length);
    });

    test('pages no person if Step Functions is busy: the domains are due in the next minute', async () => {
      const { start } = world.executions;
      world.executions.start = () =>
        Promise.reject(new SealpostError('Throttled', { about: domain, message: 'Step Functions is busy' }));
      // The failure counts for the alarm of a sweep that has been silent for ten minutes.
      await expect(sweep(world)).rejects.toMatchObject({ name: 'Throttled' });
      world.executions.start = (machine, name, input) =>
        name.endsWith('0')
          ? Promise.reject(new SealpostError('Throttled', { about: domain, message: 'Step Functions is busy' }))
          : start(machine, name, input);
      const { domains, failed } = await sweep(world);
      expect([domains + failed, failed > 0]).toEqual([1_000, true]);
      world.executions.start = start;
      world.time += minute;
      expect(await sweep(world)).toMatchObject({ domains: 1_000 });
    });
  });

  test('is not used up by servers that are held', async () => {
    for (let i = 0; i < 500; i++) {
      const server = `mx${i}.held.example`;
      const execution = await readyServer(world, { server });
      await world.store.startDelivery(
        { server, me: execution, now: world.time },
        { hash: 'd'.repeat(64), seq: 3, mode: 'install' },
      );
      await world.store.endDelivery(
        { server, me: execution, now: world.time },
        { hash: 'd'.repeat(64), changes: { held: 'it is broken' } },
      );
      await unlessEnded(
        releaseServer({ server, execution, rounds: 1, error: { name: 'InstallBroken', message: 'its words' } }, world),
      );
      await world.store.commitWork({ domain, certificate: aCertificate(world), servers: [server], now: world.time });
    }
    world.time += minute;
    await register(world, mx1);
    await world.store.acceptWish({ domain, mailServers: [mx1], policy: 'wildcard' }, { at: world.time }, world.time);
    const wake = { domains: 0, servers: 0 };
    for (let i = 0; i < 3; i++) {
      world.time += minute;
      const { domains, servers } = await sweep(world);
      Object.assign(wake, { domains: wake.domains + domains, servers: wake.servers + servers });
    }
    expect(wake).toMatchObject({ domains: 3, servers: 1 });
    const due = await world.store.due({ now: world.time, limit: 1_000 });
    expect(due.map(({ name }) => name).filter(name => name.includes('held'))).toEqual([]);
  });

  test('resumes a delivery whose event was lost, although work for the server keeps coming', async () => {
    const execution = await readyServer(world);
    await giveWork(world);
    const assembled = await unlessEnded(assembleDelivery({ server: mx1, execution }, { ...world, roots: '' }));
    await sendDelivery({ ...assembled, execution, token: 'token' }, world);
    world.commands.answer('command-1', `sealpost ${assembled.delivery.hash} 3 installed\ns\n`);
    for (let i = 0; i < 6; i++) {
      world.time += minute / 2;
      await giveWork(world, `d${i}.example`);
      await sweep(world);
    }
    expect(world.executions.succeeded).toMatchObject([{ token: 'token' }]);
  });

  test('resumes a delivery whose event was lost within 90 seconds, whenever the sweep runs', async () => {
    const execution = await readyServer(world);
    await giveWork(world);
    const assembled = await unlessEnded(assembleDelivery({ server: mx1, execution }, { ...world, roots: '' }));
    await sendDelivery({ ...assembled, execution, token: 'token' }, world);
    world.commands.answer('command-1', `sealpost ${assembled.delivery.hash} 3 installed\ns\n`);
    // One sweep came at 29 s; the next one comes a minute later.
    world.time += 29_000;
    await sweep(world);
    expect(world.executions.succeeded).toEqual([]);
    world.time += minute;
    await sweep(world);
    expect(world.executions.succeeded).toMatchObject([{ token: 'token' }]);
  });

  test('deletes the token of a delivery that is over', async () => {
    await readyServer(world);
    await world.store.putToken({ hash: 'd'.repeat(64), server: mx1, token: 'token' }, world.time);
    world.time += 2 * minute;
    await sweep(world);
    expect(await world.store.token('d'.repeat(64))).toBeUndefined();
  });

  test('resumes a delivery whose command ended without an event, and leaves one that is under way', async () => {
    const execution = await readyServer(world);
    await giveWork(world);
    const assembled = await unlessEnded(assembleDelivery({ server: mx1, execution }, { ...world, roots: '' }));
    await sendDelivery({ ...assembled, execution, token: 'token' }, world);
    world.time += 2 * minute;
    expect(await sweep(world)).toEqual({ domains: 0, servers: 0, resumed: 0, failed: 0 });
    world.commands.answer('command-1', `sealpost ${assembled.delivery.hash} 3 installed\ns\n`);
    expect(await sweep(world)).toEqual({ domains: 0, servers: 0, resumed: 1, failed: 0 });
    expect(world.executions.succeeded).toEqual([{ token: 'token', output: { commandId: 'command-1' } }]);
  });
});
