import { describe, expect, test } from 'vitest';
import { DELIVERY_LIFETIME_SECONDS } from '../../core/deliver-to-server/delivery.ts';
import { LEASE_MS } from '../../core/ports/lease.ts';
import * as steps from '../../statemachines/deliver-to-server.ts';
import {
  definitionOf,
  delays,
  everyError,
  everyPair,
  lambdaBusy,
  lambdaTroubles,
  run,
  type Machine,
  type Row,
} from './machine.ts';

const delivery = {
  hash: 'a'.repeat(64),
  seq: 7,
  mode: 'install' as const,
  installer: 'b'.repeat(64),
  entries: 3,
};
const server = 'mx1.provider.example';
const machine: Machine = {
  name: 'deliver-to-server',
  steps: { ...steps } as unknown as Machine['steps'],
  input: { server },
  answers: {
    AssembleDelivery: () => ({ server, delivery }),
    SendDelivery: () => ({ sent: true }),
    RecordDelivery: () => ({ server, outcome: 'installed', served: 3, refused: 0 }),
    ReleaseServer: () => ({ server }),
  },
};
const road = ['AssembleDelivery', 'SendDelivery', 'RecordDelivery', 'ReleaseServer'];

const toOthers = { errors: ['ClaimLost'], road: ['InOtherHands'], status: 'SUCCEEDED', told: 'nobody' } as const;
/** The server has a next try and keeps its work; the sweep wakes it. */
const later = { road: ['ReleaseServer'], status: 'SUCCEEDED', told: 'nobody' } as const;
const toPerson = { road: ['ReleaseForPerson', 'Unexpected'], status: 'FAILED', told: 'a person' } as const;

const rows: Row[] = [
  { state: 'AssembleDelivery', errors: ['NothingToDeliver', 'Throttled'], ...later },
  // Only this task has a time limit of its own.
  { state: 'SendDelivery', errors: ['ServerUnreachable', 'Throttled', 'States.Timeout'], ...later },
  { state: 'RecordDelivery', errors: ['ServerUnreachable', 'Throttled'], ...later },
  ...road.slice(0, 3).flatMap((state): Row[] => [
    { state, ...toOthers },
    { state, ...toPerson },
  ]),
  { state: 'ReleaseServer', errors: ['MoreWork'], times: 1, road, status: 'SUCCEEDED', told: 'nobody' },
  { state: 'ReleaseServer', ...toOthers },
  { state: 'ReleaseServer', road: [], status: 'FAILED', told: 'a person' },
];

describe('without an error', () => {
  test('a delivery takes four states, however many domains are in it', async () => {
    expect(await run(machine)).toMatchObject({ road, status: 'SUCCEEDED', told: 'nobody' });
    expect(definitionOf('deliver-to-server').Comment).toContain('Four states a round');
  });

  test('the task waits with its own token, and its output names the command', async () => {
    const { given } = await run(machine);
    expect(given['SendDelivery']![0].Payload).toMatchObject({ server, delivery, execution: 'run-1' });
    expect(given['SendDelivery']![0].Payload.token).toMatch(/./);
    expect(given['RecordDelivery']![0]).toMatchObject({ server, delivery, commandId: 'command-1' });
  });

  test('a retry of SendDelivery has another token, so an answer to the first token resumes nothing', async () => {
    const { given } = await run(machine, { SendDelivery: { error: 'Throttled', times: 1 } });
    const tokens = given['SendDelivery']!.map(({ Payload }) => Payload.token);
    expect(new Set(tokens).size).toBe(2);
  });

  test('work that came meanwhile is delivered by the same execution, which counts its rounds', async () => {
    const ending = await run(machine, { ReleaseServer: { error: 'MoreWork', times: 2 } });
    expect(ending).toMatchObject({ road: [...road, ...road, ...road], status: 'SUCCEEDED' });
    expect(ending.given['ReleaseServer']!.map(({ rounds }) => rounds)).toEqual([1, 2, 3]);
  });

  test('a round without anything to deliver is followed by another if work comes right after', async () => {
    const ending = await run(machine, {
      AssembleDelivery: { error: 'NothingToDeliver', times: 1 },
      ReleaseServer: { error: 'MoreWork', times: 1 },
    });
    expect(ending).toMatchObject({ road: ['AssembleDelivery', 'ReleaseServer', ...road], status: 'SUCCEEDED' });
  });
});

describe('every task and every error', () => {
  const pairs = everyPair(rows).flatMap(row => row.errors.map(error => ({ ...row, thrown: error })));

  test('the table has each pair once', () => {
    expect(new Set(pairs.map(({ state, thrown }) => `${state} ${thrown}`)).size).toBe(pairs.length);
    expect(pairs).toHaveLength(road.length * everyError.length);
  });

  test.each(pairs)(
    '$thrown in $state enters $road and notifies $told',
    async ({ state, thrown, times, status, told, ...row }) => {
      const ending = await run(machine, { [state]: { error: thrown, times } });
      expect(ending).toMatchObject({ road: [...road.slice(0, road.indexOf(state) + 1), ...row.road], status, told });
      if (status === 'FAILED') expect(ending.error).toBe(thrown);
      const release = row.road.find(next => next.startsWith('Release'));
      if (release && thrown !== 'NothingToDeliver' && thrown !== 'MoreWork')
        expect(ending.given[release]![0]).toMatchObject({ server, error: { Error: thrown }, execution: 'run-1' });
    },
  );
});

describe('a second error on the way out', () => {
  test.each([
    ['ClaimLost', ['ReleaseForPerson', 'Unexpected']],
    ['TypeError', ['ReleaseForPerson']],
  ])('an unforeseen error, and then %s in the release, notify a person', async (second, states) => {
    const ending = await run(machine, {
      RecordDelivery: { error: 'InstallBroken' },
      ReleaseForPerson: { error: second },
    });
    expect(ending).toMatchObject({ road: [...road.slice(0, 3), ...states], status: 'FAILED', told: 'a person' });
  });

  test('work that comes during the release of a broken server does not hide the error', async () => {
    const ending = await run(machine, {
      RecordDelivery: { error: 'InstallBroken' },
      ReleaseForPerson: { error: 'MoreWork' },
    });
    expect(ending).toMatchObject({ status: 'FAILED', error: 'InstallBroken', told: 'a person' });
  });
});

describe('a retry', () => {
  const times = (n: number, seconds: number) => Array.from({ length: n }, () => seconds);
  /** The same waits as in secure-domain. */
  const long = [2, 4, 8, 16, 32, ...times(25, 60)];
  /** As many retries, but SendDelivery has used most of the lease before. */
  const afterCommand = [2, 4, 8, 16, ...times(26, 28)];
  test.each([
    ['AssembleDelivery', 'Throttled', [1, 2, 4, 8, 16, 30]],
    ['SendDelivery', 'Throttled', [2, 4, 8, 16, 30, 30]],
    ['RecordDelivery', 'Throttled', [1, 2, 4, 8, 16, 30]],
    ['ReleaseServer', 'Throttled', [1, 2, 4, 8, 16, 30]],
    ['AssembleDelivery', 'Sandbox.Timedout', [2, 4, 8, 16]],
    ['AssembleDelivery', 'Lambda.ClientExecutionTimeoutException', [2, 4, 8, 16]],
    ...lambdaBusy.flatMap((error): [string, string, number[]][] => [
      ['AssembleDelivery', error, long],
      ['SendDelivery', error, long],
      ['RecordDelivery', error, afterCommand],
      ['ReleaseServer', error, afterCommand],
    ]),
    ['RecordDelivery', 'AccessDeniedException', [2, 4, 8, 16]],
    ['RecordDelivery', 'ServerUnreachable', undefined],
    ['SendDelivery', 'States.Timeout', undefined],
  ])('of %s after %s waits %j s', async (state, error, waits) => {
    expect((await run(machine, { [state]: { error } })).waits[state]).toEqual(waits);
  });

  test('outlasts ten minutes of more events than functions may run, and no person is paged', async () => {
    const tooMany = (times: number) => ({ error: 'Lambda.TooManyRequestsException', times });
    const ending = await run(machine, {
      ...{ AssembleDelivery: tooMany(15), SendDelivery: tooMany(15) },
      ...{ RecordDelivery: tooMany(25), ReleaseServer: tooMany(25) },
    });
    expect(ending).toMatchObject({ road, status: 'SUCCEEDED' });
    for (const state of road)
      expect(ending.waits[state]!.reduce((sum, wait) => sum + wait)).toBeGreaterThanOrEqual(600);
  });

  /** A function renews the claim when it begins. The waits until then fit into the lease. */
  test.each([...road, 'ReleaseForPerson'])('of %s begins within the lease, whatever was waited for before', state => {
    const { States } = definitionOf('deliver-to-server');
    const before = Object.values(States).filter(({ Next, Catch = [] }) =>
      [Next, ...Catch.map((catcher: any) => catcher.Next)].includes(state),
    );
    const timers = before.map(({ TimeoutSeconds = 0 }) => TimeoutSeconds as number);
    const waits = States[state].Retry.flatMap(delays).reduce((sum: number, wait: number) => sum + wait, 0);
    expect((Math.max(0, ...timers) + waits) * 1000).toBeLessThan(LEASE_MS);
  });

  test.each([...road, 'ReleaseForPerson'])('of %s after an error of Lambda itself is jittered', state => {
    const { Retry } = definitionOf('deliver-to-server').States[state];
    for (const trouble of lambdaTroubles)
      expect(Retry.find((retrier: any) => retrier.ErrorEquals.includes(trouble))).toMatchObject({
        JitterStrategy: 'FULL',
      });
  });

  test.each(['secure-domain', 'deliver-to-server', 'register-server'])(
    'of %s after throttling is jittered, so that not all executions come back in the same second',
    name => {
      const retriers = Object.values(definitionOf(name).States).flatMap(state => state.Retry ?? []);
      const throttled = retriers.filter(retrier => retrier.ErrorEquals.includes('Throttled'));
      expect(throttled.length).toBeGreaterThan(0);
      for (const retrier of throttled) {
        expect(retrier).toMatchObject({ JitterStrategy: 'FULL' });
        // The retrier has only errors that say that AWS is busy.
        expect(['Throttled', ...lambdaBusy]).toEqual(expect.arrayContaining(retrier.ErrorEquals));
      }
    },
  );

  test('time limits agree: a command ends before its task, and its task before the claim', () => {
    const { TimeoutSeconds, Comment } = definitionOf('deliver-to-server').States['SendDelivery'];
    const [own, reach, execution] = [...Comment.matchAll(/([\d,]+) s\b/g)].map(([, number]) =>
      Number(number.replace(',', '')),
    ) as [number, number, number];
    expect(TimeoutSeconds).toBe(own);
    expect(reach + execution).toBeLessThan(TimeoutSeconds);
    expect(DELIVERY_LIFETIME_SECONDS).toBe(TimeoutSeconds);
    expect(TimeoutSeconds * 1000).toBeLessThan(LEASE_MS);
  });
});
