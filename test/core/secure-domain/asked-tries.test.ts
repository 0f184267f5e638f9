/** Tries that senders and operators ask for, after the domain's order has failed at the CA. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Dns } from '../../../core/dns/authoritative.ts';
import { challengeTarget } from '../../../core/dns/challenge-place.ts';
import { isEnded } from '../../../core/ended.ts';
import type { ErrorName } from '../../../core/errors.ts';
import type { Wish } from '../../../core/record/domain.ts';
import type { Plan } from '../../../core/record/plan.ts';
import { renew } from '../../../core/renewal/renew.ts';
import { claimDomain } from '../../../core/secure-domain/claim-domain.ts';
import { parkDomain } from '../../../core/secure-domain/park-domain.ts';
import { sweep } from '../../../core/sweep/sweep.ts';
import { aCertificate, challengeZone, created, domain, minute, mx1, mx2, newWorld, register } from '../world.ts';
import type { World } from '../world.ts';

const hour = 60 * minute;
let world: World;
/** The orders that failed at the CA, each with its moment. */
let failed: number[];
/** The error of each order at the CA. */
let reason: ErrorName;
let executions: number;

beforeEach(async () => {
  world = newWorld();
  [failed, reason, executions] = [[], 'ChallengeFailed', 0];
  await register(world, mx1, mx2);
});

/** Each name leads to its place in the challenge zone. */
const dns: Dns = {
  resolve: async (name, type) =>
    type === 'CNAME' && name.startsWith('_acme-challenge.')
      ? [challengeTarget(name.slice('_acme-challenge.'.length), challengeZone)]
      : [],
  caa: async () => [],
  tlsa: async () => [],
};
const ports = () => ({ ...world, dns, challengeZone, directoryOf: async () => ({}) });
const record = async () => (await world.store.readDomain(domain))!;

/** One execution. @returns the end; undefined if an order was made, which fails */
async function run(event: object): Promise<string | undefined> {
  const execution = `e${(executions += 1)}`;
  const plan = await claimDomain({ ...event, execution } as never, ports());
  if (isEnded(plan)) return plan.ended;
  await fail(plan, execution);
  return undefined;
}

async function fail(plan: Plan, execution: string): Promise<void> {
  failed.push(world.time);
  await parkDomain({ ...plan, execution, error: { name: reason, message: 'no TXT record found' } }, world);
}

const say = (detail: object = {}) => run(created(detail, new Date(world.time).toISOString()));
/** The executions that the sweep and others have started, each once. */
async function runStarted(): Promise<void> {
  await sweep(world);
  for (const { machine, input } of world.executions.started.splice(0))
    if (machine === 'secure-domain') await run(input as object);
}
/** Minutes pass, and each minute the sweep starts what is due. */
async function pass(minutes: number, each: () => Promise<unknown> = async () => {}): Promise<void> {
  for (let i = 0; i < minutes; i++) {
    world.time += minute;
    await each();
    await runStarted();
  }
}
/** Each event has its own second; an event of the same second is a duplicate. */
async function sayTimes(times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    await say();
    world.time += 1_000;
  }
}
const within = (ms: number) => Math.max(...failed.map(at => failed.filter(one => at <= one && one < at + ms).length));

describe.each<ErrorName>(['ChallengeFailed', 'AcmeRejected', 'AcmeRateLimited', 'CertificateUnusable'])(
  'after %s',
  error => {
    beforeEach(() => void (reason = error));

    test('a panel that says the same wish every minute makes a few orders, then one an hour', async () => {
      await say();
      await pass(60, () => say());
      // Let's Encrypt takes five failed validations of a name in an hour.
      expect(within(hour)).toBe(5);
      await pass(6 * 60, () => say());
      expect(within(hour)).toBeLessThanOrEqual(5);
      expect(failed.filter(at => at > failed[0]! + hour).length).toBeLessThanOrEqual(6 + 1);
    });

    test('the domain is tried by itself as before: after 1, 10 and 100 minutes, then daily', async () => {
      await say();
      await pass(2 * 24 * 60);
      expect(failed.map(at => (at - failed[0]!) / minute)).toEqual([0, 1, 11, 111, 1551]);
    });
  },
);

describe('a try that is asked for too often', () => {
  beforeEach(async () => {
    await sayTimes(4);
  });

  test('ends as StillParked, with the reason on record and the moment of the next try', async () => {
    expect(failed).toHaveLength(4);
    expect(await say()).toBe('StillParked');
    expect(failed).toHaveLength(4);
    const { parked, dueAt, owner, wanted, done } = await record();
    expect(parked).toMatchObject({ reason: 'ChallengeFailed', message: 'no TXT record found' });
    expect(dueAt).toBe(parked!.nextTry);
    expect(parked!.nextTry).toBeGreaterThan(world.time);
    expect(parked!.nextTry).toBeLessThanOrEqual(world.time + hour);
    expect({ owner, waits: wanted - done }).toEqual({ owner: undefined, waits: 0 });
  });

  test('publishes nothing, so that a panel that answers Domain Parked with an event stops', async () => {
    world.bus.events.length = 0;
    await say();
    expect(world.bus.events).toEqual([]);
  });

  test('is made by itself once the rate allows it, and only once', async () => {
    await sayTimes(10);
    const { nextTry } = (await record()).parked!;
    await sayTimes(10);
    expect((await record()).parked!.nextTry).toBe(nextTry);
    world.time = nextTry;
    await runStarted();
    expect(failed).toHaveLength(5);
  });

  test.each(['Certificate Expiring', 'Domain Changed'])('is held whatever event asks: %s', async type => {
    const detail = type === 'Domain Changed' ? created().detail : { domain };
    expect(await run({ 'detail-type': type, time: new Date(world.time).toISOString(), detail })).toBe('StillParked');
  });

  test('is held, too, if the event came while the order was under way', async () => {
    await pass(120, async () => void (await world.store.askReEvaluation(domain, world.time)));
    expect(within(hour)).toBeLessThanOrEqual(5);
  });

  test('is no reason to deliver late: a server that the wish names now gets what is served', async () => {
    const { store, time: now } = world;
    const certificate = aCertificate(world, { renewAt: now });
    world.memory.domains.get(domain)!.current = certificate;
    expect(await say({ mailServers: [mx1, mx2] })).toBe('StillParked');
    expect(await store.workFor({ server: mx2, domain })).toMatchObject({ certificate: { id: certificate.id } });
  });

  test('is not held after a certificate was stored', async () => {
    const plan = (await (async () => {
      world.time = (await record()).parked!.nextTry;
      return claimDomain({ ...created({}, new Date(world.time).toISOString()), execution: 'last' } as never, ports());
    })()) as Plan;
    const certificate = aCertificate(world, { renewAt: world.time });
    const { seen, servers } = plan;
    await world.store.commitCertificate({ domain, me: 'last', seen, certificate, servers, now: world.time });
    expect(await record()).not.toHaveProperty('brake');
  });
});

describe('a wish for other names', () => {
  const list = (...names: string[]) => ({ policy: 'list', names });

  test('is tried at once, whatever was tried before', async () => {
    await sayTimes(6);
    expect(await say()).toBe('StillParked');
    world.time += 1_000;
    expect(await say(list('mail'))).toBeUndefined();
  });

  test('that goes back and forth is braked as one wish', async () => {
    const wishes: Partial<Wish>[] = [{}, list('mail') as Partial<Wish>, list('mail', 'webmail') as Partial<Wish>];
    await say();
    let i = 0;
    await pass(3 * 60, () => say(wishes[(i += 1) % 3]));
    // Each of the three fails once, and then they share the rate.
    expect(within(hour)).toBeLessThanOrEqual(5 + 2);
    expect(failed.length).toBeLessThanOrEqual(3 + 3 + 3 + 3);
  });

  test('that is another each time is braked after eight', async () => {
    await say();
    let i = 0;
    await pass(120, () => say(list(`mail${(i += 1)}`)));
    expect(within(hour)).toBeLessThanOrEqual(8 + 5);
  });

  test('with a deletion in between is the same wish', async () => {
    const deleted = () =>
      run({ 'detail-type': 'Domain Deleted', time: new Date(world.time).toISOString(), detail: { domain } });
    for (let i = 0; i < 20; i++) {
      await say();
      world.time += 1_000;
      await deleted();
      world.time += 1_000;
    }
    expect(failed.length).toBeLessThanOrEqual(5);
  });
});

describe('a person who asks for a renewal', () => {
  test('is told of each try that it fails at the CA, and how many are left', async () => {
    await say();
    world.time += 1_000;
    expect(await renew({ domain }, world)).toMatchObject({ asked: [domain], counted: [{ domain, left: 2 }] });
    await runStarted();
    world.time += 1_000;
    expect(await renew({ domain }, world)).toMatchObject({ counted: [{ domain, left: 1 }] });
  });

  test('goes through the brake, and is told when the next try is made', async () => {
    await sayTimes(4);
    world.time += 1_000;
    const answer = await renew({ domain }, world);
    expect(answer).toMatchObject({ asked: [], held: [{ domain, reason: 'ChallengeFailed' }] });
    expect(answer.held![0]!.nextTry).toBeGreaterThan(world.time);
    expect(world.executions.started).toEqual([]);
  });

  test('and is held has its mark on the certificate: the next try orders with a new key', async () => {
    await sayTimes(4);
    world.memory.domains.get(domain)!.current = aCertificate(world);
    world.time += 1_000;
    await renew({ domain }, world);
    expect((await record()).current).toHaveProperty('askedAt');
    await runStarted();
    expect(failed).toHaveLength(4);
    expect((await record()).dueAt).toBe((await record()).parked!.nextTry);
  });
});
