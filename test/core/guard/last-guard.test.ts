/** The last guard pages for what is served and about to end, whatever else is on record. */
import { beforeEach, describe, expect, test } from 'vitest';
import { checkDueServers } from '../../../core/audit/round.ts';
import { guard } from '../../../core/guard/last-guard.ts';
import { lifeOfForeign } from '../../../core/record/life.ts';
import { resume } from '../../../core/deliver-to-server/send-delivery.ts';
import { sweep } from '../../../core/sweep/sweep.ts';
import { deliver } from '../rounds.ts';
import {
  aCertificate,
  day,
  domain,
  giveWork,
  minute,
  mx1,
  mx2,
  newWorld,
  node,
  readyServer,
  type World,
} from '../world.ts';

let world: World;
/** When the leaf that is served begins and ends. */
let life: { notBefore: number; notAfter: number };

const pages = () =>
  world.bus.events
    .filter(({ detailType }) => detailType === 'Served Certificate Approaching Expiration')
    .map(({ detail }) => detail);
const inDays = (days: number) => void (world.time = life.notBefore + days * day);
const wish = (mailServers: string[] = [mx1]) => ({ domain, mailServers, policy: 'wildcard' as const });
const say = (mailServers?: string[]) => world.store.acceptWish(wish(mailServers), { at: world.time }, world.time);

/** Deliveries of all that waits, by the steps, to a server that serves what it is sent. */
async function delivered(): Promise<void> {
  const execution = await world.store.wakeServer(mx1, world.time);
  if (execution) await deliver(world, { server: mx1, execution });
}

/** A certificate of 90 days is seen served on mx1. */
beforeEach(async () => {
  world = newWorld();
  const me = await readyServer(world);
  await world.store.releaseServer({ server: mx1, me, now: world.time }, { wanted: 1 });
  await say();
  life = { notBefore: world.time, notAfter: world.time + 90 * day };
  await giveWork(world, domain, life);
  world.time += minute;
  await delivered();
  expect(await world.store.installed({ server: mx1, domain })).toMatchObject({ life, node });
});

describe('what was seen served', () => {
  test('pages nobody while a renewal in good time may still come', async () => {
    inDays(75.9);
    expect(await guard(world)).toEqual({ endings: 0, paged: 0 });
    expect(pages()).toEqual([]);
  });

  test('pages once a day, from 14 days before its end until a day after it', async () => {
    const days: number[] = [];
    for (let hour = 70 * 24; hour < 95 * 24; hour++) {
      world.time = life.notBefore + hour * 3_600_000;
      const { paged } = await guard(world);
      if (paged > 0) days.push(Math.floor(world.time / day));
    }
    const first = Math.floor((life.notBefore + 76 * day) / day);
    expect(days).toEqual(Array.from({ length: 16 }, (_, i) => first + i));
    expect(pages()[0]).toMatchObject({
      ...{ server: mx1, count: 1, domains: [domain], moreServers: 0 },
      notAfter: new Date(life.notAfter).toISOString(),
    });
  });

  test('pages for a third of its lifetime, if it lives a few days', async () => {
    const short = { notBefore: world.time, notAfter: world.time + 6 * day };
    await giveWork(world, domain, { ...short, id: 'd'.repeat(64) });
    world.time += minute;
    await delivered();
    inDays(3.9);
    expect(await guard(world)).toEqual({ endings: 0, paged: 0 });
    inDays(4.1);
    expect(await guard(world)).toEqual({ endings: 1, paged: 1 });
  });

  test('pages nobody once a newer certificate was seen there, and not before that', async () => {
    inDays(80);
    const renewed = { id: 'd'.repeat(64), notBefore: world.time, notAfter: world.time + 90 * day };
    await giveWork(world, domain, renewed);
    expect(await guard(world)).toEqual({ endings: 1, paged: 1 });
    world.time += day;
    await delivered();
    expect(await guard(world)).toEqual({ endings: 0, paged: 0 });
  });

  test('pages nobody where no wish wants it any more', async () => {
    inDays(80);
    await say([mx2]);
    expect(await guard(world)).toEqual({ endings: 0, paged: 0 });
  });

  test('is published before its day is recorded, so that a killed guard pages again', async () => {
    inDays(80);
    const killed = { ...world.store, recordPage: () => Promise.reject(new Error('killed')) };
    await expect(guard({ ...world, store: killed })).rejects.toThrow('killed');
    expect(await guard(world)).toEqual({ endings: 1, paged: 1 });
    expect(pages()).toHaveLength(2);
  });

  test('is found although thousands of others ended long ago and are still on record', async () => {
    inDays(80);
    const gone = { notBefore: world.time - 190 * day, notAfter: world.time - 100 * day };
    const seen = { fingerprint: 'f'.repeat(64), seenAt: gone.notBefore, life: gone, node };
    for (let i = 0; i < 6_000; i++) {
      const domain = `gone${i}.example`;
      await world.store.recordInstalled(mx2, { domain, v: 1 }, { ...seen, domain });
    }
    expect(await guard(world)).toEqual({ endings: 1, paged: 1 });
  });

  test('on many servers is 50 pages a day, and each says how many servers have none', async () => {
    inDays(80);
    const servers = Array.from({ length: 60 }, (_, i) => `mx${i}.many.example`);
    await say([mx1, ...servers]);
    const seen = { domain, fingerprint: 'f'.repeat(64), seenAt: world.time, life, node };
    for (const server of servers) await world.store.recordInstalled(server, { domain, v: 1 }, seen);
    expect(await guard(world)).toEqual({ endings: 61, paged: 50 });
    expect(pages()[0]).toMatchObject({ moreServers: 11 });
  });
});

describe('the page comes, and has the reason,', () => {
  const states: [string, string, () => Promise<unknown> | void][] = [
    ['if nothing on record says why', 'Unexpected', () => {}],
    ['if the domain is parked', 'ChallengeFailed', () => change({ parked: parked('ChallengeFailed') })],
    ['if the domain has left', 'DomainNotManaged', () => change({ retired: { at: world.time, message: 'gone' } })],
    ['if nothing is due', 'Unexpected', () => change({ dueAt: undefined })],
    ['if its execution hangs', 'Unexpected', () => change({ owner: 'me', leaseUntil: world.time + 99 * day })],
    ['if the server is held', 'InstallBroken', () => onServer({ held: 'port 993' })],
    ['if the server is unreachable', 'ServerUnreachable', () => onServer({ failures: 7 })],
    ['if the server was never audited', 'Unexpected', () => onServer({ audit: undefined, auditAsked: undefined })],
    ['if the server has not secured itself', 'HostCertificateLost', notSecured],
    ['if the server is retired', 'ServerNotRegistered', () => world.store.retireServer(mx1, world.time)],
    ['if the server is unknown', 'ServerNotRegistered', () => void world.memory.servers.delete(mx1)],
    ['if the server refused the renewal', 'InstallRefused', refused],
    ['if the renewal was stored and never given', 'Unexpected', () => change({ current: renewed() })],
  ];
  const parked = (reason: 'ChallengeFailed') => ({ reason, message: 'm', since: 1, nextTry: 2, tries: 40 });
  const renewed = () =>
    aCertificate(world, { id: 'd'.repeat(64), notBefore: world.time, notAfter: world.time + 90 * day });
  const change = (more: object) => void Object.assign(world.memory.domains.get(domain)!, more);
  const onServer = (more: object) => void Object.assign(world.memory.servers.get(mx1)!, more);

  async function refused(): Promise<void> {
    await giveWork(world, domain, renewed());
    const [work] = await world.store.work(mx1, 1);
    await world.store.recordRefused(mx1, work!, world.time + day, 'InstallRefused: the key does not fit');
  }
  async function notSecured(): Promise<void> {
    await giveWork(world, domain, renewed());
    onServer({ hostSecuredAt: undefined });
  }

  test.each(states)('%s: %s', async (_, reason, set) => {
    inDays(80);
    await set();
    expect(await guard(world)).toEqual({ endings: 1, paged: 1 });
    expect(pages()).toMatchObject([{ server: mx1, reason, domains: [domain] }]);
  });
});

describe('a read that fails', () => {
  const fail = () => Promise.reject(new Error('the item has no such field'));
  type Read = 'readServer' | 'workFor' | 'readDomain' | 'installed';
  const without = (read: Read) => ({ ...world, store: { ...world.store, [read]: fail } });

  test.each(['readServer', 'workFor'] as const)('of the reason (%s) leaves the page, which says so', async read => {
    inDays(80);
    expect(await guard(without(read))).toEqual({ endings: 1, paged: 1 });
    expect(pages()).toMatchObject([{ server: mx1, reason: 'Unexpected', domains: [domain] }]);
    expect(pages()[0]).toMatchObject({ message: expect.stringContaining('the item has no such field') });
    expect(await guard(world)).toEqual({ endings: 1, paged: 0 });
  });

  test('of a wish leaves its page and all others, and fails the guard in the end', async () => {
    const other = 'other.example';
    await world.store.acceptWish({ ...wish(), domain: other }, { at: world.time }, world.time);
    const seen = { domain: other, fingerprint: 'f'.repeat(64), seenAt: world.time, life, node };
    await world.store.recordInstalled(mx1, { domain: other, v: 1 }, seen);
    inDays(80);
    const readDomain = (name: string) => (name === domain ? fail() : world.store.readDomain(name));
    const store = { ...world.store, readDomain };
    await expect(guard({ ...world, store })).rejects.toThrow('1 of 2 wishes could not be read');
    expect(pages()).toMatchObject([{ server: mx1, count: 2 }]);
    await expect(guard({ ...world, store })).rejects.toThrow('1 of 2 wishes could not be read');
    expect(pages()).toHaveLength(1);
  });

  test('of what is served beside a foreign certificate hides no other page', async () => {
    const only = 'foreign.example';
    await world.store.acceptWish({ ...wish(), domain: only }, { at: world.time }, world.time);
    inDays(80);
    await world.store.guardForeign({ domain: only, life, seenAt: world.time });
    await expect(guard(without('installed'))).rejects.toThrow('the item has no such field');
    expect(pages()).toMatchObject([{ server: mx1, count: 1, domains: [domain] }]);
  });
});

describe('the page comes each day although this part of the road does nothing:', () => {
  const outside = () => {
    const network = { ports: [993], handshake: async () => ({ reached: false, trusted: false }) };
    const dns = { resolve: async () => ['192.0.2.1'] };
    return checkDueServers({ ...world, ...network, dns } as never);
  };
  const road: Record<string, () => Promise<unknown>> = {
    'the sweep': () => sweep(world),
    'the audit': () => world.store.askAudit(mx1, world.time),
    delivery: delivered,
    "SSM's events": async () => {
      const { delivery } = (await world.store.readServer(mx1))!;
      if (delivery?.commandId) await resume({ ...delivery, commandId: delivery.commandId, node }, world);
    },
    'outside checks': outside,
  };
  test.each([...Object.keys(road), 'all of them'])('%s', async disabled => {
    let paged = 0;
    for (let days = 70; days < 90; days++) {
      inDays(days);
      for (const [part, run] of Object.entries(road)) if (part !== disabled && disabled !== 'all of them') await run();
      paged += (await guard(world)).paged;
    }
    expect(paged).toBe(14);
  });
});

describe('a foreign certificate that an import saw', () => {
  const foreign = () => ({ renewAt: world.time + 10 * day, notAfter: world.time + 20 * day });

  beforeEach(async () => {
    await world.store.recordRemoved(mx1, { domain, v: 1 }, { node, begun: world.time + 1 });
    await world.store.guardForeign({ domain, life: lifeOfForeign(foreign()), seenAt: world.time });
  });

  test('pages when ours should long be served', async () => {
    inDays(14.9);
    expect(await guard(world)).toEqual({ endings: 0, paged: 0 });
    inDays(15.1);
    expect(await guard(world)).toEqual({ endings: 1, paged: 1 });
    expect(pages()).toMatchObject([{ server: mx1, domains: [domain] }]);
  });

  test('is forgotten once ours was seen on each server', async () => {
    world.time += day;
    const late = { id: 'd'.repeat(64), notBefore: world.time, notAfter: world.time + 90 * day };
    await giveWork(world, domain, late);
    world.time += minute;
    await delivered();
    inDays(16);
    expect(await guard(world)).toEqual({ endings: 0, paged: 0 });
    expect(world.memory.foreign.size).toBe(0);
  });
});
