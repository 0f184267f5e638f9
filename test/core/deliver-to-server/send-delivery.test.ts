import { beforeEach, describe, expect, test } from 'vitest';
import { assembleDelivery, type Assembled } from '../../../core/deliver-to-server/assemble-delivery.ts';
import { resume, sendDelivery } from '../../../core/deliver-to-server/send-delivery.ts';
import { giveWork, minute, mx1, newWorld, node, readyServer, type World, unlessEnded } from '../world.ts';

let world: World;
let me: string;
let assembled: Assembled;

beforeEach(async () => {
  world = newWorld();
  me = await readyServer(world);
  await giveWork(world);
  assembled = await unlessEnded(assembleDelivery({ server: mx1, execution: me }, { ...world, roots: '' }));
});
const send = (token: string, ports: Partial<World> = {}) =>
  sendDelivery({ ...assembled, execution: me, token }, { ...world, ...ports });
const answer = () => `sealpost ${assembled.delivery.hash} 3 installed\ns\n`;

describe('a delivery is sent', () => {
  test('by one command, which is recorded, and its task waits', async () => {
    expect(await send('token')).toEqual({ sent: true });
    expect(world.commands.sent).toEqual([
      {
        ...{ id: 'command-1', node, delivery: assembled.delivery.hash, installer: 'a'.repeat(64) },
        prefix: `AROAEXAMPLEEXAMPLE:${node}`,
      },
    ]);
    expect(await world.store.readServer(mx1)).toMatchObject({
      delivery: { commandId: 'command-1', sentAt: world.time },
    });
    expect(await world.store.due({ now: world.time + minute / 2, limit: 10 })).toContainEqual({
      ...{ kind: 'delivery', name: assembled.delivery.hash, dueAt: world.time + minute / 2 },
    });
    expect(world.executions.succeeded).toEqual([]);
  });

  test.each(['Linux', 'Windows'] as const)(
    'with the installer of this build for %s, and with no other',
    async platform => {
      const other = { Linux: 'b', Windows: 'a' }[platform].repeat(64);
      Object.assign(world.memory.servers.get(mx1)!, platform === 'Windows' && { platform });
      assembled = { ...assembled, delivery: { ...assembled.delivery, installer: other } };
      await expect(send('token')).rejects.toMatchObject({ name: 'InvalidStepOutput', about: mx1 });
      expect(world.commands.sent).toEqual([]);
      const ours = world.installers[platform].sha256;
      assembled = { ...assembled, delivery: { ...assembled.delivery, installer: ours } };
      expect(await send('token')).toEqual({ sent: true });
      expect(world.commands.sent).toMatchObject([{ installer: ours }]);
    },
  );

  test('once: a retry waits for the same command, with its own token', async () => {
    await send('first');
    expect(await send('second')).toEqual({ sent: false });
    expect(world.commands.sent).toHaveLength(1);
    world.commands.answer('command-1', answer());
    expect(await resume({ hash: assembled.delivery.hash, commandId: 'command-1', node }, world)).toBe(true);
    expect(world.executions.succeeded).toEqual([{ token: 'second', output: { commandId: 'command-1' } }]);
  });

  test('once, even if the first try was killed before it recorded the command', async () => {
    const killed = { ...world.store, recordCommand: () => Promise.reject(new Error('killed')) };
    await expect(send('first', { store: killed })).rejects.toThrow('killed');
    expect(await send('second')).toEqual({ sent: false });
    expect(world.commands.sent).toHaveLength(1);
    expect(await world.store.readServer(mx1)).toMatchObject({ delivery: { commandId: 'command-1' } });
  });

  test('twice if the first try was killed before the agent took its command: both carry the same delivery', async () => {
    world.commands.asleep.add(node);
    const killed = { ...world.store, recordCommand: () => Promise.reject(new Error('killed')) };
    await expect(send('first', { store: killed })).rejects.toThrow('killed');
    expect(await send('second')).toEqual({ sent: true });
    const [first, second] = world.commands.sent;
    expect(second).toEqual({ ...first, id: 'command-2' });
    expect(await world.store.readServer(mx1)).toMatchObject({ delivery: { commandId: 'command-2' } });
  });

  test('and continues at once if its command has ended already', async () => {
    await send('first');
    world.commands.answer('command-1', answer());
    await send('second');
    expect(world.executions.succeeded).toEqual([{ token: 'second', output: { commandId: 'command-1' } }]);
  });

  test('only by the owner of the claim, and only the delivery that is under way', async () => {
    await expect(sendDelivery({ ...assembled, execution: 'another', token: 'token' }, world)).rejects.toMatchObject({
      name: 'ClaimLost',
    });
    await world.store.endDelivery({ server: mx1, me, now: world.time }, { hash: assembled.delivery.hash, changes: {} });
    await expect(send('token')).rejects.toMatchObject({ name: 'ClaimLost', about: mx1 });
    expect(world.commands.sent).toEqual([]);
  });

  test('not to a node that is out of reach; the delivery stays for the next try', async () => {
    const { send: refused } = world.commands;
    const away = {
      ...world.commands,
      send: (command: Parameters<typeof refused>[0]) => refused({ ...command, node: 'mi-gone' }),
    };
    await expect(send('token', { commands: away })).rejects.toMatchObject({ name: 'ServerUnreachable', about: mx1 });
    expect(await world.store.readServer(mx1)).toMatchObject({ delivery: { hash: assembled.delivery.hash } });
  });
});

describe('a task that waits for a command', () => {
  test('goes on waiting while the command runs', async () => {
    await send('token');
    expect(await resume({ hash: assembled.delivery.hash, commandId: 'command-1', node }, world)).toBe(false);
    expect(world.executions.succeeded).toEqual([]);
  });

  test('is resumed also if the command was lost: the next step judges the outcome', async () => {
    await send('token');
    world.commands.lose('command-1', 'Delivery Timed Out');
    expect(await resume({ hash: assembled.delivery.hash, commandId: 'command-1', node }, world)).toBe(true);
    expect(world.executions.succeeded).toHaveLength(1);
  });

  test('may be gone: an event for another delivery does no harm', async () => {
    await send('token');
    world.commands.answer('command-1', answer());
    expect(await resume({ hash: 'e'.repeat(64), commandId: 'command-1', node }, world)).toBe(true);
    expect(world.executions.succeeded).toEqual([]);
  });
});
