import { beforeEach, describe, expect, test } from 'vitest';
import { assembleDelivery } from '../../core/server/assemble.ts';
import { sendDelivery } from '../../core/server/send.ts';
import { LEASE_MS, WAKE_MS } from '../../core/store.ts';
import { sweep } from '../../core/sweep.ts';
import { domain, giveWork, minute, mx1, newWorld, readyServer, register, type World } from './world.ts';

let world: World;
beforeEach(() => void (world = newWorld()));

const claimed = async () => {
  await world.store.acceptWish({ domain, mailServers: [mx1], policy: 'wildcard' }, { at: world.time }, world.time);
  await world.store.claimDomain(domain, 'me', world.time);
};

describe('the sweep', () => {
  test('finds nothing where nothing is due', async () => {
    await claimed();
    expect(await sweep(world)).toEqual({ domains: 0, servers: 0, resumed: 0 });
    expect(world.executions.started).toEqual([]);
  });

  test('looks at a domain whose execution died, once in ten minutes', async () => {
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

  test('resumes a delivery whose command ended unheard, and leaves one that is under way', async () => {
    const execution = await readyServer(world);
    await giveWork(world);
    const installer = { text: '', sha256: 'a'.repeat(64) };
    const assembled = await assembleDelivery({ server: mx1, execution }, { ...world, installer, roots: '' });
    await sendDelivery({ ...assembled, execution, token: 'token' }, world);
    world.time += 2 * minute;
    expect(await sweep(world)).toEqual({ domains: 0, servers: 0, resumed: 0 });
    world.commands.answer('command-1', `sealpost ${assembled.delivery.hash} 3 installed\ns\n`);
    expect(await sweep(world)).toEqual({ domains: 0, servers: 0, resumed: 1 });
    expect(world.executions.succeeded).toEqual([{ token: 'token', output: { commandId: 'command-1' } }]);
  });
});
