/**
 * One server of a wish cannot receive a certificate: it is refused, retired or not inspected. The
 * others are renewed all the same.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { importToAcm } from '../../../core/acm/import-to-acm.ts';
import { claimDomain, type ClaimPorts } from '../../../core/secure-domain/claim-domain.ts';
import { serversOf, type DomainRecord } from '../../../core/record/domain.ts';
import { releaseDomain } from '../../../core/secure-domain/release-domain.ts';
import { retireServer } from '../../../core/register-server/retire-server.ts';
import { challengeTarget } from '../../../core/dns/challenge-place.ts';
import type { Installed } from '../../../core/record/server.ts';
import {
  aCertificate,
  challengeZone,
  created,
  day,
  domain,
  found,
  minute,
  mx1,
  mx2,
  newWorld,
  node,
  register,
  type World,
  unlessEnded,
} from '../world.ts';

const web = 'web.provider.example';
const wildcard = [domain, `*.${domain}`];
let world: World;
let ports: ClaimPorts;
let said: number;
/** Where each `_acme-challenge` leads. */
let targets: Map<string, string>;

beforeEach(async () => {
  world = newWorld();
  said = world.time;
  targets = new Map([[`_acme-challenge.${domain}`, challengeTarget(domain, challengeZone)]]);
  const dns: ClaimPorts['dns'] = {
    resolve: async (name, type) => (type === 'CNAME' && targets.has(name) ? [targets.get(name)!] : []),
    caa: async () => [],
    tlsa: async () => [],
  };
  ports = { ...world, dns, challengeZone, directoryOf: async () => ({ caaIdentities: ['ca.example'] }) };
  await register(world, mx1);
});

const claim = (detail: object = {}) => {
  said += minute;
  world.time = Math.max(world.time, said);
  const event = created(detail, new Date(said).toISOString());
  return unlessEnded(claimDomain({ ...event, execution: `at ${said}` }, ports));
};
const record = async () => (await world.store.readDomain(domain)) as DomainRecord;

/**
 * A domain on mx1 and mx2 whose certificate was issued and released.
 * @returns its certificate
 */
async function issued(wish: object = {}, more: Parameters<typeof aCertificate>[1] = {}) {
  const { store } = world;
  found(world, mx1);
  await register(world, mx2);
  const spec = { domain, mailServers: [mx1, mx2], policy: 'wildcard' as const, ...wish };
  await store.acceptWish(spec, { at: 1 }, world.time);
  await store.claimDomain({ domain, me: 'before', now: world.time });
  const certificate = aCertificate(world, more);
  const servers = serversOf(spec);
  await store.commitCertificate({ domain, me: 'before', seen: 1, certificate, servers, now: world.time });
  await store.releaseDomain({ domain, me: 'before', seen: 1, now: world.time }, certificate.renewAt);
  for (const server of servers)
    await seenOn(server, { certificate: certificate.id, fingerprint: certificate.fingerprint });
  return certificate;
}
const seenOn = async (server: string, facts: Partial<Installed>) => {
  const { v } = (await world.store.workFor({ server, domain }))!;
  await world.store.recordInstalled(server, { domain, v }, { domain, seenAt: world.time, node, ...facts });
  await world.store.endWork(server, { domain, v });
};
/** What keeps mx2 from receiving a certificate, and the error that says so. */
const obstacles: [string, string, () => unknown][] = [
  ['refused', 'InstallRefused', () => found(world, mx2, { refused: ['cPanel writes its files anew'] })],
  ['retired', 'ServerNotRegistered', () => retireServer({ kind: 'retired', server: mx2, at: world.time + 1 }, world)],
];

describe.each(obstacles)('one server of the wish is %s', (_, name, come) => {
  const due = (at: number) => void (said = Math.max(said, at));

  test('a renewal that is due goes to the others, and the domain parks for that server after', async () => {
    const { renewAt } = await issued();
    await come();
    due(renewAt);
    const plan = await claim({ mailServers: [mx1, mx2] });
    expect(plan).toMatchObject({ names: wildcard, servers: [mx1] });
    const { owner, wanted: seen } = await record();
    const certificate = aCertificate(world, { id: 'd'.repeat(64), fingerprint: 'e'.repeat(64) });
    await world.store.commitCertificate({
      ...{ domain, me: owner!, seen, certificate, servers: [mx1], now: world.time, supersedes: 'c'.repeat(64) },
    });
    await unlessEnded(releaseDomain({ ...plan, execution: owner! }, world));
    expect((await record()).dueAt).toBe(world.time);
    await expect(claim({ mailServers: [mx1, mx2] })).rejects.toMatchObject({ name });
  });

  test('a renewal that a person asks for goes to the others', async () => {
    await issued();
    await come();
    await world.store.askRenewal(domain, world.time);
    expect(await claim({ mailServers: [mx1, mx2] })).toMatchObject({ servers: [mx1] });
  });

  test('a webmail server is renewed though no mail server is left', async () => {
    const { renewAt } = await issued({ mailServers: [mx2], webmailServer: mx1 });
    await come();
    due(renewAt);
    expect(await claim({ mailServers: [mx2], webmailServer: mx1 })).toMatchObject({ names: wildcard, servers: [mx1] });
  });

  test('a list keeps its names', async () => {
    const list = { policy: 'list', names: ['mail', 'webmail'], webmailServer: mx1 };
    const names = [`mail.${domain}`, `webmail.${domain}`];
    const { renewAt } = await issued({ mailServers: [mx2], ...list }, { names });
    await come();
    due(renewAt);
    for (const name of names) targets.set(`_acme-challenge.${name}`, challengeTarget(name, challengeZone));
    expect(await claim({ mailServers: [mx2], ...list })).toMatchObject({ names, servers: [mx1] });
  });

  test('ours takes over on the others from a provided certificate that is due', async () => {
    const { store } = world;
    await issued();
    const bought = aCertificate(world, { id: 'b'.repeat(64), fingerprint: 'b'.repeat(64), renewAt: world.time + day });
    await store.provide(domain, { provided: { mail: bought, webmail: bought }, before: undefined, now: world.time });
    await expect(claim({ mailServers: [mx1, mx2] })).rejects.toMatchObject({ name: 'StillFresh' });
    for (const server of [mx1, mx2])
      await seenOn(server, { provided: { mail: bought.fingerprint, webmail: bought.fingerprint } });
    await come();
    due(bought.renewAt);
    await expect(claim({ mailServers: [mx1, mx2] })).rejects.toMatchObject({ name });
    expect(await store.workFor({ server: mx1, domain })).toMatchObject({ certificate: { id: 'c'.repeat(64) } });
    expect(await store.workFor({ server: mx1, domain })).not.toHaveProperty('provided');
  });

  test('ours is ordered for the others before a provided or a foreign certificate expires', async () => {
    const { store } = world;
    const spec = { domain, mailServers: [mx1, mx2], policy: 'wildcard' as const };
    const ending = aCertificate(world, { renewAt: world.time + day });
    await register(world, mx2);
    found(world, mx1);
    await store.acceptWish(spec, { at: 1 }, world.time, { ...ending, seenAt: world.time });
    await come();
    due(ending.renewAt);
    world.time = said;
    const asked = { look: 'due', 'detail-type': 'Certificate Expiring', detail: { domain }, execution: 'due' };
    const look = () => unlessEnded(claimDomain({ ...asked, time: new Date(world.time).toISOString() } as never, ports));
    expect(await look()).toMatchObject({ servers: [mx1] });
    Object.assign(world.memory.domains.get(domain)!, { foreign: undefined, provided: { mail: ending } });
    expect(await look()).toMatchObject({ servers: [mx1] });
  });

  test('a certificate at hand goes to a server that the wish adds', async () => {
    await issued({ mailServers: [mx1] });
    await register(world, web);
    await come();
    await expect(claim({ mailServers: [mx1, mx2, web] })).rejects.toMatchObject({ name });
    expect(await world.store.workFor({ server: web, domain })).toMatchObject({ certificate: { id: 'c'.repeat(64) } });
    expect(world.executions.started).toContainEqual(expect.objectContaining({ input: { server: web } }));
  });

  test("ACM's copy is renewed though no server is left", async () => {
    const { renewAt } = await issued({ mailServers: [mx2], acm: true });
    await come();
    due(renewAt);
    const wish = { mailServers: [mx2], acm: true };
    expect(await claim(wish)).toMatchObject({ names: wildcard, servers: [] });
    const { owner, wanted: seen } = await record();
    const id = 'd'.repeat(64);
    await world.certificates.putKeyOnce({ domain, id }, 'key');
    await world.certificates.putChain({ domain, id }, 'chain');
    const certificate = aCertificate(world, { id, notAfter: world.time + 90 * day, renewAt: world.time + 60 * day });
    await world.store.commitCertificate({ domain, me: owner!, seen, certificate, servers: [], now: world.time });
    await importToAcm({ domain, execution: owner! }, world);
    expect(await record()).toMatchObject({ acm: { certificate: id }, dueAt: world.time });
    await expect(claim(wish)).rejects.toMatchObject({ name });
  });
});

test('a new domain orders nothing while one of its servers is refused', async () => {
  found(world, mx1);
  await register(world, mx2);
  found(world, mx2, { refused: ['cPanel writes its files anew'] });
  await expect(claim({ mailServers: [mx1, mx2] })).rejects.toMatchObject({ name: 'InstallRefused' });
});
