import { describe, expect, test } from 'vitest';
import * as steps from '../../statemachines/register-server.ts';
import { everyPair, run, type Machine, type Row } from './machine.ts';

const machine: Machine = {
  name: 'register-server',
  steps: { ...steps } as unknown as Machine['steps'],
  input: {
    'detail-type': 'Mail Server Registered',
    source: 'panel',
    time: '2026-11-24T10:00:00Z',
    detail: { server: 'mx1.provider.example', node: 'i-0123456789abcdef0' },
  },
  answers: {
    RegisterServer: () => ({ server: 'mx1.provider.example', node: 'i-0123456789abcdef0', woken: [] }),
  },
};

const rows: Row[] = [
  {
    state: 'RegisterServer',
    errors: ['InvalidStepInput'],
    road: ['RejectRequest', 'InvalidRequest'],
    status: 'FAILED',
    told: 'the sender',
  },
  { state: 'RegisterServer', road: [], status: 'FAILED', told: 'a person' },
];

test('a server is registered in one state', async () => {
  expect(await run(machine)).toMatchObject({ road: ['RegisterServer'], status: 'SUCCEEDED', told: 'nobody' });
});

describe('every error', () => {
  const pairs = everyPair(rows).flatMap(row => row.errors.map(error => ({ ...row, thrown: error })));
  test.each(pairs)('$thrown enters $road and notifies $told', async ({ state, thrown, status, told, ...row }) => {
    const ending = await run(machine, { [state]: { error: thrown } });
    expect(ending).toMatchObject({ road: [state, ...row.road], status, told, error: thrown });
  });
});

/**
 * Nothing is recorded before this step. A burst that ends within half an hour loses no
 * registration.
 */
const longest = [1, 2, 4, 8, 16, 32, ...Array.from({ length: 54 }, () => 60)];

test.each([
  ['Throttled', longest],
  ['Lambda.TooManyRequestsException', longest],
  ['AccessDeniedException', [2, 4, 8, 16]],
  ['InvalidStepInput', undefined],
])('a retry of RegisterServer after %s waits %j s', async (error, waits) => {
  expect((await run(machine, { RegisterServer: { error } })).waits['RegisterServer']).toEqual(waits);
});

test('the sender is notified what was wrong, with the request', async () => {
  const { given } = await run(machine, { RegisterServer: { error: 'InvalidStepInput' } });
  expect(given['RejectRequest']![0].Entries[0]).toMatchObject({
    DetailType: 'Request Rejected',
    Detail: { message: 'what InvalidStepInput says', request: (machine.input as any).detail },
  });
});
