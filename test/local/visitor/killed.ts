import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ListResourceRecordSetsCommand, Route53Client } from '@aws-sdk/client-route-53';
import type { HistoryEvent } from '@aws-sdk/client-sfn';
import { expect, test } from 'vitest';
import {
  clientOf,
  directory,
  environment,
  local,
  makeZone,
  pebbleLog,
  providerPid,
  tell,
  untilEvent,
  untilServed,
} from './visitor.ts';

const SERVER = 'mx1.provider.test';
/** Every state that either state machine enters without an error. */
const DOMAIN_STATES = [
  'ClaimDomain',
  'CreateOrder',
  'PublishChallenges',
  'WaitForDns',
  'Validate',
  'FinalizeOrder',
  'ReleaseDomain',
];
const SERVER_STATES = ['AssembleDelivery', 'SendDelivery', 'RecordDelivery', 'ReleaseServer'];

const entered = (state: string) => (event: HistoryEvent) => event.stateEnteredEventDetails?.name === state;

async function killAndUp(): Promise<void> {
  process.kill(providerPid(), 'SIGKILL');
  const { exitCode, stdout, stderr } = await local('up');
  expect(exitCode, stdout + stderr).toBe(0);
}

/** The orders and certificates in the CA's log, from this position on. */
function atTheCa(since: number): { orders: number; certificates: number } {
  const log = pebbleLog().slice(since);
  return {
    orders: [...log.matchAll(/ Added order "/g)].length,
    certificates: [...log.matchAll(/ Issued certificate serial /g)].length,
  };
}

async function challengesIn(zoneId: string): Promise<string[]> {
  const zones = new Route53Client(clientOf(await environment()));
  const { ResourceRecordSets } = await zones.send(new ListResourceRecordSetsCommand({ HostedZoneId: zoneId }));
  return ResourceRecordSets!.filter(({ Type }) => Type === 'TXT').map(({ Name }) => Name!);
}

/** The ids of this provider's processes of a function. */
function processesOf(name: string): number[] {
  return childrenOf(providerPid()).filter(pid =>
    environmentOf(pid).includes(`AWS_LAMBDA_FUNCTION_NAME=sealpost-${name}`),
  );
}

function environmentOf(pid: number): string[] {
  return readLive(`/proc/${pid}/environ`).split('\0');
}

function childrenOf(pid: number): number[] {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.flatMap(thread =>
    readLive(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number),
  );
}

/** Empty for a process or a thread that has ended since it was listed. */
function readLive(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code!)) return '';
    throw error;
  }
}

const hostingEvent = (domain: string) => tell('Domain Created', { domain, mailServers: [SERVER] });

/** A process that has just ended needs no signal. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {}
}

export function killedSuite(): void {
  test('continues from every state at which it was killed: one order, one certificate, no TXT left', async () => {
    const domain = 'killed.example';
    const zoneId = await makeZone(domain);
    const [since, began] = [pebbleLog().length, new Date()];
    await hostingEvent(domain);
    const roads = [
      ...DOMAIN_STATES.map(state => ['secure-domain', state] as const),
      ...SERVER_STATES.map(state => ['deliver-to-server', state] as const),
    ];
    for (const [machine, state] of roads) {
      await untilEvent(machine, `${state} entered`, began, entered(state));
      await killAndUp();
    }
    await untilServed(domain);
    // A kill between the CA's answer and its record may leave a pending order behind, but never a
    // second certificate.
    expect(atTheCa(since)).toEqual({ orders: expect.toBeOneOf([1, 2]), certificates: 1 });
    expect(await challengesIn(zoneId)).toEqual([]);
  }, 400_000);

  test('restarts a function that was killed, without a trace in the execution', async () => {
    const domain = 'crashed.example';
    await makeZone(domain);
    const [since, began] = [pebbleLog().length, new Date()];
    // The processes are stopped first, so that they are in the middle of an invocation when they
    // are killed.
    const functions = ['finalize-order', 'record-delivery'];
    const held = new Set(functions);
    const hold = () => [...held].flatMap(processesOf).forEach(pid => signal(pid, 'SIGSTOP'));
    hold();
    // The pool may start another process for the invocation. That process is stopped, too.
    const holding = setInterval(hold, 50);
    try {
      await hostingEvent(domain);
      for (const [name, machine, state] of [
        ['finalize-order', 'secure-domain', 'FinalizeOrder'],
        ['record-delivery', 'deliver-to-server', 'RecordDelivery'],
      ] as const) {
        await untilEvent(machine, `${state} entered`, began, entered(state));
        held.delete(name);
        for (const pid of processesOf(name)) signal(pid, 'SIGKILL');
        const crashed = (event: HistoryEvent) => event.lambdaFunctionFailedEventDetails?.error === 'Runtime.ExitError';
        await untilEvent(machine, `the crash of ${name}`, began, crashed);
      }
    } finally {
      clearInterval(holding);
    }
    await untilServed(domain);
    expect(atTheCa(since)).toEqual({ orders: 1, certificates: 1 });
  }, 200_000);

  test('keeps a mail server serving whose installer was killed, and the next round delivers its work', async () => {
    const domain = 'cut-off.example';
    await makeZone(domain);
    const [since, began] = [pebbleLog().length, new Date()];
    await hostingEvent(domain);
    await untilEvent('deliver-to-server', 'SendDelivery entered', began, entered('SendDelivery'));
    // The installer is in its last phase before a daemon reads new files, or in a later phase.
    const script =
      'until pid=$(pgrep -of "[i]nstaller ./delivery"); do sleep 0.02; done; sleep 0.3; kill -9 $pid $(pgrep -P $pid)';
    expect((await local('host', 'exec', 'mx1', '--', 'sh', '-c', script)).exitCode).toBe(0);
    const unreachable = (event: HistoryEvent) => event.lambdaFunctionFailedEventDetails?.error === 'ServerUnreachable';
    await untilEvent('deliver-to-server', 'the delivery that was cut off', began, unreachable);
    await Promise.all(['killed.example', domain].map(name => untilServed(name)));
    expect(atTheCa(since)).toEqual({ orders: 1, certificates: 1 });
  }, 200_000);

  test('trusts the new roots of a CA that was killed too, and registers its account again', async () => {
    const roots = () => readFileSync(join(directory, 'ca-roots.pem'), 'utf8');
    const before = roots();
    process.kill(Number(readFileSync(join(directory, 'ca/pebble.pid'), 'utf8').split(' ')[0]), 'SIGKILL');
    await killAndUp();
    expect(roots()).not.toBe(before);
    const domain = 'of-the-new-root.example';
    await makeZone(domain);
    await hostingEvent(domain);
    await untilServed(domain);
  }, 200_000);
}
