import { describe, expect, test } from 'vitest';
import { LEASE_MS } from '../../core/ports/lease.ts';
import type { Plan } from '../../core/record/plan.ts';
import * as steps from '../../statemachines/secure-domain.ts';
import {
  definitionOf,
  delays,
  everyError,
  everyPair,
  lambdaBusy,
  youngRights,
  lambdaTroubles,
  run,
  type Machine,
  type Row,
} from './machine.ts';

const plan: Plan = {
  domain: 'example.com',
  seen: 1,
  names: ['example.com', '*.example.com'],
  servers: ['mx1.provider.example'],
  issuer: 'letsencrypt',
  places: [
    {
      name: 'example.com',
      zoneId: 'Z1',
      zoneName: 'acme.provider.example',
      recordName: 'example.com.acme.provider.example',
      delegated: true,
    },
  ],
  claimedAt: 0,
};
const order = {
  url: 'https://ca.example/order/1',
  finalize: 'https://ca.example/order/1/finalize',
  status: 'pending' as const,
  names: plan.names,
  challenges: [],
};
const machine: Machine = {
  name: 'secure-domain',
  steps: { ...steps } as unknown as Machine['steps'],
  input: {
    'detail-type': 'Domain Created',
    source: 'panel',
    time: '2026-11-24T10:00:00Z',
    detail: { domain: 'example.com', mailServers: ['mx1.provider.example'] },
  },
  answers: {
    ClaimDomain: () => plan,
    CreateOrder: ({ execution: _, ...input }) => ({ ...input, order }),
    PublishChallenges: ({ execution: _, ...input }) => ({ ...input, until: '2026-11-24T10:00:30Z' }),
    Validate: ({ execution: _, until: __, ...input }) => ({ ...input, order: { ...order, status: 'ready' } }),
    FinalizeOrder: ({ execution: _, order: __, ...input }) => ({ ...input, certificate: 'id', notAfter: 1, wake: [] }),
    ReleaseDomain: () => ({ domain: plan.domain, servers: plan.servers, dueAt: 1 }),
    ImportToAcm: () => ({ domain: plan.domain, arn: 'arn', dueAt: 1 }),
    RevokeCertificate: () => ({ domain: plan.domain, revoked: true }),
    ParkDomain: ({ error }) => ({ domain: plan.domain, reason: error.name, message: 'why', nextTry: 1 }),
  },
};
const road = [
  'ClaimDomain',
  'CreateOrder',
  'PublishChallenges',
  'WaitForDns',
  'Validate',
  'FinalizeOrder',
  'ReleaseDomain',
];

/**
 * Errors that are not our fault, by step. The domain is parked with the reason, and no person is
 * paged.
 */
const ofCa = ['AcmeRateLimited', 'AcmeRejected', 'AcmeUnavailable', 'IssuerUnusable'];
const proving = [...ofCa, 'AuthorizationPending', 'CaaForbids', 'ChallengeFailed', 'DnsNotPropagated', 'Throttled'];
const parked: Record<string, string[]> = {
  // Throttled has a state of its own: before the claim there is nothing to park, and a throttled
  // table would lose the wish without a trace.
  ClaimDomain: [
    ...ofCa,
    ...['BudgetSpent', 'CaaForbids', 'DnsNotPropagated', 'DomainNotManaged'],
    ...['InstallRefused', 'ServerNotInspected', 'ServerNotRegistered'],
  ],
  CreateOrder: [...ofCa, 'BudgetSpent', 'CaaForbids', 'Throttled'],
  PublishChallenges: ['AcmeRejected', 'DnsNotPropagated', 'DomainNotManaged', 'Throttled'],
  Validate: proving,
  FinalizeOrder: [...proving, 'CertificateUnusable', 'ServerNotRegistered', 'TlsaMismatch'],
};

const toPerson = { road: ['ParkForPerson', 'Unexpected'], status: 'FAILED', told: 'a person' } as const;
const toOthers = { errors: ['ClaimLost'], road: ['InOtherHands'], status: 'SUCCEEDED', told: 'nobody' } as const;
const toParking = { road: ['ParkDomain'], status: 'SUCCEEDED', told: 'who watches the domain' } as const;

const rows: Row[] = [
  { state: 'ClaimDomain', errors: parked['ClaimDomain'], ...toParking },
  { state: 'ClaimDomain', errors: ['Throttled'], ...toParking, road: ['ParkIfClaimed'] },
  {
    state: 'ClaimDomain',
    errors: ['InvalidStepInput'],
    road: ['RejectRequest', 'InvalidRequest'],
    status: 'FAILED',
    told: 'the sender',
  },
  {
    state: 'ClaimDomain',
    errors: ['ClaimedByAnother', 'ClaimLost'],
    road: ['InOtherHands'],
    status: 'SUCCEEDED',
    told: 'nobody',
  },
  { state: 'ClaimDomain', errors: ['StillFresh'], road: ['StillFresh'], status: 'SUCCEEDED', told: 'nobody' },
  {
    state: 'ClaimDomain',
    errors: ['ServedUnderServer'],
    road: ['ServedUnderServer'],
    status: 'SUCCEEDED',
    told: 'nobody',
  },
  { state: 'ClaimDomain', errors: ['StillParked'], road: ['StillParked'], status: 'SUCCEEDED', told: 'nobody' },
  { state: 'ClaimDomain', errors: ['DomainDeleted'], road: ['DomainDeleted'], status: 'SUCCEEDED', told: 'nobody' },
  { state: 'ClaimDomain', errors: ['ImportWanted'], road: ['ImportToAcm'], status: 'SUCCEEDED', told: 'nobody' },
  {
    state: 'ClaimDomain',
    errors: ['RevocationWanted'],
    road: ['RevokeCertificate'],
    status: 'SUCCEEDED',
    told: 'nobody',
  },
  { state: 'ClaimDomain', ...toPerson },
  ...['CreateOrder', 'PublishChallenges', 'Validate'].flatMap((state): Row[] => [
    { state, errors: parked[state], ...toParking },
    { state, ...toOthers },
    { state, ...toPerson },
  ]),
  { state: 'FinalizeOrder', errors: parked['FinalizeOrder'], ...toParking },
  { state: 'FinalizeOrder', errors: ['WishChanged'], road: ['ReleaseDomain'], status: 'SUCCEEDED', told: 'nobody' },
  { state: 'FinalizeOrder', ...toOthers },
  { state: 'FinalizeOrder', ...toPerson },
  { state: 'ReleaseDomain', errors: ['ImportWanted'], road: ['ImportToAcm'], status: 'SUCCEEDED', told: 'nobody' },
  { state: 'ReleaseDomain', ...toOthers },
  { state: 'ReleaseDomain', ...toPerson },
];

describe('without an error', () => {
  test('a certificate takes seven states, and WaitForDns ends at the moment that PublishChallenges gives', async () => {
    const ending = await run(machine);
    expect(ending).toMatchObject({ road, status: 'SUCCEEDED', told: 'nobody' });
    expect(road).toHaveLength(7);
    expect(definitionOf('secure-domain').Comment).toContain('seven transitions');
  });

  test("every step gets the execution's name, which owns the claim", async () => {
    const { given } = await run(machine);
    for (const state of road.filter(state => state !== 'WaitForDns'))
      expect(given[state], state).toEqual([expect.objectContaining({ execution: 'run-1' })]);
  });
});

describe('every task and every error', () => {
  const pairs = everyPair(rows).flatMap(row => row.errors.map(error => ({ ...row, thrown: error })));

  test('the table has each pair once', () => {
    const tasks = road.filter(state => state !== 'WaitForDns');
    expect(new Set(pairs.map(({ state, thrown }) => `${state} ${thrown}`)).size).toBe(pairs.length);
    expect(pairs).toHaveLength(tasks.length * everyError.length);
  });

  test.each(pairs)(
    '$thrown in $state enters $road and notifies $told',
    async ({ state, thrown, status, told, ...row }) => {
      const ending = await run(machine, { [state]: { error: thrown } });
      expect(ending).toMatchObject({ road: [...road.slice(0, road.indexOf(state) + 1), ...row.road], status, told });
      if (status === 'FAILED') expect(ending.error).toBe(thrown);
      if (row.road[0]?.startsWith('Park')) {
        const reason = { Error: thrown, Cause: expect.stringContaining(`what ${thrown} says`) };
        expect(ending.given[row.road[0]]![0]).toMatchObject({ execution: 'run-1', error: reason });
      }
    },
  );
});

describe('a step after the end of another', () => {
  const detours: [string, string, readonly string[]][] = [
    ['ImportToAcm', 'ImportWanted', ['ImportQuotaSpent', 'ImportRefused', 'ImportInUse', 'Throttled']],
    [
      'RevokeCertificate',
      'RevocationWanted',
      ['AcmeUnavailable', 'AcmeRateLimited', 'AcmeRejected', 'IssuerUnusable', 'Throttled'],
    ],
  ];
  const endOf = (thrown: string, park: readonly string[]) => {
    if (park.includes(thrown)) return { ends: ['ParkDomain'], status: 'SUCCEEDED', told: 'who watches the domain' };
    if (thrown === 'ClaimLost') return { ends: ['InOtherHands'], status: 'SUCCEEDED', told: 'nobody' };
    return { ends: ['ParkForPerson', 'Unexpected'], status: 'FAILED', told: 'a person' };
  };
  const all = detours.flatMap(([state, wanted, park]) =>
    everyError.map(thrown => ({ state, wanted, thrown, ...endOf(thrown, park) })),
  );

  test.each(all)(
    '$thrown in $state enters $ends and notifies $told',
    async ({ state, wanted, thrown, ends, status, told }) => {
      const ending = await run(machine, { ClaimDomain: { error: wanted }, [state]: { error: thrown } });
      expect(ending).toMatchObject({ road: ['ClaimDomain', state, ...ends], status, told });
      const [parking] = ending.given['ParkDomain'] ?? ending.given['ParkForPerson'] ?? [];
      // An import that fails does not park the domain.
      if (parking) expect(parking.importing).toBe(state === 'ImportToAcm' ? true : undefined);
    },
  );

  test.each(detours)('%s gets the event, and the name of the execution that owns the claim', async (state, wanted) => {
    const { given } = await run(machine, { ClaimDomain: { error: wanted } });
    expect(given[state]).toEqual([expect.objectContaining({ ...machine.input, execution: 'run-1' })]);
  });

  test('ImportToAcm gets the plan after a certificate was issued', async () => {
    const { given, road: entered } = await run(machine, { ReleaseDomain: { error: 'ImportWanted' } });
    expect(entered).toEqual([...road, 'ImportToAcm']);
    expect(given['ImportToAcm']).toEqual([expect.objectContaining({ domain: plan.domain, execution: 'run-1' })]);
  });
});

describe('a second error on the way out', () => {
  test.each([
    ['CaaForbids', 'ClaimLost', ['ParkDomain', 'InOtherHands'], 'SUCCEEDED', 'nobody'],
    ['CaaForbids', 'TypeError', ['ParkDomain'], 'FAILED', 'a person'],
    ['TypeError', 'States.Timeout', ['ParkForPerson'], 'FAILED', 'a person'],
    // The unforeseen error came before the claim, or ended the claim. A person is notified all the
    // same.
    ['TypeError', 'ClaimLost', ['ParkForPerson', 'Unexpected'], 'FAILED', 'a person'],
  ])('%s in CreateOrder and %s in the park: %j', async (first, second, states, status, told) => {
    const ending = await run(machine, { CreateOrder: { error: first }, [states[0]!]: { error: second } });
    expect(ending).toMatchObject({ road: ['ClaimDomain', 'CreateOrder', ...states], status, told });
  });

  test('a wish that a throttled table could not record notifies a person', async () => {
    const ending = await run(machine, {
      ClaimDomain: { error: 'Throttled' },
      ParkDomain: { error: 'ClaimLost' },
      ParkIfClaimed: { error: 'ClaimLost' },
      ParkForPerson: { error: 'ClaimLost' },
    });
    expect(ending).toMatchObject({ status: 'FAILED', error: 'Throttled', told: 'a person' });
  });

  test('a sender that cannot be notified, because the bus fails, makes the execution fail', async () => {
    const ending = await run(machine, {
      ClaimDomain: { error: 'InvalidStepInput' },
      RejectRequest: { error: 'EventBridge.InternalException' },
    });
    expect(ending).toMatchObject({ status: 'FAILED', error: 'EventBridge.InternalException', told: 'a person' });
    expect(ending.waits['RejectRequest']).toEqual([1, 2, 4, 8]);
  });

  test('the sender is notified what was wrong, with the request', async () => {
    const { given } = await run(machine, { ClaimDomain: { error: 'InvalidStepInput' } });
    const [{ Entries }] = given['RejectRequest'] as [{ Entries: any[] }];
    expect(Entries[0]).toMatchObject({ Source: 'sealpost', DetailType: 'Request Rejected' });
    expect(Entries[0].Detail).toMatchObject({
      error: 'InvalidStepInput',
      message: 'what InvalidStepInput says',
      request: (machine.input as any).detail,
    });
  });
});

describe('a retry', () => {
  const busy = [2, 4, 8, 16, 30, 30];
  const minutes = (n: number) => Array.from({ length: n }, () => 60);
  const longest = [1, 2, 4, 8, 16, 32, ...minutes(54)];
  const long = [2, 4, 8, 16, 32, ...minutes(25)];
  test.each([
    ['ClaimDomain', 'Throttled', longest],
    ['ClaimDomain', 'Lambda.TooManyRequestsException', longest],
    ['CreateOrder', 'Lambda.TooManyRequestsException', long],
    ['CreateOrder', 'AcmeUnavailable', [2, 4, 8, 16]],
    ['CreateOrder', 'Throttled', [2, 4, 8, 16]],
    ['PublishChallenges', 'Throttled', busy],
    ['Validate', 'DnsNotPropagated', [5, 10, 20, 40, 60, 60]],
    ['Validate', 'AuthorizationPending', [5, 10, 20, 40, 60, 60]],
    ['Validate', 'AcmeUnavailable', [5, 10, 20, 40, 60, 60]],
    ['FinalizeOrder', 'AuthorizationPending', [2, 4, 8, 16, 30]],
    ['FinalizeOrder', 'AcmeUnavailable', [2, 4, 8, 16, 30]],
    ['ReleaseDomain', 'Throttled', busy],
    ['CreateOrder', 'Sandbox.Timedout', [2, 4, 8, 16]],
    ...youngRights.flatMap((error): [string, string, number[]][] => [
      ['ClaimDomain', error, [2, 4, 8, 16]],
      ['ReleaseDomain', error, [2, 4, 8, 16]],
    ]),
    ['CreateOrder', 'Lambda.ClientExecutionTimeoutException', [2, 4, 8, 16]],
    ...lambdaBusy.flatMap((error): [string, string, number[]][] => [
      ['ClaimDomain', error, longest],
      ['CreateOrder', error, long],
      ['ReleaseDomain', error, long],
    ]),
  ])('of %s after %s waits %j s', async (state, error, waits) => {
    const ending = await run(machine, { [state]: { error } });
    expect(ending.waits[state]).toEqual(waits);
  });

  test.each(
    road
      .filter(state => state !== 'WaitForDns')
      .concat('ImportToAcm', 'RevokeCertificate', 'ParkDomain', 'ParkIfClaimed', 'ParkForPerson'),
  )('of %s after throttling or an error of Lambda itself is jittered', state => {
    const { Retry } = definitionOf('secure-domain').States[state];
    const retrierOf = (error: string) => Retry.find((retrier: any) => retrier.ErrorEquals.includes(error));
    expect(retrierOf('Throttled')).toBeDefined();
    for (const trouble of lambdaTroubles) expect(retrierOf(trouble), trouble).toMatchObject({ JitterStrategy: 'FULL' });
  });

  test('outlasts ten minutes of more events than functions may run: no wish and no lease is lost', async () => {
    const tooMany = { error: 'Lambda.TooManyRequestsException', times: 15 };
    const failures = { ClaimDomain: tooMany, CreateOrder: tooMany, ReleaseDomain: tooMany };
    expect(await run(machine, failures)).toMatchObject({ road, status: 'SUCCEEDED' });
    const { States } = definitionOf('secure-domain');
    for (const [name, { Retry = [] }] of Object.entries(States).filter(([name]) => name !== 'ClaimDomain')) {
      const waits = Retry.map((retrier: any) => delays(retrier).reduce((sum, wait) => sum + wait, 0));
      expect(Math.max(0, ...waits), name).toBeLessThan(LEASE_MS / 1000 / 2);
    }
  });

  /** A function renews the claim when it begins. The waits until then fit into the lease. */
  test.each(['CreateOrder', 'PublishChallenges', 'Validate', 'FinalizeOrder', 'ReleaseDomain', 'ParkDomain'])(
    'of %s begins within the lease, whatever was waited for before',
    state => {
      const { Retry } = definitionOf('secure-domain').States[state];
      const waits = Retry.flatMap(delays).reduce((sum: number, wait: number) => sum + wait, 0);
      // WaitForDns waits at most 999 s: the setting DnsPropagationSeconds has three digits at most.
      expect((waits + 999) * 1000).toBeLessThan(LEASE_MS);
    },
  );

  test('that succeeds after two errors leaves no trace in the road', async () => {
    const ending = await run(machine, { Validate: { error: 'DnsNotPropagated', times: 2 } });
    expect(ending).toMatchObject({ road, status: 'SUCCEEDED', waits: { Validate: [5, 10] } });
  });

  test('never follows an error that only a person or another party can change', async () => {
    const passing = ['AcmeUnavailable', 'AuthorizationPending', 'DnsNotPropagated', 'Throttled', ...lambdaTroubles];
    for (const error of everyError.filter(error => !passing.includes(error)))
      for (const state of ['ClaimDomain', 'CreateOrder', 'PublishChallenges', 'Validate', 'FinalizeOrder'])
        expect((await run(machine, { [state]: { error } })).waits, `${error} in ${state}`).toEqual({});
  });

  test('has the numbers that the Comments say', () => {
    const { ClaimDomain, CreateOrder, Validate, RevokeCertificate, ImportToAcm } = definitionOf('secure-domain').States;
    const total = (waits: number[]) => waits.reduce((sum, wait) => sum + wait);
    const of = (error: string) => ClaimDomain.Retry.find(({ ErrorEquals }: any) => ErrorEquals.includes(error));
    const claim = delays(of('Throttled'));
    expect(ClaimDomain.Comment).toContain(
      `${claim.length} retries after ${claim.slice(0, 6).join('+')} s and then 54 times 60 s (55 minutes at the most`,
    );
    expect(claim.slice(6)).toEqual(minutes(54));
    expect(Math.round(total(claim) / 60)).toBe(55);
    const dns = delays(of('DnsNotPropagated'));
    expect(ClaimDomain.Comment).toContain(`${dns.length} retries after ${dns.join('+')} s (${total(dns)} s in all)`);
    for (const { Comment, Retry } of [CreateOrder, Validate, RevokeCertificate, ImportToAcm]) {
      const waits = delays(Retry[0]);
      expect(Comment).toContain(`${waits.length} retries after ${waits.join('+')} s (${total(waits)} s `);
    }
    expect(total(delays(Validate.Retry[0]))).toBeGreaterThan(180);
  });
});
