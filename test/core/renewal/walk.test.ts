import { beforeEach, describe, expect, test } from 'vitest';
import { AcmeTransport } from '../../../core/acme/problem.ts';
import type { StoredCertificate } from '../../../core/record/domain.ts';
import { walkRenewalInfo, type Ca } from '../../../core/renewal/walk.ts';
import { aCertificate, day, domain, minute, mx1, newWorld, register, type World } from '../world.ts';

const hour = 60 * minute;

/** A CA that answers as a test wants. */
class TestCa implements Ca {
  name = 'https://ca.example/dir';
  /** The `ariId`s that were asked about. */
  asked: string[] = [];
  retryAfter = '21600';
  advice: Record<string, unknown> | undefined;
  trouble: { status: number; retryAfter?: string } | 'lost' | undefined;

  directory = async () => ({ renewalInfo: 'https://ca.example/ari' }) as never;

  request = async (url: string) => {
    this.asked.push(url.replace(/^.*\//, ''));
    if (this.trouble === 'lost') throw new AcmeTransport('no answer');
    if (this.trouble) {
      const headers = { ...(this.trouble.retryAfter && { 'retry-after': this.trouble.retryAfter }) };
      return { url, status: this.trouble.status, headers, data: {} };
    }
    return { url, status: 200, headers: { 'retry-after': this.retryAfter }, data: this.advice ?? {} };
  };
}

let world: World;
let ca: TestCa;
let others: TestCa;

beforeEach(async () => {
  world = newWorld();
  [ca, others] = [new TestCa(), new TestCa()];
  others.name = 'https://other.example/dir';
  await register(world, mx1);
});

const walk = (ceilingMs = 6 * hour) =>
  walkRenewalInfo({
    ...world,
    caOf: ({ issuer }) => (issuer === 'Other CA' ? others : ca),
    random: () => 0.5,
    ceilingMs,
  });

async function issued(name = domain, more: Partial<StoredCertificate> = {}): Promise<StoredCertificate> {
  const { store, time } = world;
  const certificate = aCertificate(world, { id: `order of ${name}`, ariId: `ari-of-${name}`, ...more });
  await store.acceptWish({ domain: name, mailServers: [mx1], policy: 'wildcard' }, { at: time }, time);
  await store.claimDomain({ domain: name, me: 'me', now: time });
  await store.commitCertificate({ domain: name, me: 'me', seen: 1, certificate, servers: [mx1], now: time });
  await store.releaseDomain({ domain: name, me: 'me', seen: 1, now: time }, certificate.renewAt);
  return certificate;
}

const fleet = async (size: number) => {
  for (let i = 0; i < size; i++) await issued(`d${i}.example`);
};

const windowAt = (start: number, end: number) => ({
  suggestedWindow: { start: new Date(start).toISOString(), end: new Date(end).toISOString() },
});

describe('the renewal window of a CA', () => {
  test('becomes the moment of renewal, once', async () => {
    await issued();
    ca.advice = windowAt(world.time + 40 * day, world.time + 42 * day);
    expect(await walk()).toEqual({ looked: 1, changed: 1, failed: 0, ended: true });
    expect(await world.store.readDomain(domain)).toMatchObject({
      dueAt: world.time + 41 * day,
      current: { renewAt: world.time + 41 * day, window: { start: world.time + 40 * day, end: world.time + 42 * day } },
    });
    world.time += 6 * hour;
    expect(await walk()).toMatchObject({ looked: 1, changed: 0 });
  });

  test('makes a domain due at once if it is past, with its reason', async () => {
    await issued();
    ca.advice = {
      ...windowAt(world.time - 2 * hour, world.time - hour),
      explanationURL: 'https://ca.example/incident',
    };
    await walk();
    const record = (await world.store.readDomain(domain))!;
    expect(record.dueAt).toBe(world.time);
    expect(record.current).toMatchObject({
      renewAt: world.time - 1.5 * hour,
      explanation: 'https://ca.example/incident',
    });
    expect(await world.store.due({ now: world.time, limit: 10 })).toMatchObject([{ name: domain }]);
  });

  test('never puts off a domain that is due for another reason', async () => {
    const { store, time } = world;
    await issued();
    await store.askReEvaluation(domain, time);
    await store.claimDomain({ domain, me: 'me', now: time });
    await store.parkDomain(
      { domain, me: 'me', seen: 2 },
      { reason: 'ChallengeFailed', message: '', since: time, nextTry: time + day, tries: 4 },
      [],
    );
    ca.advice = windowAt(time + 40 * day, time + 42 * day);
    await walk();
    expect(await store.readDomain(domain)).toMatchObject({
      dueAt: time + day,
      current: { renewAt: time + 41 * day },
      parked: { tries: 4 },
    });
  });

  test('is not stored while an execution has the claim', async () => {
    await issued();
    await world.store.askReEvaluation(domain, world.time);
    await world.store.claimDomain({ domain, me: 'me', now: world.time });
    ca.advice = windowAt(world.time - 2 * hour, world.time - hour);
    expect(await walk()).toMatchObject({ looked: 1, changed: 0 });
  });

  test('is not asked for if a certificate has no identifier', async () => {
    await issued(domain, { ariId: undefined });
    expect(await walk()).toMatchObject({ looked: 0, ended: true });
  });
});

describe('a pass', () => {
  test("begins again after the CA's Retry-After, and never later than the ceiling", async () => {
    await fleet(3);
    ca.advice = windowAt(world.time + 40 * day, world.time + 42 * day);
    await walk();
    world.time += 6 * hour - minute;
    expect(await walk()).toMatchObject({ looked: 0 });
    world.time += minute;
    ca.retryAfter = '86400';
    expect(await walk()).toMatchObject({ looked: 3 });
    world.time += 6 * hour;
    ca.retryAfter = '60';
    expect(await walk()).toMatchObject({ looked: 3 });
    world.time += minute;
    ca.retryAfter = '1';
    expect(await walk()).toMatchObject({ looked: 3 });
    world.time += minute / 2;
    expect(await walk()).toMatchObject({ looked: 0 });
  });

  test('over many certificates is spread over its time, minute by minute', async () => {
    await fleet(2_400);
    expect(await walk(hour)).toMatchObject({ looked: 2_400, ended: true });
    world.time += hour;
    const looked: number[] = [];
    for (let i = 0; i < 60; i++) {
      looked.push((await walk(hour)).looked);
      world.time += minute;
    }
    expect(looked.reduce((sum, count) => sum + count)).toBe(2_400);
    expect(Math.max(...looked)).toBeLessThanOrEqual(41);
    expect((await world.store.walkPosition())!.ended).toBe(true);
  });

  test('continues where it was killed, and asks at most one page twice', async () => {
    await fleet(1_200);
    const record = world.store.recordWalk;
    let records = 0;
    world.store.recordWalk = async position => {
      if ((records += 1) === 2) throw new Error('killed');
      return record(position);
    };
    await expect(walk()).rejects.toThrow('killed');
    world.store.recordWalk = record;
    expect(await walk()).toMatchObject({ looked: 1_000, ended: true });
    expect(new Set(ca.asked).size).toBe(1_200);
    expect(ca.asked).toHaveLength(1_400);
  });

  test('that another walk has taken over ends after its page', async () => {
    await fleet(1_200);
    const { domains } = world.store;
    world.store.domains = async (limit, after) => {
      world.store.domains = domains;
      await world.store.recordWalk({ step: 9, begunAt: world.time, paceMs: hour, passed: 1 });
      return domains(limit, after);
    };
    expect(await walk()).toMatchObject({ looked: 200, ended: false });
  });

  test('makes no more than 20 requests at once', async () => {
    await fleet(100);
    let [now, most] = [0, 0];
    const { request } = ca;
    ca.request = async url => {
      most = Math.max(most, (now += 1));
      await new Promise(resolve => setTimeout(resolve, 1));
      now -= 1;
      return request(url);
    };
    await walk();
    expect(most).toBe(20);
  });
});

describe('a failing CA', () => {
  test('is not asked before its Retry-After, and the walk continues at the same position', async () => {
    await fleet(60);
    ca.trouble = { status: 503, retryAfter: '600' };
    expect(await walk()).toMatchObject({ looked: 0, ended: false });
    const asked = ca.asked.length;
    expect(asked).toBeLessThanOrEqual(20);
    world.time += 9 * minute;
    expect(await walk()).toMatchObject({ looked: 0, failed: 0 });
    expect(ca.asked).toHaveLength(asked);
    world.time += minute;
    ca.trouble = undefined;
    expect(await walk()).toMatchObject({ looked: 60, ended: true });
    expect((await world.store.walkPosition())!.failing).toEqual({});
  });

  test('that limits the rate is not asked before its Retry-After either', async () => {
    await fleet(60);
    ca.trouble = { status: 429, retryAfter: '120' };
    await walk();
    expect((await world.store.walkPosition())!.failing).toEqual({
      [ca.name]: { since: world.time, until: world.time + 2 * minute },
    });
  });

  test('is skipped after an hour, so that the other CAs are asked', async () => {
    await fleet(30);
    await issued('other.example', { issuer: 'Other CA' });
    ca.trouble = 'lost';
    for (let i = 0; i < 61; i++) {
      expect(await walk()).toMatchObject({ ended: i === 60 });
      world.time += minute;
    }
    expect(others.asked).toContain('ari-of-other.example');
    // One to twenty requests a minute, and not one for each certificate.
    expect(ca.asked.length).toBeLessThan(61 * 30);
  });

  test('that fails for one certificate only delays no other', async () => {
    await fleet(30);
    const { request } = ca;
    ca.request = async url => {
      if (url.endsWith('ari-of-d7.example')) throw new AcmeTransport('the answer is broken');
      return request(url);
    };
    expect(await walk()).toEqual({ looked: 29, changed: 0, failed: 1, ended: true });
  });
});
