/**
 * A mail server with more domains than one delivery takes is rebuilt, from the registration to the
 * last certificate.
 */
import { expect, test } from 'vitest';
import { registerServer } from '../../../core/register-server/register-server.ts';
import { memoryCommands } from '../../twins/commands.ts';
import { memoryRoles } from '../../twins/roles.ts';
import { aCertificate, day, mx1, newWorld, node, register, type World } from '../world.ts';
import { deliver } from '../rounds.ts';

const rebuilt = 'mi-0fedcba9876543210';
const customers = Array.from({ length: 1_200 }, (_, i) => `c${String(i).padStart(4, '0')}.example`);

/** A domain, or the server's own host name, with a certificate that was seen served. */
async function served(world: World, name: string): Promise<void> {
  const { store, certificates, time } = world;
  const host = name === mx1;
  const wish = host
    ? { domain: name, mailServers: [mx1], policy: 'list' as const, names: ['@'], host }
    : { domain: name, mailServers: [mx1], policy: 'wildcard' as const };
  await store.acceptWish(wish, { at: time }, time);
  await store.claimDomain({ domain: name, me: 'me', now: time });
  const certificate = aCertificate(world, { names: host ? [name] : [name, `*.${name}`] });
  await certificates.putKeyOnce({ domain: name, id: certificate.id }, 'key\n');
  await certificates.putChain({ domain: name, id: certificate.id }, 'chain\n');
  await store.commitCertificate({ domain: name, me: 'me', seen: 1, certificate, servers: [mx1], host, now: time });
  await store.releaseDomain({ domain: name, me: 'me', seen: 1, now: time }, certificate.renewAt);
  const { id, fingerprint } = certificate;
  const seen = { domain: name, certificate: id, fingerprint, seenAt: time, node };
  await store.recordInstalled(mx1, { domain: name, v: time }, seen);
  await store.endWork(mx1, { domain: name, v: time });
}

test('a rebuilt server with 1,200 domains gets its own certificate first, and then all of them', async () => {
  const world = newWorld();
  await register(world, mx1);
  for (const name of [...customers, mx1]) await served(world, name);
  world.time += day;
  world.commands = memoryCommands({ [rebuilt]: { roleName: 'mail-server' } });
  const roles = memoryRoles({ 'mail-server': { roleId: 'AROAEXAMPLE', trusted: ['ssm.amazonaws.com'] } });
  const time = new Date(world.time).toISOString();
  const event = { 'detail-type': 'Mail Server Registered', time, detail: { server: mx1, node: rebuilt, adopt: true } };
  await registerServer(event, { ...world, roles, tag: '', defaultRole: '' });
  const woken = world.executions.started.find(one => one.machine === 'deliver-to-server')!;
  expect(await deliver(world, { server: mx1, execution: woken.name })).toEqual([
    'inspect 0',
    'install 1',
    'install 1000',
    'install 200',
  ]);
  expect(await world.store.work(mx1, 10)).toEqual([]);
  expect(new Set((await world.store.allInstalled(mx1)).map(one => one.node))).toEqual(new Set([rebuilt]));
});
