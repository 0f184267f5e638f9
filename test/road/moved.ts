import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SsmService } from '../../packages/aws-stand-in/src/stand-in.ts';
import { handshake } from '../../local/clients/handshake.ts';
import { addMailServer, until, untilInstalled } from '../../local/provider/panel.ts';
import { EARLY } from './parked.ts';
import { customer, put, road, sweep } from './provider.ts';

const DOMAIN = 'mover.test';
const DAY_MS = 86_400_000;
/** The node id of the rebuilt server. */
const REBUILT = `mi-${'b'.repeat(17)}`;

type Server = { hostName: string; address: string };

async function isServed(domain: string, { address }: Server, port = 993, name = `mail.${domain}`): Promise<boolean> {
  return (await handshake({ address, port, name, roots: road.provider.roots })).trusted;
}

const say = (detailType: string, ...details: object[]) => put(road.provider, detailType, details);
const ssm = () => road.provider.cloud.service<SsmService>('ssm');

/** The domain's server is mx2, which healed.ts created, and which is removed at the end. */
describe('a domain’s later life', () => {
  let mx2: Server;
  let fingerprint: string;

  beforeAll(async () => {
    mx2 = await addMailServer(road.provider, 'mx2');
    await say('Domain Created', await customer(DOMAIN));
    await untilInstalled(road.store, { domain: DOMAIN, server: road.mx1.hostName });
    fingerprint = (await road.store.readDomain(DOMAIN))!.current!.fingerprint;
  }, 120_000);
  afterAll(async () => {
    ssm().unregisterNode(REBUILT);
    await road.provider.removeHost('mx2');
  }, 60_000);

  const installed = (server: Server, domain = DOMAIN) => road.store.installed({ server: server.hostName, domain });

  it('a domain that moves is seen served on its new server before it leaves the old one, without an order', async () => {
    const looks = [{ old: await isServed(DOMAIN, road.mx1), new: await isServed(DOMAIN, mx2) }];
    await say('Domain Changed', { domain: DOMAIN, mailServers: [mx2.hostName] });
    await until(`${DOMAIN} on the new server alone`, 90, async () => {
      // The old server first: once it does not serve the domain, the new server must.
      const look = { old: await isServed(DOMAIN, road.mx1), new: await isServed(DOMAIN, mx2) };
      looks.push(look);
      return look.new && !look.old;
    });
    expect(looks[0]).toEqual({ old: true, new: false });
    expect(looks.filter(look => !look.old && !look.new)).toEqual([]);
    await road.bus.heard('Certificate Removed', { domain: DOMAIN, server: road.mx1.hostName });
    expect((await installed(mx2))!.fingerprint).toBe(fingerprint);
    expect(await installed(road.mx1)).toBeUndefined();
  }, 120_000);

  it('a domain is given again to its server that was rebuilt as another node', async () => {
    await road.provider.removeHost('mx2');
    mx2 = await addMailServer(road.provider, 'mx2');
    const host = road.provider.hosts.get('mx2')!;
    const { cloud } = road.provider;
    ssm().unregisterNode(host.nodeId);
    ssm().registerNode({
      id: REBUILT,
      roleArn: cloud.iam.role(`sealpost-mail-server-${cloud.region}`).arn,
      computerName: mx2.hostName,
      platformType: 'Linux',
      tags: { 'sealpost:mail-server': 'sealpost' },
      ipAddress: host.address,
      node: host,
    });
    expect(await Promise.all([DOMAIN, EARLY].map(domain => isServed(domain, mx2)))).toEqual([false, false]);
    await say('Mail Server Changed', { server: mx2.hostName, node: REBUILT, adopt: true });
    await until('all that it had on the rebuilt server', 120, async () =>
      [DOMAIN, EARLY].reduce(async (all, domain) => (await all) && isServed(domain, mx2), Promise.resolve(true)),
    );
    expect(await isServed(DOMAIN, mx2, 25, mx2.hostName)).toBe(true);
    await until('it on record', 30, async () => (await installed(mx2))?.node === REBUILT);
    expect((await installed(mx2))!.fingerprint).toBe(fingerprint);
  }, 240_000);

  it('a domain of a retired server is parked, stays served, and continues on another server', async () => {
    const [retired] = await say('Mail Server Retired', { server: mx2.hostName });
    // The third is the server's own host name.
    expect(JSON.parse((await road.history.ended(retired!)).output!)).toMatchObject({ told: 3 });
    await sweep();
    const { detail } = await road.bus.heard('Domain Parked', { domain: DOMAIN, reason: 'ServerNotRegistered' });
    expect(detail.message).toContain(`${mx2.hostName} not registered`);
    expect(await isServed(DOMAIN, mx2)).toBe(true);
    const moves = [DOMAIN, EARLY].map(domain => ({ domain, mailServers: [road.mx1.hostName] }));
    await say('Domain Changed', ...moves);
    for (const domain of [DOMAIN, EARLY]) await untilInstalled(road.store, { domain, server: road.mx1.hostName });
    expect((await installed(road.mx1))!.fingerprint).toBe(fingerprint);
    expect((await road.store.readDomain(DOMAIN))!.parked).toBeUndefined();
  }, 120_000);

  it('a deleted domain is no longer served or renewed, and an older wish that comes late changes nothing', async () => {
    await say('Domain Deleted', { domain: DOMAIN });
    await until(`${DOMAIN} gone`, 60, async () => !(await installed(road.mx1)));
    expect(await isServed(DOMAIN, road.mx1)).toBe(false);
    const late = { domain: DOMAIN, mailServers: [road.mx1.hostName] };
    const [id] = await put(road.provider, 'Domain Changed', [late], new Date(Date.now() - 60_000));
    await road.history.ended(id!);
    await road.history.untilQuiet();
    const { spec, deletedAt, dueAt } = (await road.store.readDomain(DOMAIN))!;
    expect(spec!.deleted).toBe(true);
    expect(dueAt! - deletedAt!).toBe(30 * DAY_MS);
    expect(await road.store.workFor({ server: road.mx1.hostName, domain: DOMAIN })).toBeUndefined();
  }, 120_000);

  it('a domain has one order through all of this', async () => {
    expect(await road.history.orders(DOMAIN)).toHaveLength(1);
  });
});
