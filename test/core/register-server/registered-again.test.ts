/**
 * A mail server is registered again: on the same node or on a new one, whatever the inspection says
 * of the host name's certificate, and with or without work for the host name.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { systemResolver } from '../../../core/dns/authoritative.ts';
import { isEnded } from '../../../core/ended.ts';
import { registerServer } from '../../../core/register-server/register-server.ts';
import { claimDomain } from '../../../core/secure-domain/claim-domain.ts';
import { sweep } from '../../../core/sweep/sweep.ts';
import { memoryCommands } from '../../twins/commands.ts';
import { memoryRoles } from '../../twins/roles.ts';
import { deliver } from '../rounds.ts';
import {
  aCertificate,
  challengeZone,
  day,
  domain,
  minute,
  mx1,
  newWorld,
  node,
  readyServer,
  type World,
} from '../world.ts';

const rebuilt = 'mi-0fedcba9876543210';
const adapters = 'fact serves-by-name postfix,dovecot\nfact host-certificate-for postfix,dovecot\n';
let world: World;
/** The number of executions that have run. */
let run: number;
/** How executions of secure-domain have ended. */
let ends: string[];
/** What was delivered, as `install 3`. */
let rounds: string[];

/** The host name's certificate and the customer's are served, and work waits for the customer. */
beforeEach(async () => {
  world = newWorld();
  run = 0;
  ends = [];
  rounds = [];
  const { store, time } = world;
  const me = await readyServer(world);
  await store.releaseServer({ server: mx1, me, now: time }, { wanted: 1 });
  await secured(mx1, { domain: mx1, mailServers: [mx1], policy: 'list', names: ['@'], host: true });
  await secured(domain, { domain, mailServers: [mx1], policy: 'wildcard' });
});

async function secured(name: string, wish: Parameters<World['store']['acceptWish']>[0]): Promise<void> {
  const { store, certificates, time } = world;
  await store.acceptWish(wish, { at: time }, time);
  await store.claimDomain({ domain: name, me: 'me', now: time });
  const certificate = aCertificate(world, { names: wish.host ? [name] : [name, `*.${name}`] });
  const { id, fingerprint } = certificate;
  await certificates.putKeyOnce({ domain: name, id }, 'key\n');
  await certificates.putChain({ domain: name, id }, 'chain\n');
  await store.commitCertificate({
    domain: name,
    me: 'me',
    seen: 1,
    certificate,
    servers: [mx1],
    host: wish.host,
    now: time,
  });
  await store.releaseDomain({ domain: name, me: 'me', seen: 1, now: time }, certificate.renewAt);
  await store.recordInstalled(
    mx1,
    { domain: name, v: time },
    { domain: name, certificate: id, fingerprint, seenAt: time, node },
  );
  await store.endWork(mx1, { domain: name, v: time });
}

async function registerAgain(on: string, { store } = world): Promise<void> {
  world.time += minute;
  world.commands = memoryCommands({ [on]: { roleName: 'mail-server' } });
  const roles = memoryRoles({ 'mail-server': { roleId: 'AROAEXAMPLE', trusted: ['ssm.amazonaws.com'] } });
  const time = new Date(world.time).toISOString();
  const event = { 'detail-type': 'Mail Server Registered', time, detail: { server: mx1, node: on, adopt: true } };
  await registerServer(event, { ...world, store, roles, tag: '', defaultRole: '' });
}

/** Runs every execution that was started, and the sweep each minute. */
async function live(ms: number, facts: string): Promise<void> {
  const until = world.time + ms;
  for (; world.time < until; world.time += minute) {
    await sweep(world);
    for (; run < world.executions.started.length; run++) {
      const { machine, name, input } = world.executions.started[run]!;
      if (machine === 'deliver-to-server') {
        const { server } = input as { server: string };
        rounds.push(...(await deliver(world, { server, execution: name, facts })));
      } else {
        const end = await claimDomain({ ...(input as object), execution: name }, claimPorts());
        if (isEnded(end)) ends.push(end.ended);
      }
    }
  }
}

const claimPorts = () => ({ ...world, dns: systemResolver([]), challengeZone, directoryOf: async () => ({}) });

/** The customer's renewal is committed, as FinalizeOrder does. */
async function customerWork(): Promise<void> {
  const certificate = (await world.store.readDomain(domain))!.current!;
  await world.store.commitWork({ domain, certificate, servers: [mx1], now: world.time });
}

describe.each([
  ['the same node', node],
  ['a new node', rebuilt],
])('a server that is registered again on %s', (_, on) => {
  const daemons = {
    adopted: '',
    refused: 'fact daemon postfix refused main.cf:1: no\nfact daemon dovecot adopted\n',
    undone: 'fact daemon postfix undone port 25 served another chain\nfact daemon dovecot adopted\n',
  };
  const verdicts = ['trusted', 'untrusted', 'none'].flatMap(verdict =>
    [true, false].flatMap(hasHostWork =>
      (['adopted', 'refused', 'undone'] as const).map(postfix => ({ verdict, hasHostWork, postfix })),
    ),
  );

  test.each(verdicts)(
    "receives customers' certificates within ten minutes: host-certificate $verdict, host work $hasHostWork, postfix $postfix",
    async ({ verdict, hasHostWork, postfix }) => {
      const { store } = world;
      const host = (await store.readDomain(mx1))!.current!;
      if (hasHostWork)
        await store.commitWork({ domain: mx1, certificate: host, servers: [mx1], host: true, now: world.time });
      await customerWork();
      await registerAgain(on);
      await live(10 * minute, `${adapters}${daemons[postfix]}fact host-certificate ${verdict}\n`);
      expect((await store.readServer(mx1))!.hostSecuredAt).toBeDefined();
      expect(await store.work(mx1, 10)).toEqual([]);
    },
  );
});

test('a registration during an execution for the host name still gives the server its certificates', async () => {
  const { store } = world;
  await store.askReEvaluation(mx1, world.time);
  const claim = { domain: mx1, me: 'renewal', now: world.time };
  const { seen } = (await store.claimDomain(claim))!;
  const late = store.registerServer.bind(store);
  // The wish is accepted while the execution has the claim; the execution ends before the server
  // is written.
  const racing = {
    ...store,
    registerServer: async (...args: Parameters<typeof late>) => {
      await store.releaseDomain({ ...claim, seen: seen! }, world.time + 60 * day);
      return late(...args);
    },
  };
  await customerWork();
  await registerAgain(node, { ...world, store: racing });
  await live(10 * minute, `${adapters}fact host-certificate untrusted\n`);
  expect(await store.work(mx1, 10)).toEqual([]);
});

test('a domain that a rebuilt server has not is removed there once, and then revoked', async () => {
  const { store } = world;
  const deletion = {
    domain,
    mailServers: [],
    policy: 'wildcard' as const,
    deleted: true as const,
    revoke: true as const,
  };
  await store.acceptWish(deletion, { at: world.time + 1 }, world.time);
  await registerAgain(rebuilt);
  await live(20 * minute, `${adapters}fact host-certificate trusted\n`);
  const removed = world.bus.events.filter(({ detailType }) => detailType === 'Certificate Removed');
  expect(removed).toEqual([{ detailType: 'Certificate Removed', detail: { domain, server: mx1 } }]);
  expect(await store.allInstalled(mx1)).toMatchObject([{ domain: mx1, node: rebuilt }]);
  expect(ends).toContain('RevocationWanted');
});

test('a server with software that has no adapter is inspected each day, until the operator has secured it', async () => {
  const { store } = world;
  const foreign = 'fact serves-by-name nginx\nfact host-certificate-for nginx\nfact cannot-serve-by-name haproxy\n';
  await customerWork();
  await registerAgain(node);
  await live(2 * day, `${foreign}fact host-certificate untrusted\n`);
  const { hostSecuredAt, inspectedAt } = (await store.readServer(mx1))!;
  expect(hostSecuredAt).toBeUndefined();
  expect(world.time - inspectedAt!).toBeLessThan(day + minute);
  expect(await store.work(mx1, 10)).toMatchObject([{ domain }]);
  await live(day + minute, `${foreign}fact host-certificate trusted\n`);
  expect((await store.readServer(mx1))!.hostSecuredAt).toBeDefined();
  expect(await store.work(mx1, 10)).toEqual([]);
});

test('a daemon that was refused and is mended has what its server serves within ten minutes, by an audit', async () => {
  const { store } = world;
  const daemons = (state: string) => `fact daemon postfix ${state}\nfact daemon dovecot adopted\n`;
  const trusted = `${adapters}fact host-certificate trusted\n`;
  await registerAgain(node);
  await live(10 * minute, `${daemons('refused main.cf:1: no')}${trusted}`);
  rounds = [];
  await registerAgain(node);
  await live(10 * minute, `${daemons('adopted')}${trusted}`);
  expect((await store.readServer(mx1))!.capability!['daemon']).toEqual(['postfix adopted', 'dovecot adopted']);
  expect(rounds).toEqual(['inspect 0', 'verify 0']);
});
