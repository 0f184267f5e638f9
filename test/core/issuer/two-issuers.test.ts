/**
 * Two real CAs in order, of which the second binds accounts to its customers. The steps run as in
 * the state machine, with a park.
 */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { knownAccount, openAccount, register as registerAccount } from '../../../core/acme/account.ts';
import { directoryOf } from '../../../core/acme/directory.ts';
import type { Issuer } from '../../../core/acme/issuer.ts';
import { systemResolver } from '../../../core/dns/authoritative.ts';
import { challengeTarget } from '../../../core/dns/challenge-place.ts';
import { claimDomain } from '../../../core/secure-domain/claim-domain.ts';
import { finalizeOrder } from '../../../core/secure-domain/finalize-order.ts';
import { createOrder } from '../../../core/secure-domain/create-order.ts';
import { publishChallenges } from '../../../core/secure-domain/publish-challenges.ts';
import { validate } from '../../../core/secure-domain/validate.ts';
import { parkDomain } from '../../../core/secure-domain/park-domain.ts';
import { releaseDomain } from '../../../core/secure-domain/release-domain.ts';
import { isSealpostError } from '../../../core/errors.ts';
import type { Plan } from '../../../core/record/plan.ts';
import { memorySecrets } from '../../twins/secrets.ts';
import { problem, startTestCa, type TestCa } from '../acme/ca.ts';
import { startNameServer, type NameServer } from '../dns/name-server.ts';
import {
  anIssuer,
  challengeZone,
  created,
  minute,
  mx1,
  newWorld,
  register,
  type World,
  unlessEnded,
} from '../world.ts';

const address = `127.${1 + Math.floor(Math.random() * 250)}.${1 + Math.floor(Math.random() * 250)}.1`;
const hmacKey = createHash('sha256').update('a MAC key').digest('base64url');
let first: TestCa;
let second: TestCa;
let zone: NameServer;
let roots: string;
let world: World;
let secrets: ReturnType<typeof memorySecrets>;
let serial = 0;

beforeAll(async () => {
  first = await startTestCa({ reusesAuthorizations: 100 });
  second = await startTestCa({ externalAccountBinding: { 'kid-1': hmacKey } });
  zone = await startNameServer(address, 53);
  roots = [await first.ca.issuerRoots(), await second.ca.issuerRoots()].join('\n');
}, 300_000);
afterAll(async () => {
  await zone?.stop();
  await first?.stop();
  await second?.stop();
});

beforeEach(async () => {
  first.calm();
  second.calm();
  zone.records.clear();
  // A minute ahead: on a busy machine the CA's seconds pass while the world's clock stands still.
  world = newWorld(Date.now() + 60_000);
  secrets = memorySecrets();
  await register(world, mx1);
  await secrets.createOnce({ name: '/second/external-account', value: JSON.stringify({ kid: 'kid-1', hmacKey }) });
  const at = ({ directoryUrl, ca }: TestCa) => ({ directoryUrl, roots: ca.tlsRoot });
  world.issuers = [
    anIssuer({ name: 'first', ...at(first), keyParameter: '/first/account-key' }),
    anIssuer({
      ...{ name: 'second', ...at(second), keyParameter: '/second/account-key' },
      externalAccountParameter: '/second/external-account',
    }),
  ];
});

const cas = () => [first, second];
function newDomain(): string {
  const domain = `d${(serial += 1)}.example`;
  for (const { names } of cas()) {
    names.records.set(`${challengeZone.name} NS`, ['ns1.provider.example']);
    names.records.set('ns1.provider.example A', [address]);
    names.records.set(`_acme-challenge.${domain} CNAME`, [challengeTarget(domain, challengeZone)]);
  }
  return domain;
}

function serve(): void {
  for (const [key, values] of world.zones.txt)
    for (const server of [zone, first.names, second.names]) server.records.set(`${key.split(' ')[1]} TXT`, values);
}

const accountPorts = () => ({ secrets, store: world.store, now: world.clock.now });
const issuerOf = (plan: Plan): Issuer => world.issuers.find(({ name }) => name === plan.issuer)!;
const ports = () => ({
  ...world,
  ...{
    dns: systemResolver([first.names.address]),
    challengeZone,
    propagationMs: 0,
    random: () => 0.5,
    roots,
    quietHours: { from: 1, to: 5 },
  },
  directoryOf: (issuer: Issuer) => directoryOf(issuer, world.time),
});

/**
 * One execution. A step that fails is not retried, and the domain is parked.
 * @returns the states that the execution passed
 */
async function walk(event: object): Promise<string[]> {
  const execution = `execution-${(serial += 1)}`;
  const road: string[] = [];
  let input: any = { ...event, execution };
  const step = async (state: string, logic: () => Promise<object>) => {
    road.push(state);
    input = { ...(await logic()), execution };
  };
  try {
    await step('ClaimDomain', () => unlessEnded(claimDomain(input, ports())));
    const issuer = issuerOf(input);
    await step('CreateOrder', async () => {
      const acme = await openAccount(issuer, accountPorts());
      return createOrder(input, {
        ...{ ...world, acme, issuer },
        registerAgain: () => registerAccount(acme, issuer, accountPorts()),
      });
    });
    await step('PublishChallenges', () => publishChallenges(input, ports()));
    serve();
    const acme = await knownAccount(issuer, accountPorts());
    await step('Validate', () => validate(input, { ...ports(), acme }));
    await step('FinalizeOrder', () => unlessEnded(finalizeOrder(input, { ...ports(), acme, issuer })));
    await step('ReleaseDomain', () => unlessEnded(releaseDomain(input, ports())));
  } catch (error) {
    if (!isSealpostError(error)) throw error;
    road.push('ParkDomain');
    const domain = (event as { detail: { domain: string } }).detail.domain;
    await parkDomain({ domain, ...input, error }, ports());
  }
  return road;
}

const wish = (domain: string, more: object = {}) => created({ domain, ...more }, new Date(world.time).toISOString());
/** Runs executions as long as one starts another. */
async function secure(domain: string, more: object = {}): Promise<string[][]> {
  const roads = [await walk(wish(domain, more))];
  for (let next = nextLook(); next; next = nextLook()) roads.push(await walk(next));
  return roads;
}
function nextLook(): object | undefined {
  const at = world.executions.started.findIndex(({ machine }) => machine === 'secure-domain');
  return at < 0 ? undefined : (world.executions.started.splice(at, 1)[0]!.input as object);
}
const issuedBy = async (domain: string) => (await world.store.readDomain(domain))!.current?.issuer;
const whole = ['ClaimDomain', 'CreateOrder', 'PublishChallenges', 'Validate', 'FinalizeOrder', 'ReleaseDomain'];
const ordersAt = ({ seen }: TestCa) => seen.filter(line => line === 'POST /order-plz').length;

describe('of two issuers in order', () => {
  test('the first one issues while it can', async () => {
    const domain = newDomain();
    expect(await secure(domain)).toEqual([whole]);
    expect(await issuedBy(domain)).toBe('first');
    expect(ordersAt(second)).toBe(0);
  });

  test('the second issues for all domains while the first fails, and the first again afterwards', async () => {
    await secure(newDomain());
    first.fault = () => 'refused';
    const domain = newDomain();
    expect(await secure(domain)).toEqual([['ClaimDomain', 'CreateOrder', 'ParkDomain'], whole]);
    expect(await issuedBy(domain)).toBe('second');
    expect(world.bus.events.map(({ detailType }) => detailType)).not.toContain('Domain Parked');
    first.seen = [];
    const meanwhile = newDomain();
    expect(await secure(meanwhile)).toEqual([whole]);
    expect([await issuedBy(meanwhile), first.seen]).toEqual(['second', []]);

    first.fault = () => undefined;
    world.time += minute;
    const back = newDomain();
    expect(await secure(back)).toEqual([whole]);
    expect(await issuedBy(back)).toBe('first');
  });

  test('the second issues for the one domain that has reached a limit of the first', async () => {
    first.fault = line =>
      line === 'POST /order-plz' ? { status: 429, ...problem('rateLimited', 'too many certificates') } : undefined;
    const domain = newDomain();
    expect(await secure(domain)).toEqual([['ClaimDomain', 'CreateOrder', 'ParkDomain'], whole]);
    expect(await issuedBy(domain)).toBe('second');
    first.fault = () => undefined;
    const other = newDomain();
    await secure(other);
    expect(await issuedBy(other)).toBe('first');
  });

  test('the second starts from the beginning if the first failed in the middle of an order', async () => {
    first.fault = line => (line.startsWith('POST /chalZ') ? { status: 503 } : undefined);
    const domain = newDomain();
    expect(await secure(domain)).toEqual([[...whole.slice(0, 4), 'ParkDomain'], whole]);
    expect(await issuedBy(domain)).toBe('second');
    expect(world.zones.txt.size).toBe(0);
  });

  test('the second is not asked if the domain is not delegated', async () => {
    const domain = newDomain();
    for (const { names } of cas()) names.records.delete(`_acme-challenge.${domain} CNAME`);
    expect(await secure(domain)).toEqual([['ClaimDomain', 'ParkDomain']]);
    expect([ordersAt(first), ordersAt(second)]).toEqual([0, 0]);
  });

  test('a wish that names the second gets it, once its external account is there', async () => {
    secrets = memorySecrets();
    const domain = newDomain();
    expect(await secure(domain, { issuer: 'second' })).toEqual([['ClaimDomain', 'CreateOrder', 'ParkDomain']]);
    expect((await world.store.readDomain(domain))!.parked).toMatchObject({ reason: 'IssuerUnusable' });
    await secrets.createOnce({ name: '/second/external-account', value: JSON.stringify({ kid: 'kid-1', hmacKey }) });
    world.time += minute;
    expect(await secure(domain, { issuer: 'second' })).toEqual([whole]);
    expect(await issuedBy(domain)).toBe('second');
    expect(ordersAt(first)).toBe(0);
  });
});

test('names whose authorization the CA still holds are ordered without a TXT record', async () => {
  const domain = newDomain();
  await secure(domain);
  const lookups = () => zone.questions.filter(question => question.endsWith(' TXT')).length;
  const [challenges, asked] = [first.seen.filter(line => /chalZ/.test(line)).length, lookups()];
  const changes: string[] = [];
  const { changeTxt } = world.zones;
  world.zones.changeTxt = (zoneId, values) => (changes.push(zoneId), changeTxt(zoneId, values));
  expect(await secure(domain, { policy: 'list', names: ['@'], version: 2 })).toEqual([whole]);
  expect((await world.store.readDomain(domain))!.current!.names).toEqual([domain]);
  expect(changes).toEqual([]);
  expect(first.seen.filter(line => /chalZ/.test(line))).toHaveLength(challenges);
  expect(lookups()).toBe(asked);
  expect((await world.store.readDomain(domain))!.parked).toBeUndefined();
});
