import { beforeEach, describe, expect, test } from 'vitest';
import { assembleDelivery } from '../../../core/deliver-to-server/assemble-delivery.ts';
import { commandEnded } from '../../../core/deliver-to-server/command-ended.ts';
import { sendDelivery } from '../../../core/deliver-to-server/send-delivery.ts';
import { SealpostError, type ErrorName } from '../../../core/errors.ts';
import { sweep } from '../../../core/sweep/sweep.ts';
import { giveWork, minute, mx1, newWorld, node, readyServer, type World, unlessEnded } from '../world.ts';

let world: World;
const ended = { commandId: 'command-1', node };

beforeEach(async () => {
  world = newWorld();
  const execution = await readyServer(world);
  await giveWork(world);
  const assembled = await unlessEnded(assembleDelivery({ server: mx1, execution }, { ...world, roots: '' }));
  await sendDelivery({ ...assembled, execution, token: 'token' }, world);
});

describe("Systems Manager's event that a command has ended", () => {
  test('resumes the task that waits for the command', async () => {
    world.commands.answer('command-1', 'sealpost');
    expect(await commandEnded(ended, world)).toEqual({ resumed: true });
    expect(world.executions.succeeded).toEqual([{ token: 'token', output: { commandId: 'command-1' } }]);
  });

  test("resumes nothing if the command is not this stack's", async () => {
    expect(await commandEnded({ ...ended, commandId: 'of another stack' }, world)).toEqual({ resumed: false });
  });

  test.each<ErrorName>(['Throttled', 'ServerUnreachable'])(
    'pages no person for %s: the sweep resumes the task',
    async error => {
      const { outcome } = world.commands;
      world.commands.answer('command-1', 'sealpost');
      world.commands.outcome = () => Promise.reject(new SealpostError(error, { about: mx1, message: 'not now' }));
      expect(await commandEnded(ended, world)).toEqual({ resumed: false });
      expect(world.executions.succeeded).toEqual([]);
      world.commands.outcome = outcome;
      world.time += 3 * minute;
      expect(await sweep(world)).toMatchObject({ resumed: 1 });
      expect(world.executions.succeeded).toHaveLength(1);
    },
  );

  test('becomes a dead letter if its error is unforeseen', async () => {
    world.commands.deliveryOf = () => Promise.reject(new Error('a fault of ours'));
    await expect(commandEnded(ended, world)).rejects.toThrow('a fault of ours');
  });
});
