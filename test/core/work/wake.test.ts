import { beforeEach, expect, test } from 'vitest';
import { wakeServers } from '../../../core/work/wake.ts';
import { minute, mx1, newWorld, register, type World } from '../world.ts';

let world: World;
beforeEach(async () => {
  world = newWorld();
  await register(world, mx1);
});

test('a server is woken by one execution, however many steps wake it', async () => {
  await Promise.all([1, 2, 3].map(() => wakeServers([mx1], world)));
  expect(world.executions.started).toEqual([
    { machine: 'deliver-to-server', name: (await world.store.readServer(mx1))!.owner, input: { server: mx1 } },
  ]);
});

test('an execution that was killed between the claim and the start is started by the next try', async () => {
  const killed = { ...world.executions, start: () => Promise.reject(new Error('killed')) };
  await expect(wakeServers([mx1], { ...world, executions: killed })).rejects.toThrow('killed');
  const { owner } = (await world.store.readServer(mx1))!;
  world.time += 2_000;
  await wakeServers([mx1], world);
  expect(world.executions.started).toMatchObject([{ name: owner }]);
});

test('a running execution is not started again, from its first step to the last minute of its lease', async () => {
  const me = (await world.store.wakeServer(mx1, world.time))!;
  const { leaseUntil } = await world.store.renewServer({ server: mx1, me, now: world.time });
  await wakeServers([mx1], world);
  await world.store.startDelivery(
    { server: mx1, me, now: world.time },
    { hash: 'd'.repeat(64), seq: 2, mode: 'inspect' },
  );
  world.time = leaseUntil! - minute / 2;
  expect(await wakeServers([mx1], world)).toEqual([]);
  expect(world.executions.started).toEqual([]);
});
