/**
 * `--throw-away`: what is made, and that it is removed whatever comes. In the place of the `cdk`
 * command, the stand-in deploys the synthesised stack with the parameters of the command. The
 * stand-in has no EC2, so that nothing makes the server's stack here.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { CreateHostedZoneCommand } from '@aws-sdk/client-route-53';
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { App } from 'aws-cdk-lib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Dns } from '../../core/dns/authoritative.ts';
import { functionNames } from '../../lib/function-names.ts';
import { startStandIn, type SsmService, type StandIn } from '../../packages/aws-stand-in/src/stand-in.ts';
import { account as accountOf } from '../../prove/account.ts';
import type { Named } from '../../prove/before.ts';
import { policy } from '../../prove/rights.ts';
import { throwAway } from '../../prove/throw-away-app.ts';
import { NODE_OUTPUT, SERVER_STACK, STACK, withThrowAway, type Means } from '../../prove/throw-away.ts';

const ZONE = 'provider.example';
const NODE = 'i-0123456789abcdef0';
const directory = mkdtempSync(join(tmpdir(), 'sealpost-thrown-'));
const trust = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
};
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const cdkOut = join(directory, 'cdk.out');
const templateOf = (name: string) => join(cdkOut, `${name}.template.json`);
let templates: Record<string, Record<string, any>>;
beforeAll(() => {
  const app = new App({ analyticsReporting: false, outdir: cdkOut });
  const bundles = Object.fromEntries(functionNames.map(name => [name, { directory: import.meta.dirname, bytes: 0 }]));
  throwAway(app, bundles, { zone: { id: 'Z0123456789', name: ZONE }, server: `mx.${ZONE}` });
  app.synth();
  templates = Object.fromEntries(
    [STACK, SERVER_STACK].map(name => [name, JSON.parse(readFileSync(templateOf(name), 'utf8')).Resources]),
  );
}, 120_000);

describe('what is made', () => {
  const ofType = (stack: string, type: string) => Object.values(templates[stack]!).filter(({ Type }) => Type === type);

  test('keeps nothing when it is removed, and its buckets are emptied', () => {
    const all = Object.values(templates).flatMap(resources => Object.entries(resources));
    const kept = all.filter(([, { DeletionPolicy = 'Delete' }]) => DeletionPolicy !== 'Delete');
    expect(kept.map(([id]) => id)).toEqual([]);
    expect(ofType(STACK, 'Custom::S3AutoDeleteObjects')).toHaveLength(ofType(STACK, 'AWS::S3::Bucket').length);
  });

  test("is one server with the stack's tag and role, whose credentials only IMDSv2 gives", () => {
    const [instance, ...more] = ofType(SERVER_STACK, 'AWS::EC2::Instance');
    expect(more).toEqual([]);
    expect(instance!.Properties.Tags).toContainEqual({ Key: 'sealpost:mail-server', Value: STACK });
    const [launch] = ofType(SERVER_STACK, 'AWS::EC2::LaunchTemplate');
    expect(launch!.Properties.LaunchTemplateData.MetadataOptions).toMatchObject({ HttpTokens: 'required' });
    const [profile] = ofType(SERVER_STACK, 'AWS::IAM::InstanceProfile');
    expect(JSON.stringify(profile!.Properties.Roles)).toContain(`${STACK}-mail-server-`);
  });

  test('starts as a mail server of the zone, with the SSM Agent', () => {
    const [instance] = ofType(SERVER_STACK, 'AWS::EC2::Instance');
    const script = JSON.stringify(instance!.Properties.UserData);
    expect(script).toContain(`server=mx.${ZONE}\\nagent=https://s3.`);
    expect(script).toMatch(/set -eu.*amazon-ssm-agent/);
  });

  test('has no gateway that is billed by the hour', () => {
    expect(ofType(SERVER_STACK, 'AWS::EC2::NatGateway')).toEqual([]);
  });
});

describe('the order of things', () => {
  let standIn: StandIn;
  let nameServers: string[];
  let ran: string[][];
  let plan: string[];

  beforeAll(async () => {
    standIn = await startStandIn({ directory: join(directory, 'run') });
    const made = await root().zones.send(new CreateHostedZoneCommand({ Name: ZONE, CallerReference: 'one' }));
    nameServers = made.DelegationSet!.NameServers!;
    withoutCustomResources();
    const { region } = standIn;
    standIn.iam.putRole('prover', trust, [policy({ stack: STACK, zone: ZONE, region })]);
  });
  afterAll(() => standIn.stop());
  beforeEach(() => {
    ran = [];
    plan = [];
  });

  /** CDK's own function empties the buckets when the stack is removed; nothing is removed here. */
  function withoutCustomResources(): void {
    const template = JSON.parse(readFileSync(templateOf(STACK), 'utf8'));
    const kept = Object.entries<{ Type: string }>(template.Resources).filter(([, { Type }]) => !/^Custom::/.test(Type));
    writeFileSync(templateOf(STACK), JSON.stringify({ ...template, Resources: Object.fromEntries(kept) }));
  }

  const access = () => ({ endpoint: standIn.endpoint, region: standIn.region });
  const root = () => accountOf({ ...access(), credentials: standIn.iam.rootCredentials() }, () => {});
  const dns = (): Dns => ({
    resolve: async (name, type) => (`${name} ${type}` === `${ZONE} NS` ? nameServers : []),
    caa: async () => [],
    tlsa: async () => [],
  });

  /** Deploys the stack, writes what CloudFormation would, and makes the node known. */
  async function cdk(args: string[]): Promise<void> {
    ran.push(args);
    if (args[0] !== 'deploy') return;
    const given = args.filter((_, i) => args[i - 1] === '--parameters').map(one => one.replace(`${STACK}:`, ''));
    const parameters = Object.fromEntries(given.map(one => [one.split('=', 1)[0], one.replace(/^[^=]*=/, '')]));
    await standIn.loadTemplate({ cdkOut, stackName: STACK, parameters });
    writeFileSync(
      args[args.indexOf('--outputs-file') + 1]!,
      JSON.stringify({ [SERVER_STACK]: { [NODE_OUTPUT]: NODE } }),
    );
    const node = { run: async () => ({ exitCode: 0, stdout: '', stderr: '' }), write: async () => {} };
    const roleArn = standIn.iam.role('prover').arn;
    const registration = { id: NODE, roleArn, computerName: 'mx', platformType: 'Linux' as const, tags: {} };
    standIn.service<SsmService>('ssm').registerNode({ ...registration, node });
  }
  const means = (other: Partial<Means> = {}): Means => ({
    account: accountOf(
      { ...access(), credentials: standIn.iam.credentials(standIn.iam.role('prover').arn, 'me') },
      () => {},
    ),
    ...{ cdk, dns: dns(), say: () => {}, signal: new AbortController().signal },
    agrees: async shown => {
      plan = shown;
      return true;
    },
    ...other,
  });
  const wanted = { zone: ZONE, contact: 'mailto:certificates@provider.example', roots: 'a root' };
  const verbs = () => ran.map(([verb]) => verb);
  const use = async (named: Named) => named;

  test('an account that is not bootstrapped ends it before anything is made', async () => {
    await expect(withThrowAway(wanted, means(), use)).rejects.toMatchObject({ name: 'NotBootstrapped' });
    expect(ran).toEqual([]);
    const version = { Name: '/cdk-bootstrap/hnb659fds/version', Value: '30', Type: 'String' as const };
    await root().systemsManager.send(new PutParameterCommand(version));
  });

  test('a person who does not agree has nothing made, and has read what it costs', async () => {
    const agrees = async (shown: string[]) => ((plan = shown), false);
    await expect(withThrowAway(wanted, means({ agrees }), use)).rejects.toMatchObject({ name: 'NotAgreed' });
    expect(ran).toEqual([]);
    expect(plan.join('\n')).toMatch(/cents an hour/);
  });

  test('the stacks are made, used and removed, and the caller is a sender', async () => {
    expect(await withThrowAway(wanted, means(), use)).toEqual({
      ...{ stack: STACK, node: NODE, zone: ZONE, server: `mx.${STACK}.${ZONE}` },
    });
    expect(verbs()).toEqual(['deploy', 'destroy']);
    expect(ran[0]).toContain(`${STACK}:SenderRoleArns=${standIn.iam.role('prover').arn}`);
    expect(ran[0]).toContain(`${STACK}:TrustedRoots=a root`);
  });

  test('the stack is deployed with what the command gives, and takes events of the caller', async () => {
    const bus = means().account.events;
    const entry = { EventBusName: STACK, Source: 'provider.panel', DetailType: 'Domain Created', Detail: '{}' };
    const answer = await withThrowAway(wanted, means(), () => bus.send(new PutEventsCommand({ Entries: [entry] })));
    expect(answer.FailedEntryCount).toBe(0);
  });

  test.each([
    ['a use that fails', {}, () => Promise.reject(new Error('it failed')), 'it failed'],
    ['a deploy that fails', { cdk: failing('deploy') }, use, 'cdk failed'],
  ])('after %s, the stacks are removed', async (_, other, used, message) => {
    await expect(withThrowAway(wanted, means(other), used)).rejects.toThrow(message);
    expect(verbs()).toEqual(['deploy', 'destroy']);
  });

  test('a removal that fails says what a person does', async () => {
    const refused = withThrowAway(wanted, means({ cdk: failing('destroy') }), use);
    await expect(refused).rejects.toMatchObject({ name: 'NotRemoved', remedy: expect.stringContaining('again') });
  });

  function failing(verb: string): Means['cdk'] {
    return async args => {
      await cdk(args);
      if (args[0] === verb) throw new Error('cdk failed');
    };
  }
});
