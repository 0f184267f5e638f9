import { beforeEach, describe, expect, test } from 'vitest';
import { assembleDelivery } from '../../../core/deliver-to-server/assemble-delivery.ts';
import { calmServers } from '../../../core/secure-domain/calm.ts';
import type { StoredCertificate } from '../../../core/record/domain.ts';
import { quietMoment } from '../../../core/work/quiet.ts';
import { releaseServer } from '../../../core/deliver-to-server/release-server.ts';
import { sweep } from '../../../core/sweep/sweep.ts';
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
  register,
  type World,
  unlessEnded,
} from '../world.ts';

const quietHours = { from: 1, to: 5 };
const names = [domain, `*.${domain}`];
let world: World;

beforeEach(() => void (world = newWorld()));

/** As after the whole road: the certificate was seen served on each server. */
async function served(certificate: StoredCertificate, ...servers: string[]): Promise<void> {
  const { id, fingerprint } = certificate;
  const seen = { domain, certificate: id, fingerprint, seenAt: world.time, node };
  for (const server of servers) {
    await world.store.recordInstalled(server, { domain, v: 0 }, seen);
    await world.store.endWork(server, { domain, v: 0 });
  }
}

describe('a renewal', () => {
  const quiet = (server = mx1) => quietMoment(server, quietHours, world.time);
  const calm = async (more: Partial<StoredCertificate> = {}, planned = names, servers = [mx1]) => {
    const current = aCertificate(world, { notBefore: world.time - 60 * day, notAfter: world.time + 30 * day, ...more });
    await served(current, mx1);
    const plan = { names: planned, servers, issuer: aCertificate(world).issuer };
    return calmServers({ domain, wanted: 1, done: 0, current }, plan, { ...world, now: world.time, quietHours });
  };

  beforeEach(() => register(world, mx1, mx2));

  test('in good time waits for the quiet hour of its server', async () => {
    expect(await calm()).toEqual({ [mx1]: quiet() });
    const hours = 3_600_000;
    expect(await calm({ window: { start: world.time - hours, end: world.time + hours } })).toEqual({ [mx1]: quiet() });
  });

  test.each<[string, (time: number) => Partial<StoredCertificate>]>([
    ['whose window is past', time => ({ window: { start: time - 2, end: time - 1 } })],
    ['that is near its end', time => ({ notAfter: time + 10 * day, notBefore: time - 80 * day })],
    ['in place of one from another issuer', () => ({ issuer: 'another' })],
    ['in place of one from a staging issuer', () => ({ staging: true })],
    ['that an operator asked for', time => ({ askedAt: time - 1 })],
    ['of five minutes', time => ({ notBefore: time - 150_000, notAfter: time + 150_000 })],
    // Half a day before the reserve of 40 hours is used up.
    [
      'that would be near its end at the quiet hour',
      time => ({ notBefore: time - 5 * day, notAfter: time + 1.6 * day }),
    ],
  ])('%s is delivered at once', async (_, more) => {
    expect(await calm(more(world.time))).toEqual({});
  });

  test('of 160 hours is calm at half of its life', async () => {
    const [notBefore, notAfter] = [world.time - 80 * 60 * minute, world.time + 80 * 60 * minute];
    expect(await calm({ notBefore, notAfter })).toEqual({ [mx1]: quiet() });
  });

  test('with other names, or for a server that does not serve the old one, is delivered at once', async () => {
    expect(await calm({}, [`mail.${domain}`])).toEqual({});
    expect(await calm({}, names, [mx1, mx2])).toEqual({ [mx1]: quiet() });
    await giveWork(world);
    expect(await calm()).toEqual({});
  });

  test('of a domain without a certificate is delivered at once', async () => {
    const record = { domain, wanted: 1, done: 0 };
    const plan = { names, servers: [mx1], issuer: aCertificate(world).issuer };
    expect(await calmServers(record, plan, { ...world, now: world.time, quietHours })).toEqual({});
  });
});

describe('calm work', () => {
  let at: number;

  /** A server without work, and then calm work for it. */
  async function waits(name = domain): Promise<void> {
    const { store, time } = world;
    const certificate = aCertificate(world, { names: [name, `*.${name}`] });
    const pem = (label: string) =>
      `-----BEGIN ${label}-----\n${Buffer.from(name).toString('base64')}\n-----END ${label}-----\n`;
    await world.certificates.putKeyOnce({ domain: name, id: certificate.id }, pem('PRIVATE KEY'));
    await world.certificates.putChain({ domain: name, id: certificate.id }, pem('CERTIFICATE'));
    await store.acceptWish({ domain: name, mailServers: [mx1], policy: 'wildcard' }, { at: time }, time);
    await store.claimDomain({ domain: name, me: 'me', now: time });
    const commit = { domain: name, me: 'me', seen: 1, certificate, servers: [mx1], now: time };
    await store.commitCertificate({ ...commit, calm: { [mx1]: at } });
    await store.releaseDomain({ domain: name, me: 'me', seen: 1, now: time }, certificate.renewAt);
  }

  beforeEach(async () => {
    const me = await readyServer(world);
    await unlessEnded(releaseServer({ server: mx1, execution: me, rounds: 1 }, world));
    at = world.time + 600 * minute;
    await waits('a.example');
    await waits('b.example');
  });

  const assemble = async () => {
    const execution = (await world.store.readServer(mx1))!.owner!;
    return unlessEnded(assembleDelivery({ server: mx1, execution }, { ...world, roots: '' }));
  };

  test('wakes no server before its time, and is then delivered together', async () => {
    world.time = at - 1;
    expect(await sweep(world)).toMatchObject({ servers: 0 });
    world.time = at;
    expect(await sweep(world)).toMatchObject({ servers: 1 });
    expect((await assemble()).delivery).toMatchObject({ mode: 'install', entries: 2 });
  });

  test('is included in the delivery of urgent work, but not if it was refused', async () => {
    const refused = (await world.store.workFor({ server: mx1, domain: 'b.example' }))!;
    await world.store.recordRefused(mx1, refused, at - 1, 'InstallRefused: too early');
    await giveWork(world, 'urgent.example');
    await world.store.wakeServer(mx1, world.time);
    const { delivery } = await assemble();
    const manifest = await world.deliveries.readManifest(delivery.hash);
    expect(manifest.map(({ domain }) => domain).sort()).toEqual(['a.example', 'urgent.example']);
  });

  test('is not deliverable by itself before its time, and the server is due at that time', async () => {
    const me = (await world.store.wakeServer(mx1, world.time))!;
    await expect(assemble()).rejects.toMatchObject({ name: 'NothingToDeliver' });
    expect(await unlessEnded(releaseServer({ server: mx1, execution: me, rounds: 1 }, world))).toEqual({
      server: mx1,
      dueAt: at,
    });
  });
});
