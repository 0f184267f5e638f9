/** How long work waits that a server refused. */
import { beforeEach, describe, expect, test } from 'vitest';
import { registerServer } from '../../../core/register-server/register-server.ts';
import { refuse } from '../../../core/work/refuse.ts';
import { memoryRoles } from '../../twins/roles.ts';
import { day, domain, giveWork, minute, mx1, newWorld, node, readyServer, type World } from '../world.ts';

const hour = 60 * minute;
let world: World;
beforeEach(async () => {
  world = newWorld();
  await readyServer(world);
});

const work = async () => (await world.store.workFor({ server: mx1, domain }))!;
const refused = async (name = 'InstallRefused') =>
  refuse(mx1, await work(), { name, text: 'not adopted' }, { store: world.store, now: world.time });

describe('work that a server refuses', () => {
  test('is offered again after ever longer waits, a day at the most', async () => {
    await giveWork(world);
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      const next = await refused();
      waits.push((next - world.time) / hour);
      world.time = next;
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 24, 24, 24]);
  });

  test('is offered several times in the life of a short-lived certificate', async () => {
    const notAfter = world.time + 160 * hour;
    await giveWork(world, domain, { notBefore: world.time, notAfter });
    let offers = 0;
    for (; world.time < notAfter - 80 * hour; offers++) world.time = await refused();
    expect(offers).toBeGreaterThanOrEqual(10);
  });

  test('waits no longer because the step is retried', async () => {
    await giveWork(world);
    const next = await refused();
    expect(await refused()).toBe(next);
    expect(await work()).toMatchObject({ refusals: 1 });
  });

  test('waits for the next audit if its repair failed', async () => {
    await giveWork(world);
    expect(await refused('ServedCertificateMismatch')).toBe(world.time + day);
  });

  test('is offered at once when it is given anew, and with each registration', async () => {
    await giveWork(world);
    await refused();
    world.time += minute;
    const roles = memoryRoles({ 'mail-server': { roleId: 'AROA', trusted: ['ssm.amazonaws.com'] } });
    const ports = { ...world, roles, tag: 'sealpost:mail-server=test', defaultRole: 'mail-server' };
    for (let i = 0; i < 2; i++) {
      const time = new Date(world.time).toISOString();
      const detail = { server: mx1, node, adopt: true };
      await registerServer({ 'detail-type': 'Mail Server Changed', time, detail }, ports);
      expect(await work()).not.toHaveProperty('notBefore');
      await refused();
      world.time += minute;
    }
  });
});
