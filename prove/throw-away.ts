/** `--throw-away`: makes a stack and a mail server under names of their own, and removes both. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeInstanceInformationCommand } from '@aws-sdk/client-ssm';
import { Refusal } from '../bin/refusal.ts';
import { systemResolver, type Dns } from '../core/dns/authoritative.ts';
import type { Account } from './account.ts';
import { assertBootstrapped, assertConcurrency, assertRights, callerOf, zoneIn, type Named } from './before.ts';
import { until } from './wait.ts';

export const STACK = 'sealpost-proof';
export const SERVER_STACK = `${STACK}-server`;
export const NODE_OUTPUT = 'Node';

export interface Wanted {
  zone: string;
  /** A mailto: URL for the CA. */
  contact: string;
  /** PEM of the root of the CA's staging environment. */
  roots: string;
}

export interface Means {
  account: Account;
  /** Runs the `cdk` command with these arguments. @throws Error if it fails */
  cdk: (args: string[]) => Promise<void>;
  say: (line: string) => void;
  agrees: (plan: string[]) => Promise<boolean>;
  signal: AbortSignal;
  /** Public DNS. */
  dns?: Dns;
}

/** What it costs: list prices of us-east-1, not verified in an account. */
const COST = [
  'It costs about 3 cents an hour (an instance t4g.small, its address and its disk), and a KMS key',
  '  for the hours that it is there (a dollar a month). It takes about 30 minutes.',
];

/**
 * Uses the stack and the server, and removes them whatever comes of it.
 * @throws Refusal before anything is made
 */
export async function withThrowAway<T>(wanted: Wanted, means: Means, use: (named: Named) => Promise<T>): Promise<T> {
  const { account, cdk, say, agrees, signal } = means;
  const caller = await callerOf(account);
  await assertBootstrapped(account.systemsManager, caller);
  const server = `mx.${STACK}.${wanted.zone}`;
  const named = { stack: STACK, server, zone: wanted.zone };
  await assertRights(account, caller, { ...named, node: '' });
  await assertConcurrency(account);
  const zone = await zoneIn(account, means.dns ?? systemResolver([]), wanted.zone);
  const plan = [
    `Account ${caller.account}, region ${caller.region}`,
    `The stacks ${STACK} and ${SERVER_STACK} are made, with a mail server ${server}, and removed at the end.`,
    ...COST,
  ];
  if (!(await agrees(plan))) throw new Refusal({ name: 'NotAgreed', message: 'Nothing was changed.', exitCode: 1 });
  const context = { zoneId: zone.id, zoneName: zone.name, server };
  const contexts = Object.entries(context).flatMap(([name, value]) => ['--context', `${name}=${value}`]);
  const settings = {
    ...{ AcmeContact: wanted.contact, AcmeTermsAgreed: 'yes', TrustedRoots: wanted.roots },
    ...{ ChallengeZoneId: zone.id, ChallengeZoneName: zone.name, SenderRoleArns: caller.role },
  };
  const parameters = Object.entries(settings).flatMap(([name, value]) => ['--parameters', `${STACK}:${name}=${value}`]);
  const folder = mkdtempSync(join(tmpdir(), 'sealpost-proof-'));
  const outputs = join(folder, 'outputs.json');
  const deploy = ['deploy', '--all', '--require-approval', 'never', '--outputs-file', outputs];
  try {
    say('The stacks are made …');
    await cdk([...deploy, ...contexts, ...parameters]);
    const made = JSON.parse(readFileSync(outputs, 'utf8')) as Record<string, Record<string, string>>;
    const node = made[SERVER_STACK]![NODE_OUTPUT]!;
    say(`The agent of ${node} is awaited …`);
    await untilOnline(account, { node, signal });
    return await use({ ...named, node });
  } finally {
    rmSync(folder, { recursive: true });
    say('The stacks are removed …');
    await cdk(['destroy', '--all', '--force', ...contexts]).catch((error: Error) => {
      const message = `The stacks ${STACK} and ${SERVER_STACK} could not be removed (${error.message}).`;
      const remedy = 'Look at their events in CloudFormation, and run the same command again: it removes both.';
      throw new Refusal({ name: 'NotRemoved', message, remedy, exitCode: 3 });
    });
    say(`One parameter stays: aws ssm delete-parameter --name /${STACK}/issuers/letsencrypt-staging/account-key`);
  }
}

async function untilOnline(
  { systemsManager }: Account,
  { node, signal }: { node: string; signal: AbortSignal },
): Promise<void> {
  const Filters = [{ Key: 'InstanceIds', Values: [node] }];
  await until({ what: `the agent of ${node}`, minutes: 15, signal }, async () => {
    const answer = await systemsManager.send(new DescribeInstanceInformationCommand({ Filters }));
    return answer.InstanceInformationList?.some(({ PingStatus }) => PingStatus === 'Online') ? true : undefined;
  });
}

/** The `cdk` command of this checkout, with the app of this folder and the person's terminal. */
export function cdkOf({ region, profile }: { region?: string; profile?: string }): Means['cdk'] {
  const modules = join(import.meta.dirname, '../node_modules');
  const app = `${process.execPath} ${join(import.meta.dirname, 'throw-away-app.ts')}`;
  const chosen = profile === undefined ? [] : ['--profile', profile];
  const env = { ...process.env, ...(region !== undefined && { AWS_REGION: region, AWS_DEFAULT_REGION: region }) };
  return args => {
    const command = [join(modules, 'aws-cdk/bin/cdk'), '--app', app, ...chosen, ...args];
    // Ctrl-C reaches the child, too; the removal begins when the child has ended.
    const child = spawn(process.execPath, command, { cwd: join(modules, '..'), env, stdio: 'inherit' });
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', code => (code === 0 ? resolve() : reject(new Error(`cdk ${args[0]} ended with ${code}`))));
    });
  };
}
