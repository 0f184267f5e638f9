/**
 * The hosting provider that the tests of this folder share: one adopted mail server, a customer who
 * is logged in, and a listener on the bus. It has a directory and a seed of its own, so that it
 * never meets a running `npm start`.
 */
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { ListHostedZonesCommand, Route53Client } from '@aws-sdk/client-route-53';
import type { Store } from '../../core/ports/store.ts';
import { TEST_MAILBOX } from '../../local/hosts/mail-server.ts';
import { startProvider, type Provider, type ProviderOptions } from '../../local/provider/provider.ts';
import { addMailServer, delegateDomain, registerMailServer, storeOf, until } from '../../local/provider/panel.ts';
import { synthesise } from '../../local/synth.ts';
import { openSession, type Session } from '../../local/clients/session.ts';
import { History } from './history.ts';
import { scratchCa, type ScratchCa } from '../install/scratch-ca.ts';
import { faultsBesideTheRoad } from '../faults/seed.ts';
import { listen, type Listener } from './listener.ts';

export interface Road {
  provider: Provider;
  store: Store;
  history: History;
  bus: Listener;
  mx1: { hostName: string; address: string };
  /** Another trusted CA, for the certificates of other programs. */
  anotherCa: ScratchCa;
  /**
   * A session that is logged in and idle (RFC 2177) since before the first delivery for a customer.
   */
  idle: Session;
  /** Requests to the CA for the very first certificate, with the account's registration. */
  coldRequests: number;
  /** The folder of the stand-in for AWS. */
  cloudDirectory: string;
  zoneId(name: string): Promise<string>;
  /** The ids of all orders that the CA ever created, from its log. */
  ordersAtCa(): Promise<Set<string>>;
}

/** Started by the test file, for all topics that it imports. */
export let road: Road;
let directory: string;
let provider: Provider | undefined;
let bus: Listener | undefined;

const CHECKOUT = join(import.meta.dirname, '../..');

export function scratch(): string {
  return mkdtempSync(join(tmpdir(), 'sealpost-road-'));
}

/**
 * @param cdkOut the synthesised stack
 * @param into the folder for all of the provider's files
 */
export function deploy(
  cdkOut: string,
  into: string,
  more: Pick<ProviderOptions, 'issuers' | 'faults'> = {},
): Promise<Provider> {
  const report = (line: string) => appendFileSync(join(into, 'report.log'), `${line}\n`);
  return startProvider({
    directory: join(into, 'run'),
    cdkOut,
    seed: into,
    report,
    faults: faultsBesideTheRoad,
    ...more,
  });
}

/** The stack as `npm start` deploys it. */
export function stack(): Promise<string> {
  return synthesise(join(CHECKOUT, '.local'), () => {});
}

export async function startRoad(options: Pick<ProviderOptions, 'faults'> = {}): Promise<void> {
  directory = scratch();
  const anotherCa = scratchCa(directory, 'Another');
  provider = await deploy(await stack(), directory, {
    ...options,
    issuers: async ({ directoryUrl }) => {
      const pebble = { name: 'pebble', directory: directoryUrl, profile: 'tlsserver' };
      return { issuers: [{ ...pebble, limits: { account: '300 in 3 h' } }], roots: anotherCa.root };
    },
  });
  road = await comeUp(provider, anotherCa);
  await road.history.untilQuiet();
}

async function comeUp(provider: Provider, anotherCa: ScratchCa): Promise<Road> {
  const store = storeOf(provider);
  bus = await listen(provider, join(directory, 'listener'));
  const mx1 = await addMailServer(provider, 'mx1');
  await registerMailServer(provider, 'mx1');
  const idle = await openSession(mx1.address, 993, /^\* OK/);
  await idle.ask(`a LOGIN ${TEST_MAILBOX.user} "${TEST_MAILBOX.password}"`, /^a OK/);
  await idle.ask('b SELECT INBOX', /^b OK/);
  await idle.ask('c IDLE', /^\+ idling/);
  const coldRequests = await provider.ca.requests();
  return {
    ...{ provider, store, history: new History(provider), bus, mx1, anotherCa, idle, coldRequests },
    cloudDirectory: join(directory, 'run/cloud'),
    async zoneId(name) {
      const { HostedZones } = await new Route53Client(provider.client()).send(new ListHostedZonesCommand({}));
      return HostedZones!.find(zone => zone.Name === `${name}.`)!.Id!;
    },
    async ordersAtCa() {
      const log = await readFile(join(directory, 'run/ca/pebble.log'), 'utf8');
      return new Set([...log.matchAll(/Added order "(.*)" to the db/g)].map(match => match[1]!));
    },
  };
}

/** Stops also a provider that was started only in part. */
export async function stopRoad(): Promise<void> {
  road?.idle.close();
  await bus?.stop();
  await provider?.stop();
  rmSync(directory, { recursive: true, force: true });
}

/** Puts events as the provider's panel. @returns the ids that the bus gave them */
export async function put(
  provider: Provider,
  detailType: string,
  details: unknown[],
  time = new Date(),
): Promise<string[]> {
  const client = new EventBridgeClient(provider.client('sender'));
  const ids: string[] = [];
  for (let i = 0; i < details.length; i += 10) {
    const entry = { EventBusName: provider.stack.outputs.BusName!, Source: 'provider.panel', DetailType: detailType };
    const Entries = details.slice(i, i + 10).map(detail => ({ ...entry, Time: time, Detail: JSON.stringify(detail) }));
    const answer = await client.send(new PutEventsCommand({ Entries }));
    ids.push(...answer.Entries!.map(one => one.EventId ?? `not taken: ${one.ErrorCode} ${one.ErrorMessage}`));
  }
  return ids;
}

/** Runs the sweep now, which the schedule runs every minute. */
export async function sweep(): Promise<void> {
  await new LambdaClient(road.provider.client()).send(new InvokeCommand({ FunctionName: 'sealpost-sweep' }));
}

const SWEEP_EVERY_MS = 3_000;

/** Like `until`, for a result of the sweep, which runs every few seconds meanwhile. */
export function untilSwept<T>(what: string, seconds: number, look: () => Promise<T | undefined | false>): Promise<T> {
  let next = Date.now();
  return until(what, seconds, async () => {
    if (Date.now() >= next) {
      await sweep();
      next = Date.now() + SWEEP_EVERY_MS;
    }
    return look();
  });
}

/**
 * A customer whose zone is elsewhere and whose challenge is delegated to us.
 * @returns the wish for the domain
 */
export async function customer(domain: string, server = road.mx1): Promise<{ domain: string; mailServers: string[] }> {
  await delegateDomain(road.provider, { domain, address: server.address });
  return { domain, mailServers: [server.hostName] };
}
