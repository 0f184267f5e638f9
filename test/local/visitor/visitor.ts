/**
 * A visitor uses the provider that runs beside the test: its command line, and tools that only know
 * AWS and TLS.
 */
import { mkdtempSync, readFileSync } from 'node:fs';
import { Resolver } from 'node:dns/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import {
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  SFNClient,
  type ExecutionListItem,
  type HistoryEvent,
} from '@aws-sdk/client-sfn';
import { accessTo } from '../../../local/provider/access.ts';
import { handshake } from '../../../local/clients/handshake.ts';
import { runProgram, type ProgramResult } from '../../../local/machine/program.ts';
import { until } from '../../../local/provider/panel.ts';

export const directory = mkdtempSync(join(tmpdir(), 'sealpost-visitor-'));
const COMMAND = join(import.meta.dirname, '../../../local/command.ts');

/** Runs `npm run local -- …`, on a provider of the tests' own. */
export function local(...args: string[]): Promise<ProgramResult> {
  const node = [process.execPath, '--disable-warning=ExperimentalWarning'];
  return runProgram([...node, COMMAND, '--in', directory, ...args]);
}

/** The variables that the lines of `env` set in a shell; a visitor gets the same by eval. */
export async function environment(...as: string[]): Promise<Record<string, string>> {
  const printed = await local('env', ...as);
  if (printed.exitCode !== 0) throw new Error(printed.stderr);
  const shell = await runProgram(['sh', '-c', `set -eu\n${printed.stdout}\nenv -0`], {
    environment: {
      AWS_PROFILE: 'of-another-account',
      AWS_SESSION_TOKEN: 'of-another-session',
      PATH: process.env.PATH!,
    },
  });
  const pairs = shell.stdout.split('\0').filter(Boolean);
  return Object.fromEntries(pairs.map(pair => pair.split(/=(.*)/s).slice(0, 2) as [string, string]));
}

export const clientOf = (env: Record<string, string>) => ({
  endpoint: env.AWS_ENDPOINT_URL!,
  region: env.AWS_REGION!,
  credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID!, secretAccessKey: env.AWS_SECRET_ACCESS_KEY! },
  forcePathStyle: true,
});

/**
 * Creates a customer's zone in Route 53, with calls that every client may make. Returns when the
 * name servers answer for it.
 */
export async function makeZone(domain: string): Promise<string> {
  const provider = await accessTo(directory);
  const zoneId = await provider.createZone(domain);
  await untilAnswered(domain);
  return zoneId;
}

/**
 * Waits until the name servers answer for a zone. An event that comes earlier parks the domain
 * for a minute.
 */
export async function untilAnswered(zone: string): Promise<void> {
  const resolver = new Resolver();
  resolver.setServers((await accessTo(directory)).dns.addresses);
  await until(`the zone ${zone}`, 30, () => resolver.resolveSoa(zone).catch(() => false as const));
}

export async function tell(detailType: string, detail: object): Promise<void> {
  const env = await environment();
  const entry = {
    EventBusName: env.SEALPOST_BUS,
    Source: 'visitor',
    DetailType: detailType,
    Detail: JSON.stringify(detail),
  };
  const { FailedEntryCount } = await new EventBridgeClient(clientOf(env)).send(
    new PutEventsCommand({ Entries: [entry] }),
  );
  if (FailedEntryCount !== 0) throw new Error('the bus did not take the event');
}

/** Waits until a mail program that trusts the CA only accepts `mail.<domain>` on port 993. */
export async function untilServed(domain: string, seconds = 120): Promise<void> {
  const { SEALPOST_HOST_MX1: address, SEALPOST_CA_FILE: file } = await environment();
  const look = { address: address!, port: 993, name: `mail.${domain}`, roots: readFileSync(file!, 'utf8') };
  await until(`${domain} served`, seconds, async () => (await handshake(look)).trusted);
}

/**
 * The histories of a state machine's newest executions, the oldest event first. Another execution
 * may have started beside the wanted one.
 */
async function newestHistories(client: SFNClient, machine: string): Promise<HistoryEvent[][]> {
  const stateMachineArn = `arn:aws:states:us-east-1:000000000000:stateMachine:sealpost-${machine}`;
  const { executions = [] } = await client.send(new ListExecutionsCommand({ stateMachineArn, maxResults: 3 }));
  const history = async ({ executionArn }: ExecutionListItem) =>
    (await client.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 }))).events ?? [];
  return Promise.all(executions.map(history));
}

/** The interval is short, because the awaited state may last milliseconds. */
export async function untilEvent(
  machine: string,
  what: string,
  after: Date,
  fits: (event: HistoryEvent) => boolean,
): Promise<void> {
  const client = new SFNClient(clientOf(await environment()));
  let seen: HistoryEvent[][] = [];
  for (const deadline = Date.now() + 90_000; Date.now() < deadline; await sleep(15)) {
    seen = await newestHistories(client, machine).catch(() => []);
    if (seen.flat().some(event => event.timestamp! >= after && fits(event))) return;
  }
  const roads = seen.map(history =>
    history.map(({ type, stateEnteredEventDetails: at }) => at?.name ?? type).join(' '),
  );
  throw new Error(`${what} did not come about; the newest executions of ${machine}:\n${roads.join('\n')}`);
}

export const providerPid = (): number => Number(readFileSync(join(directory, 'provider.pid'), 'utf8').split(' ')[0]);
export const pebbleLog = (): string => readFileSync(join(directory, 'ca/pebble.log'), 'utf8');
