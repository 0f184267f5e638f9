/**
 * What a step depends on in a test: the twins, a clock that a test moves, and the names that most
 * tests use.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Issuer } from '../../core/acme/issuer.ts';
import type { Clock } from '../../core/clock.ts';
import { isEnded, type Ended } from '../../core/ended.ts';
import type { StoredCertificate } from '../../core/record/domain.ts';
import type { QuietHours } from '../../core/work/quiet.ts';
import type { Roles } from '../../core/ports/roles.ts';
import type { Store } from '../../core/ports/store.ts';
import { memoryAcm, type MemoryAcm } from '../twins/acm.ts';
import { memoryCommands, type MemoryCommands } from '../twins/commands.ts';
import { memoryBus, memoryExecutions, type MemoryBus, type MemoryExecutions } from '../twins/executions.ts';
import { memoryCertificates, memoryDeliveries, type Objects } from '../twins/objects.ts';
import { emptyMemory, type Memory } from '../twins/memory.ts';
import { memoryRoles } from '../twins/roles.ts';
import { memoryStore } from '../twins/store.ts';
import { memoryZones, type MemoryZones } from '../twins/zones.ts';
import type { Facts } from '../../core/record/capability.ts';
import type { AcmQuotas } from '../../core/record/acm.ts';
import type { Metrics } from '../../core/ports/bus.ts';

export const minute = 60_000;
export const day = 86_400_000;
export const domain = 'example.com';
export const [mx1, mx2] = ['mx1.provider.example', 'mx2.provider.example'];
export const node = 'mi-0123456789abcdef0';
export const challengeZone = { id: 'ZCHALLENGES', name: 'challenges.example' };

/** An issuer as the setting `Issuers` configures it, with limits of no consequence. */
export function anIssuer(more: Partial<Issuer> = {}): Issuer {
  const name = more.name ?? 'ca';
  return {
    ...{ name, directoryUrl: `https://${name}.example/dir`, profile: 'tlsserver', staging: false, limits: {} },
    ...{ contact: ['mailto:ops@provider.example'], termsAgreed: true, roots: '', userAgent: 'sealpost-test' },
    ...{ keyParameter: `/sealpost/issuers/${name}/account-key` },
    ...more,
  };
}

/** The installer of each platform. */
export const installers = {
  Linux: { text: '#!/bin/sh\n', sha256: 'a'.repeat(64) },
  Windows: { text: 'exit 0\n', sha256: 'b'.repeat(64) },
};

export interface World {
  /** Milliseconds since the epoch; a test moves it. */
  time: number;
  clock: Clock;
  random: () => number;
  quietHours: QuietHours;
  store: Store;
  memory: Memory;
  issuers: Issuer[];
  zones: MemoryZones;
  commands: MemoryCommands;
  executions: MemoryExecutions;
  bus: MemoryBus;
  metrics: Metrics & { counted: { metric: string; outcome: string; domain?: string; reason?: string }[] };
  acm: MemoryAcm;
  quotas: AcmQuotas;
  objects: Objects;
  certificates: ReturnType<typeof memoryCertificates>;
  deliveries: ReturnType<typeof memoryDeliveries>;
  roles: Roles;
  installers: typeof installers;
}

export function newWorld(time = 1_800_000_000_000): World {
  const objects: Objects = new Map();
  const memory = emptyMemory();
  const world: World = {
    time,
    // A sleep takes little of the test's time, whatever the product waits.
    clock: {
      now: () => world.time,
      sleep: async ms => {
        world.time += ms;
        await pause(Math.min(ms, 250));
      },
    },
    random: () => 0.5,
    quietHours: { from: 1, to: 5 },
    store: memoryStore(memory),
    memory,
    issuers: [anIssuer()],
    zones: memoryZones([{ ...challengeZone, nameServers: ['ns1.provider.example'] }]),
    commands: memoryCommands({ [node]: { roleName: 'mail-server' } }),
    executions: memoryExecutions(),
    bus: memoryBus(),
    metrics: {
      counted: [],
      count: (metric, { outcome, facts }) => void world.metrics.counted.push({ metric, outcome, ...facts }),
    },
    acm: memoryAcm(),
    quotas: { certificates: 2_500, importsAYear: 5_000 },
    objects,
    certificates: memoryCertificates(objects),
    deliveries: memoryDeliveries(objects),
    roles: memoryRoles({}),
    installers,
  };
  return world;
}

export const created = (detail: object = {}, time = '2027-01-15T08:00:00Z') => ({
  ...{ 'detail-type': 'Domain Created', time },
  detail: { domain, mailServers: [mx1], ...detail },
});

export function aCertificate(world: World, more: Partial<StoredCertificate> = {}): StoredCertificate {
  return {
    ...{
      id: 'c'.repeat(64),
      names: [domain, `*.${domain}`],
      fingerprint: 'f'.repeat(64),
      issuer: 'ca',
      issuedBy: 'Test CA',
    },
    ...{ notBefore: world.time - minute, notAfter: world.time + 90 * day, renewAt: world.time + 60 * day },
    ...more,
  };
}

/** Servers that are registered and inspected, and that can serve by name. */
export async function register(world: World, ...servers: string[]): Promise<void> {
  for (const server of servers) {
    await registerOnly(world, server);
    found(world, server);
  }
}

export async function registerOnly({ store, time }: World, server: string): Promise<void> {
  await store.registerServer({ server, node, roleId: 'AROAEXAMPLEEXAMPLE', adopt: true }, { at: time, now: time });
}

/** The inspection of a server found this capability. */
export function found({ memory }: World, server: string, capability: Facts = byName): void {
  memory.servers.get(server)!.capability = capability;
}

/** Every daemon serves by name. */
export const byName: Facts = { 'serves-by-name': ['postfix,dovecot,nginx'], 'web-servers': ['nginx'] };
/** Mail software with one certificate for all names; webmail behind nginx serves by name. */
export const notByName: Facts = {
  'serves-by-name': ['nginx'],
  'web-servers': ['nginx'],
  'cannot-serve-by-name': ['courier'],
};

/**
 * A server that was inspected and secured. @returns the name of the execution that has its claim
 */
export async function readyServer(
  world: World,
  { server = mx1, secured = true, capability = {} as Facts } = {},
): Promise<string> {
  const { store } = world;
  await register(world, server);
  const me = (await store.wakeServer(server, world.time))!;
  const delivery = { hash: 'b'.repeat(64), seq: 2, mode: 'inspect' as const };
  await store.startDelivery({ server, me, now: world.time }, delivery);
  await store.endDelivery(
    { server, me, now: world.time },
    { hash: delivery.hash, changes: { capability, ...(secured && { hostSecuredAt: world.time }) } },
  );
  return me;
}

/** Work for a server, with its key and chain in the bucket. */
export async function giveWork(
  world: World,
  name = domain,
  more: Partial<StoredCertificate> & { host?: boolean } = {},
) {
  const { host, ...facts } = more;
  const certificate = aCertificate(world, { names: host ? [name] : [name, `*.${name}`], ...facts });
  await world.certificates.putKeyOnce({ domain: name, id: certificate.id }, pem('PRIVATE KEY', `key of ${name}`));
  await world.certificates.putChain({ domain: name, id: certificate.id }, pem('CERTIFICATE', `chain of ${name}`));
  await world.store.commitWork({ domain: name, certificate, servers: [mx1], host, now: world.time });
  return certificate;
}

function pem(label: string, text: string): string {
  return `-----BEGIN ${label}-----\n${Buffer.from(text).toString('base64')}\n-----END ${label}-----\n`;
}

/**
 * Turns an end into an error of its name, as a step's handler does.
 * @throws Error with the end's name
 */
export async function unlessEnded<T>(result: Promise<T | Ended>): Promise<Exclude<T, Ended>> {
  const given = await result;
  if (isEnded(given)) throw Object.assign(new Error(given.message), { name: given.ended, about: given.about });
  return given as Exclude<T, Ended>;
}
