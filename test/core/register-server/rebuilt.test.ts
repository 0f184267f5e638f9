/**
 * A mail server with more domains than one delivery takes is rebuilt, from the registration to the
 * last certificate.
 */
import { expect, test } from 'vitest';
import { assembleDelivery } from '../../../core/deliver-to-server/assemble-delivery.ts';
import { recordDelivery } from '../../../core/deliver-to-server/record-delivery.ts';
import { registerServer } from '../../../core/register-server/register-server.ts';
import { releaseServer } from '../../../core/deliver-to-server/release-server.ts';
import { sendDelivery } from '../../../core/deliver-to-server/send-delivery.ts';
import { memoryCommands } from '../../twins/commands.ts';
import { memoryRoles } from '../../twins/roles.ts';
import { aCertificate, day, mx1, newWorld, node, register, type World, unlessEnded } from '../world.ts';

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
}

/**
 * Runs round after round like the state machine, against a server that serves all that it is sent.
 * @returns what each round delivered
 */
async function deliver(world: World, execution: string): Promise<string[]> {
  const rounds: string[] = [];
  for (;;) {
    const assembled = await unlessEnded(assembleDelivery({ server: mx1, execution }, { ...world, roots: '' }));
    const { hash, seq, mode, entries } = assembled.delivery;
    rounds.push(`${mode} ${entries}`);
    await sendDelivery({ ...assembled, execution, token: `token ${seq}` }, world);
    const { id } = world.commands.sent.at(-1)!;
    world.commands.answer(
      id,
      `sealpost ${hash} ${seq} ${mode === 'inspect' ? 'inspected' : 'installed'}\n${'s'.repeat(entries)}\n`,
    );
    await recordDelivery({ ...assembled, execution, commandId: id }, world);
    const release = unlessEnded(releaseServer({ server: mx1, execution, rounds: rounds.length }, world));
    const more = await release.then(
      () => false,
      (error: Error) => error.name === 'MoreWork' || Promise.reject(error),
    );
    if (!more) return rounds;
  }
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
  expect(await deliver(world, woken.name)).toEqual(['inspect 0', 'install 1', 'install 1000', 'install 200']);
  expect(await world.store.work(mx1, 10)).toEqual([]);
  expect(new Set((await world.store.allInstalled(mx1)).map(one => one.node))).toEqual(new Set([rebuilt]));
});
