/**
 * What stands in the way of a first hour: each obstacle is found before anything is changed, and is
 * said in one sentence with its remedy.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CreateHostedZoneCommand } from '@aws-sdk/client-route-53';
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import type { Dns } from '../../core/dns/authoritative.ts';
import { functionNames } from '../../lib/function-names.ts';
import { SealpostStack } from '../../lib/sealpost-stack.ts';
import { startStandIn, type SsmService, type StandIn } from '../../packages/aws-stand-in/src/stand-in.ts';
import { account as accountOf, type Access, type Account, type Call } from '../../prove/account.ts';
import { addressOf, assertRoots, zoneIn } from '../../prove/before.ts';
import { lookBefore } from '../../prove/proof.ts';
import { policy, rights } from '../../prove/rights.ts';
import { explain } from '../../prove/trouble.ts';

const STACK = 'sealpost';
const ZONE = 'provider.example';
const named = { stack: STACK, node: 'mi-0123456789abcdef0', server: 'mx1.provider.example', zone: ZONE };
const trust = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
};

let directory: string;
let standIn: StandIn;
let nameServers: string[];
let heard: Call[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sealpost-before-'));
  const cdkOut = join(directory, 'cdk.out');
  const app = new App({ analyticsReporting: false, outdir: cdkOut });
  // No function runs here, so one small folder is the code of all.
  const bundles = Object.fromEntries(functionNames.map(name => [name, { directory: import.meta.dirname, bytes: 0 }]));
  new SealpostStack(app, STACK, { bundles });
  app.synth();
  standIn = await startStandIn({ directory: join(directory, 'run') });
  const zones = administrator().zones;
  const made = await zones.send(new CreateHostedZoneCommand({ Name: ZONE, CallerReference: 'one' }));
  nameServers = made.DelegationSet!.NameServers!;
  const parameters = {
    ...{ AcmeContact: 'mailto:certificates@provider.example', AcmeTermsAgreed: 'yes', TrustedRoots: 'a root' },
    ...{ ChallengeZoneId: made.HostedZone!.Id!.split('/').at(-1)!, ChallengeZoneName: ZONE },
    SenderRoleArns: `arn:aws:iam::${standIn.account}:role/prover`,
  };
  await standIn.loadTemplate({ cdkOut, stackName: STACK, parameters });
}, 120_000);
afterAll(async () => {
  await standIn.stop();
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(() => {
  heard = [];
  role('prover', policy({ stack: STACK, zone: ZONE, region: standIn.region }));
  manage({ 'sealpost:mail-server': STACK });
});

function accountWith(access: Access): Account {
  return accountOf({ endpoint: standIn.endpoint, region: standIn.region, ...access }, call => heard.push(call));
}
const administrator = () => accountWith({ credentials: standIn.iam.rootCredentials() });
const as = (name: string) =>
  accountWith({ credentials: standIn.iam.credentials(standIn.iam.role(name).arn, 'person') });

function role(name: string, document: object): void {
  standIn.iam.putRole(name, trust, [document]);
}

/** The node that is named, with these tags. */
function manage(tags: Record<string, string>): void {
  const node = { run: async () => ({ exitCode: 0, stdout: '', stderr: '' }), write: async () => {} };
  const roleArn = standIn.iam.role(`${STACK}-mail-server-${standIn.region}`).arn;
  const { node: id, server: computerName } = named;
  standIn.service<SsmService>('ssm').registerNode({ id, roleArn, computerName, platformType: 'Linux', tags, node });
}

/** The answer to one operation is another one. */
function answering(account: Account, client: keyof Account, edit: (output: any) => void): Account {
  (account[client] as { middlewareStack: { add(...all: any[]): void } }).middlewareStack.add(
    (next: (args: object) => Promise<{ output: object }>) => async (args: object) => {
      const result = await next(args);
      edit(result.output);
      return result;
    },
    { step: 'initialize', name: 'other' },
  );
  return account;
}

/** What a person reads. */
async function said(look: () => Promise<unknown>): Promise<{ name: string; message: string; remedy?: string }> {
  const error = await look().then(
    () => undefined,
    (error: unknown) => error,
  );
  if (error === undefined) return { name: 'nothing', message: 'There is no obstacle.' };
  const { name, message, remedy } = explain(error, { stack: STACK });
  return { name, message, ...(remedy !== undefined && { remedy }) };
}

const signal = new AbortController().signal;
const look = (account = as('prover'), other: Partial<typeof named> = {}) =>
  said(() => lookBefore({ ...named, ...other }, { account, signal }));

/** Public DNS, as it should be. */
function dnsWith(names: Record<string, string[]>): Dns {
  const resolve: Dns['resolve'] = async (name, type) => names[`${name} ${type}`] ?? [];
  return { resolve, caa: async () => [], tlsa: async () => [] };
}
const usual = () => dnsWith({ [`${ZONE} NS`]: nameServers, [`${named.server} A`]: ['192.0.2.7'] });
const lookAtZone = (account = as('prover'), { dns = usual(), zone = ZONE } = {}) =>
  said(() => zoneIn(account, dns, zone));

describe('the caller', () => {
  test('has no credentials', async () => {
    expect(await look(accountWith({ profile: 'nobody' }))).toEqual({
      name: 'CredentialsProviderError',
      message: 'There are no AWS credentials.',
      remedy: expect.stringContaining('Set AWS_PROFILE'),
    });
  });

  test('has no role', async () => {
    expect(await look(administrator())).toEqual({
      name: 'NoRole',
      message: `The credentials belong to arn:aws:iam::${standIn.account}:root, which is no role.`,
      remedy: expect.stringContaining('SenderRoleArns'),
    });
  });

  test('may not even ask which rights it has', async () => {
    role('prover', { Version: '2012-10-17', Statement: [] });
    expect(await look()).toEqual({
      name: 'MissingRight',
      message: `arn:aws:sts::${standIn.account}:assumed-role/prover/person may not iam:GetRole.`,
      remedy: 'Attach what npm run prove -- --policy prints.',
    });
  });

  const later = rights
    .flatMap(({ actions }) => actions)
    .filter(action => !/^iam:|GetFunctionConfiguration/.test(action));
  test.each([...new Set(later)])('lacks the right %s', async action => {
    const whole = policy({ stack: STACK, zone: ZONE, region: standIn.region }) as { Statement: { Action: string[] }[] };
    const Statement = whole.Statement.map(one => ({ ...one, Action: one.Action.filter(other => other !== action) }));
    role('prover', { ...whole, Statement: Statement.filter(({ Action }) => Action.length > 0) });
    expect(await look()).toEqual({
      name: 'MissingRight',
      message: `The role arn:aws:iam::${standIn.account}:role/prover may not ${action}.`,
      remedy: 'Attach what npm run prove -- --policy prints.',
    });
  });

  test('is no sender', async () => {
    role('other', policy({ stack: STACK, zone: ZONE, region: standIn.region }));
    expect(await look(as('other'))).toEqual({
      name: 'NotASender',
      message: `The role arn:aws:iam::${standIn.account}:role/other may not put events on the bus ${STACK}.`,
      remedy: expect.stringContaining('SenderRoleArns='),
    });
  });
});

describe('the account', () => {
  const elsewhere = { stack: 'elsewhere' };
  test('is not bootstrapped', async () => {
    role('prover', everything);
    expect(await look(as('prover'), elsewhere)).toEqual({
      name: 'NotBootstrapped',
      message: `Account ${standIn.account}, region ${standIn.region}, is not bootstrapped for CDK, so nothing can be deployed.`,
      remedy: `npm exec --no -- cdk bootstrap aws://${standIn.account}/${standIn.region}`,
    });
  });

  test('has no such stack', async () => {
    role('prover', everything);
    const version = { Name: '/cdk-bootstrap/hnb659fds/version', Value: '30', Type: 'String' as const };
    await administrator().systemsManager.send(new PutParameterCommand(version));
    expect(await look(as('prover'), elsewhere)).toEqual({
      name: 'NoStack',
      message: `There is no stack elsewhere in account ${standIn.account}, region ${standIn.region}.`,
      remedy: expect.stringContaining('npm run deploy'),
    });
  });

  test('is in a region without one of the services', async () => {
    const endpoint = 'http://sts.nowhere-1.invalid';
    expect(await look(accountWith({ endpoint, credentials: standIn.iam.rootCredentials() }))).toEqual({
      name: 'NoEndpoint',
      message: 'There is no host sts.nowhere-1.invalid: this region does not have the service.',
      remedy: expect.stringContaining('Choose a region'),
    });
  });

  test('may run too few functions at once', async () => {
    const few = answering(as('prover'), 'functions', output => {
      if (output.AccountLimit) output.AccountLimit.UnreservedConcurrentExecutions = 3;
    });
    expect(await look(few)).toEqual({
      name: 'TooFewFunctions',
      message: 'The account may run 3 functions at once, and the stack needs 10.',
      remedy: expect.stringContaining('Service Quotas'),
    });
  });

  test('has reached another quota', async () => {
    const error = Object.assign(new Error('You have 500 zones.'), { name: 'LimitExceededException' });
    expect(await said(() => Promise.reject(error))).toEqual({
      name: 'QuotaReached',
      message: 'A quota is at its end (LimitExceededException): You have 500 zones.',
      remedy: expect.stringContaining('Service Quotas'),
    });
  });
});

describe('the node', () => {
  test('is not managed', async () => {
    expect(await look(as('prover'), { node: 'i-0123456789abcdef0' })).toEqual({
      name: 'NotManaged',
      message: 'Systems Manager does not manage i-0123456789abcdef0 in this region.',
      remedy: expect.stringContaining('Start the SSM Agent'),
    });
  });

  test('does not have the tag of the stack', async () => {
    manage({ 'sealpost:mail-server': 'another' });
    expect(await look()).toEqual({
      name: 'NodeNotTagged',
      message: `${named.node} does not have the tag sealpost:mail-server=${STACK}, without which no command is sent to it.`,
      remedy: expect.stringContaining('Set the tag'),
    });
  });

  test('does not answer', async () => {
    const silent = answering(as('prover'), 'systemsManager', output => {
      for (const one of output.InstanceInformationList ?? []) one.PingStatus = 'ConnectionLost';
    });
    expect(await look(silent)).toEqual({
      name: 'NodeOffline',
      message: `The agent of ${named.node} is ConnectionLost.`,
      remedy: `Start the SSM Agent on ${named.node}.`,
    });
  });

  test('has no address', async () => {
    expect(await said(() => addressOf(dnsWith({}), named.server))).toEqual({
      name: 'NoAddress',
      message: 'mx1.provider.example has no address in DNS.',
      remedy: expect.stringContaining('A record'),
    });
  });
});

describe('the zone', () => {
  test('is as it should be', async () => {
    expect(await lookAtZone()).toMatchObject({ name: 'nothing' });
  });

  test('is not there', async () => {
    expect(await lookAtZone(as('prover'), { zone: 'nowhere.example' })).toEqual({
      name: 'NoZone',
      message: 'Route 53 has no hosted zone nowhere.example in this account.',
      remedy: expect.stringContaining('--zone'),
    });
  });

  test('is private', async () => {
    const hidden = answering(as('prover'), 'zones', output => {
      for (const one of output.HostedZones ?? []) one.Config.PrivateZone = true;
    });
    expect(await lookAtZone(hidden)).toEqual({
      name: 'ZoneIsPrivate',
      message: `The hosted zone ${ZONE} is private, so no CA can see it.`,
      remedy: 'Give a public one with --zone.',
    });
  });

  test.each([
    ['other name servers', { [`${ZONE} NS`]: ['ns1.elsewhere.example'] }],
    ['the zone above', { 'provider.example NS': [], 'example.net NS': ['ns1.elsewhere.example'] }],
  ])('is not what public DNS has: %s', async (_, names) => {
    const dns = dnsWith({ ...names });
    const { name } = await lookAtZone(as('prover'), { dns });
    expect(['ZoneNotDelegated', 'DnsNotPropagated']).toContain(name);
  });

  test('is full', async () => {
    const full = answering(as('prover'), 'zones', output => {
      if (output.Limit) output.Count = output.Limit.Value - 1;
    });
    expect(await lookAtZone(full)).toEqual({
      name: 'ZoneIsFull',
      message: `The hosted zone ${ZONE} has 9999 of 10000 records, and 5 more are needed.`,
      remedy: expect.stringContaining('Service Quotas'),
    });
  });
});

test("the stack orders at Let's Encrypt's staging and does not trust it", async () => {
  const issuers = JSON.stringify([{ directory: 'https://acme-staging-v02.api.letsencrypt.org/directory' }]);
  expect(await said(async () => assertRoots({ issuers, roots: '' }))).toEqual({
    name: 'NoStagingRoot',
    message: expect.stringContaining('trusts no root of it'),
    remedy: expect.stringContaining('TrustedRoots'),
  });
  expect(() => assertRoots({ issuers, roots: 'a root' })).not.toThrow();
});

test('nothing is changed while it is looked', async () => {
  await look();
  await lookAtZone();
  const operations = new Set(heard.map(({ operation }) => operation));
  const READ = /^(Get|List|Describe|Simulate)/;
  expect([...operations].filter(operation => !READ.test(operation))).toEqual([]);
  expect(operations.size).toBeGreaterThan(8);
});

const everything = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };
