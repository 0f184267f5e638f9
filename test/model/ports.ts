/**
 * The ports of one process: each call waits for the model, which chooses what becomes of it
 * (clockwork.ts).
 */
import type { Acme } from '../../core/acme/client.ts';
import type { Issuer } from '../../core/acme/issuer.ts';
import { AcmeTransport } from '../../core/acme/problem.ts';
import { SealpostError } from '../../core/errors.ts';
import { challengeZone, installers, type World } from '../core/world.ts';
import type { ModelCa } from './ca.ts';
import type { Clockwork, Process } from './clockwork.ts';
import type { Names } from './names.ts';

/** The accounts at the CAs. */
export interface Accounts {
  /** @returns what a step asks its CA with */
  open(issuer: Issuer): Promise<Acme>;
  directoryOf(issuer: Issuer): Promise<object>;
  registerAgain(issuer: Issuer): Promise<void>;
}

/** What all processes share. */
export interface Cloud {
  clockwork: Clockwork;
  world: World;
  cas: Pick<ModelCa, 'issuer'>[];
  accountsOf(process: Process): Accounts;
  names: Names;
  /** PEM of the roots that the CAs' certificates lead to. */
  roots: string;
  /** Waits in the time of the machine, where a real part is at work. */
  rest?(ms: number): Promise<void>;
  roles: { role(name: string): Promise<{ roleId: string; trusted: string[] }> };
}

export type PortsOf = (issuer?: string) => Promise<Awaited<ReturnType<typeof portsFor>>>;

const ROLE = { roleId: 'AROAEXAMPLEEXAMPLE', trusted: ['ssm.amazonaws.com'] };
export const roles = { role: async () => ROLE };

const PROPAGATION_MS = 30_000;

type Methods = Record<string, (...args: never[]) => unknown>;

/** How the caller of a service learns that the service is busy, or that an answer was lost. */
interface Service {
  busy(about: string): never;
  lost?(about: string): never;
}

const aws: Service = {
  busy: about => {
    throw new SealpostError('Throttled', { about, message: `${about}: AWS is busy` });
  },
};
const publicDns: Service = {
  busy: about => {
    throw new SealpostError('DnsNotPropagated', { about, message: `${about}: no name server answers` });
  },
};
const lost = (about: string): never => {
  throw new AcmeTransport(`${about}: the connection was lost`);
};
const overHttps: Service = { busy: lost, lost };

/** @returns the port, each call of which waits for the model */
function gatedBy(process: Process, { clockwork }: Pick<Cloud, 'clockwork'>) {
  return <P extends object>(name: string, port: P, service: Service = aws): P => {
    const call = (method: string, args: unknown[]) => {
      const what = `${name}.${method} ${brief(args)}`;
      const make = async () => (port as unknown as Methods)[method]!(...(args as never[]));
      const { busy, lost } = service;
      return clockwork.call(process, {
        ...{ what, make, busy: () => busy(what) },
        ...(lost && { lost: () => lost(what) }),
      });
    };
    return new Proxy(port, {
      get: (target, method) =>
        typeof Reflect.get(target, method) === 'function' && !IMMEDIATE.has(method as string)
          ? (...args: unknown[]) => call(method as string, args)
          : Reflect.get(target, method),
    });
  };
}

/** The accounts at the twins: a CA that is away answers each request with 503. */
export function twinAccounts(process: Process, cloud: Pick<Cloud, 'clockwork'> & { cas: ModelCa[] }): Accounts {
  const gated = gatedBy(process, cloud);
  const open = async ({ name }: Issuer) =>
    gated(name, awayOr(cloud.cas.find(ca => ca.issuer.name === name)!), overHttps);
  return {
    open,
    directoryOf: async issuer => {
      await unavailable(async () => (await open(issuer)).directory());
      return {};
    },
    registerAgain: async () => {},
  };
}

/** @param issuer the issuer of the plan; without it, the step asks no CA */
export async function portsFor(process: Process, cloud: Cloud, issuer?: string) {
  const { clockwork, world, cas, names } = cloud;
  const gated = gatedBy(process, cloud);
  const accounts = cloud.accountsOf(process);
  const issuers = cas.map(ca => ca.issuer);
  const named = (name: string) => issuers.find(one => one.name === name)!;
  const own = issuer === undefined ? issuers[0]! : named(issuer);
  const clock = {
    now: () => clockwork.time + process.skew,
    sleep: async (ms: number) => {
      await cloud.rest?.(ms);
      await clockwork.sleep(process, ms);
    },
  };
  return {
    store: gated('store', world.store),
    certificates: gated('certificates', world.certificates),
    deliveries: gated('deliveries', world.deliveries),
    commands: gated('commands', world.commands),
    executions: gated('executions', world.executions),
    zones: gated('zones', world.zones),
    bus: gated('bus', world.bus),
    dns: gated('dns', names.dns, publicDns),
    acmeAt: (name: string) => accounts.open(named(name)),
    acme: issuer === undefined ? ({} as Acme) : await accounts.open(own),
    registerAgain: () => accounts.registerAgain(own),
    directoryOf: accounts.directoryOf,
    ...{ issuer: own, issuers },
    roles: gated('roles', cloud.roles),
    ...{ clock, random: () => 0.5, metrics: world.metrics, quietHours: world.quietHours, installers, challengeZone },
    ...{ roots: cloud.roots, propagationMs: PROPAGATION_MS, tag: 'sealpost:mail-server=model', defaultRole: 'mail' },
    ceilingMs: 6 * 3_600_000,
  };
}

/** Methods of a port that answer at once. */
const IMMEDIATE = new Set(['txtValue', 'spareNonce', 'keepNonce', 'requests', 'answerOf', 'lose']);

/** A CA that is away answers each request with 503. */
function awayOr(ca: ModelCa): Acme {
  const answer = (method: string | symbol) => {
    const known = Reflect.get(ca.acme, method) as unknown;
    if (typeof known !== 'function' || IMMEDIATE.has(method as string)) return known;
    return async (...args: unknown[]) => {
      if (ca.isAway) ca.refuse(503, 'serverInternal', 'the CA is away');
      return (known as (...args: unknown[]) => unknown)(...args);
    };
  };
  return new Proxy(ca.acme, { get: (_, method) => answer(method) });
}

/** As `directoryOf` of core/acme/directory.ts names a CA that does not answer. */
async function unavailable<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw new SealpostError('AcmeUnavailable', { about: 'the CA', message: String(error), cause: error });
  }
}

/** The first argument's names: enough to read a trace. */
function brief([first]: unknown[]): string {
  if (typeof first === 'string') return first.slice(0, 60);
  const { domain, server, id, hash, url } = (first ?? {}) as Record<string, string | undefined>;
  return [domain, server, (id ?? hash)?.slice(0, 8), url].filter(Boolean).join(' ');
}
