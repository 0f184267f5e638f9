import { beforeEach, describe, expect, test } from 'vitest';
import { auditDueAt } from '../../../core/audit/audit.ts';
import type { Failure } from '../../../core/errors.ts';
import { releaseServer } from '../../../core/deliver-to-server/release-server.ts';
import {
  day,
  domain,
  giveWork,
  minute,
  mx1,
  newWorld,
  readyServer,
  registerOnly,
  type World,
  unlessEnded,
} from '../world.ts';

let world: World;
let me: string;

beforeEach(async () => {
  world = newWorld();
  me = await readyServer(world);
});
const release = (more: { rounds?: number; error?: Failure } = {}) =>
  unlessEnded(releaseServer({ server: mx1, execution: me, rounds: 1, ...more }, world));
const refuse = async (notBefore: number) => {
  const [work] = await world.store.work(mx1, 1);
  await world.store.recordRefused(mx1, work!, notBefore, 'ServerFull: no room');
};
const unreachable = { name: 'ServerUnreachable', message: 'its words' };
const moreWork = { name: 'MoreWork', about: mx1 };

describe('a server is released', () => {
  test('until its audit is due, if nothing waits', async () => {
    const record = (await world.store.readServer(mx1))!;
    const dueAt = auditDueAt(record, world.quietHours)!;
    expect(await release()).toEqual({ server: mx1, dueAt });
    expect(await world.store.readServer(mx1)).toMatchObject({ done: 1, wanted: 1, dueAt });
    expect(await world.store.readServer(mx1)).not.toHaveProperty('owner');
  });

  test('not while its audit is due: the next round begins', async () => {
    await world.store.askAudit(mx1, world.time);
    await expect(release()).rejects.toMatchObject(moreWork);
  });

  test('until the earliest moment at which a refused entry may be tried again', async () => {
    await giveWork(world);
    await refuse(world.time + minute);
    expect(await release()).toEqual({ server: mx1, dueAt: world.time + minute });
    expect(await world.store.wakeServer(mx1, world.time + minute)).toBeDefined();
  });

  test('not while there is deliverable work: the next round begins', async () => {
    await giveWork(world);
    await expect(release()).rejects.toMatchObject(moreWork);
    expect(await world.store.readServer(mx1)).toMatchObject({ owner: me });
  });

  test('not before it was inspected', async () => {
    world = newWorld();
    await registerOnly(world, mx1);
    me = (await world.store.wakeServer(mx1, world.time))!;
    await expect(release()).rejects.toMatchObject(moreWork);
  });

  test("until its next inspection if customers' certificates wait for its own certificate", async () => {
    world = newWorld();
    me = await readyServer(world, { secured: false });
    await giveWork(world);
    const { dueAt } = await unlessEnded(release());
    expect(dueAt! - world.time).toBeGreaterThan(0);
    expect(dueAt! - world.time).toBeLessThan(1.5 * day);
    expect(await world.store.work(mx1, 10)).toMatchObject([{ domain }]);
    await giveWork(world, mx1, { host: true });
    expect(await world.store.wakeServer(mx1, world.time)).toBeDefined();
  });

  test('not if work comes between the read and the release: the next round begins', async () => {
    const { store } = world;
    const late = {
      ...store,
      releaseServer: async (...given: Parameters<typeof store.releaseServer>) => {
        await giveWork(world);
        return store.releaseServer(...given);
      },
    };
    const input = { server: mx1, execution: me, rounds: 1 };
    await expect(unlessEnded(releaseServer(input, { ...world, store: late }))).rejects.toMatchObject(moreWork);
    expect(await store.readServer(mx1)).toMatchObject({ owner: me });
  });

  test('after 50 rounds, and is due at once: another execution continues', async () => {
    await giveWork(world);
    expect(await release({ rounds: 50 })).toEqual({ server: mx1, dueAt: world.time });
    expect(await world.store.wakeServer(mx1, world.time)).toBeDefined();
  });

  const begin = async () => {
    const { seq } = (await world.store.readServer(mx1))!;
    await world.store.startDelivery(
      { server: mx1, me, now: world.time },
      { hash: 'd'.repeat(64), seq: seq + 1, mode: 'install' },
    );
  };

  test('not after its first failed command: the next round begins, and the delivery is deleted', async () => {
    await giveWork(world);
    await begin();
    await expect(release({ error: unreachable })).rejects.toMatchObject(moreWork);
    const record = await world.store.readServer(mx1);
    expect(record).toMatchObject({ owner: me, failures: 1 });
    expect(record).not.toHaveProperty('delivery');
    expect(world.bus.events).toEqual([]);
  });

  test('after each further failed command, with a next try that comes later each time', async () => {
    await giveWork(world);
    await begin();
    await release({ error: unreachable }).catch(() => {});
    const waits: number[] = [];
    for (let i = 0; i < 4; i++) {
      await begin();
      const { dueAt } = await release({ error: unreachable });
      expect(await world.store.readServer(mx1)).not.toHaveProperty('delivery');
      waits.push((dueAt! - world.time) / minute);
      world.time = dueAt!;
      me = (await world.store.wakeServer(mx1, world.time))!;
    }
    expect(waits).toEqual([1, 10, 60, 60]);
  });

  test('after an error until its next try, even if work comes between the read and the release', async () => {
    const { store } = world;
    let isFirst = true;
    const late = {
      ...store,
      releaseServer: async (...given: Parameters<typeof store.releaseServer>) => {
        if (isFirst) await giveWork(world);
        isFirst = false;
        return store.releaseServer(...given);
      },
    };
    const input = { server: mx1, execution: me, rounds: 1, error: unreachable };
    expect(await unlessEnded(releaseServer(input, { ...world, store: late }))).toEqual({
      server: mx1,
      dueAt: world.time + minute,
    });
    const record = await store.readServer(mx1);
    expect(record).toMatchObject({ wanted: 2, done: 2, dueAt: world.time + minute });
    expect(record).not.toHaveProperty('owner');
  });

  describe('is reported to a person once in a row of failures,', () => {
    const throttled = { name: 'Throttled', message: 'S3 is busy' };
    const failing = async (errors: Failure[]) => {
      for (const error of errors) {
        const { dueAt } = await release({ error });
        world.time = dueAt!;
        me = (await world.store.wakeServer(mx1, world.time))!;
      }
      return world.bus.events.flatMap(({ detail }) => (detail.page ? [detail.failures] : []));
    };
    const times = (n: number, error: Failure) => Array.from({ length: n }, () => error);

    test.each([
      ['at the sixth', times(9, unreachable), [6]],
      ['at the next one, where AWS was busy at the sixth and nothing else', times(9, throttled), [6]],
      ['at the sixth, also where AWS is busy', [...times(5, unreachable), throttled, unreachable], [6]],
      ['never, where there are five', times(5, unreachable), []],
    ])('%s', async (_, errors, paged) => {
      expect(await failing(errors)).toEqual(paged);
    });

    test('and again after the server has answered, or was registered again', async () => {
      await failing(times(7, unreachable));
      await world.store.releaseServer({ server: mx1, me, now: world.time }, { wanted: 1, dueAt: world.time });
      await world.store.registerServer(
        { server: mx1, node: 'mi-0', roleId: 'AROAEXAMPLEEXAMPLE', adopt: true },
        { at: world.time, now: world.time },
      );
      me = (await world.store.wakeServer(mx1, world.time + minute))!;
      expect(await failing(times(7, unreachable))).toEqual([6, 6]);
    });
  });

  test('after failures before a delivery exists with ever later tries, too', async () => {
    const waits: number[] = [];
    for (let i = 0; i < 4; i++) {
      const { dueAt } = await release({ error: { name: 'NoSuchKey', message: 'its words' } });
      waits.push((dueAt! - world.time) / minute);
      world.time = dueAt!;
      me = (await world.store.wakeServer(mx1, world.time))!;
    }
    expect(waits).toEqual([1, 1, 10, 60]);
    expect(world.bus.events).toEqual([]);
  });

  test('and published as unreachable from the second failure in a row', async () => {
    const said: number[] = [];
    for (const name of ['ServerUnreachable', 'ServerUnreachable', 'States.Timeout']) {
      const { dueAt } = await release({ error: { name, message: 'its words' } });
      said.push(world.bus.events.length);
      world.time = dueAt!;
      me = (await world.store.wakeServer(mx1, world.time))!;
    }
    expect(said).toEqual([0, 1, 2]);
    expect(world.bus.events).toMatchObject([
      { detailType: 'Server Unreachable', detail: { server: mx1, failures: 2, error: 'ServerUnreachable' } },
      { detail: { failures: 3, error: 'States.Timeout', nextTry: new Date(world.time).toISOString() } },
    ]);
  });

  test('without a next try if it is held: a person ends that', async () => {
    await world.store.startDelivery(
      { server: mx1, me, now: world.time },
      { hash: 'd'.repeat(64), seq: 3, mode: 'install' },
    );
    await world.store.endDelivery(
      { server: mx1, me, now: world.time },
      { hash: 'd'.repeat(64), changes: { held: 'it is broken' } },
    );
    expect(await release({ error: { name: 'InstallBroken', message: 'its words' } })).toEqual({ server: mx1 });
    expect(await world.store.readServer(mx1)).not.toHaveProperty('dueAt');
  });

  test('until the earliest moment of all its work, however much work there is', async () => {
    const customers = Array.from({ length: 1_100 }, (_, i) => `c${String(i).padStart(4, '0')}.example`);
    for (const name of customers) await giveWork(world, name);
    for (const one of await world.store.work(mx1, 2_000))
      await world.store.recordRefused(
        mx1,
        one,
        world.time + (one.domain === customers.at(-1) ? 1 : 60) * minute,
        'ServerFull: no room',
      );
    expect(await release()).toEqual({ server: mx1, dueAt: world.time + minute });
  });

  test('by the owner of the claim only', async () => {
    await expect(
      unlessEnded(releaseServer({ server: mx1, execution: 'another', rounds: 1 }, world)),
    ).rejects.toMatchObject({
      name: 'ClaimLost',
    });
  });
});
