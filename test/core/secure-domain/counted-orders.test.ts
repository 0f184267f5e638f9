/** A CA that counts: no more orders count towards its limits than slots were reserved for. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { AcmeOrder } from '../../../core/acme/answers.ts';
import type { Acme } from '../../../core/acme/client.ts';
import { AcmeProblem } from '../../../core/acme/problem.ts';
import type { SealpostError } from '../../../core/errors.ts';
import type { Plan } from '../../../core/record/plan.ts';
import { createOrder } from '../../../core/secure-domain/create-order.ts';
import { anIssuer, domain, mx1, newWorld, register, type World } from '../world.ts';

const limits = { account: { count: 2.5, windowMs: 10_800_000 } };
const issuer = anIssuer({ limits });
let world: World;
/** The orders that the CA counted, and the orders that it has. */
let counted: number;
let orders: Map<string, AcmeOrder>;
/** The problem type with which the CA refuses `replaces`. */
let refuses: string | undefined;

beforeEach(async () => {
  world = newWorld();
  [counted, orders, refuses] = [0, new Map(), undefined];
  await register(world, mx1);
});

function problem(type: string): AcmeProblem {
  const data = { type: `urn:ietf:params:acme:error:${type}`, detail: 'no' };
  return new AcmeProblem({ url: 'https://ca.example/new-order', status: 409, headers: {}, data });
}

const acme = {
  async newOrder({ names, replaces }) {
    if (replaces !== undefined && refuses !== undefined) throw problem(refuses);
    if (replaces === undefined) counted += 1;
    const url = `https://ca.example/order/${orders.size}`;
    const identifiers = names.map(value => ({ type: 'dns', value }));
    orders.set(url, { url, status: 'ready', identifiers, authorizations: [], finalize: `${url}/finalize` });
    return orders.get(url)!;
  },
  order: async url => orders.get(url)!,
  spareNonce: () => undefined,
} as Partial<Acme> as Acme;

/** A domain that is claimed, whose plan is to replace its certificate. */
async function planned(name: string, more: Partial<Plan> = {}): Promise<Plan & { execution: string }> {
  const { store, time } = world;
  await store.acceptWish({ domain: name, mailServers: [mx1], policy: 'wildcard' }, { at: time }, time);
  await store.claimDomain({ domain: name, me: name, now: time });
  return {
    ...{ domain: name, execution: name, seen: 1, names: [name, `*.${name}`], servers: [mx1], issuer: 'ca' },
    ...{ places: [], claimedAt: time, replaces: 'aki.serial', ...more },
  };
}
const order = (input: Plan & { execution: string }) =>
  createOrder(input, { ...world, acme, issuer, registerAgain: async () => {} });
const outcome = (input: Plan & { execution: string }) =>
  order(input).then(
    () => 'ordered',
    (error: Error) => error.name,
  );

describe('orders that replace a certificate', () => {
  test('are not counted, and need no slot', async () => {
    for (let i = 0; i < 10; i++) expect(await outcome(await planned(`d${i}.example`))).toBe('ordered');
    expect(counted).toBe(0);
    expect(world.memory.budgets.size).toBe(0);
  });

  test.each(['alreadyReplaced', 'malformed', 'unauthorized', 'serverInternal'])(
    'are counted if the CA refuses `replaces` as %s: each waits for its slot, and keeps it',
    async type => {
      refuses = type;
      const inputs = [];
      for (let i = 0; i < 10; i++) inputs.push(await planned(`d${i}.example`));
      const outcomes = await Promise.all(inputs.map(outcome));
      expect(outcomes.filter(one => one === 'ordered')).toHaveLength(2);
      expect(outcomes.filter(one => one === 'BudgetSpent')).toHaveLength(8);
      expect(counted).toBe(2);
      const waiting = inputs[outcomes.indexOf('BudgetSpent')]!;
      const error = await order(waiting).catch((error: Error) => error);
      expect(error).toMatchObject({ name: 'BudgetSpent', retryAt: expect.any(Number) });
      world.time = (error as SealpostError).retryAt!;
      expect(await outcome(waiting)).toBe('ordered');
      expect(counted).toBe(3);
    },
  );
});

test('an order on record that the CA has lost is made again with a slot of its own', async () => {
  const outcomes = [];
  for (let i = 0; i < 10; i++) {
    const input = await planned(`d${i}.example`, { replaces: undefined });
    const url = `https://ca.example/order/expired-${i}`;
    orders.set(url, { url, status: 'invalid', identifiers: [], authorizations: [], finalize: '' });
    await world.store.recordOrder(
      { domain: input.domain, me: input.execution },
      { url, planned: input.names, issuer: 'ca' },
    );
    outcomes.push(await outcome(input));
  }
  expect(outcomes.filter(one => one === 'ordered')).toHaveLength(2);
  expect(counted).toBe(2);
});

test('a slot that ClaimDomain has reserved is used, and not reserved again', async () => {
  const input = await planned(domain, { replaces: undefined });
  const at = await world.store.reserveOrder(issuer.directoryUrl, { intervalMs: 1, horizonMs: 1, now: world.time });
  const set = 'one';
  await world.store.recordReservation({ domain, me: domain }, { ca: { set, places: { account: at } } });
  const before = new Map(world.memory.budgets);
  expect(await outcome(input)).toBe('ordered');
  expect(world.memory.budgets).toEqual(before);
  expect((await world.store.readDomain(domain))!).not.toHaveProperty('reserved');
});
