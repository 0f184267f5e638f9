/** Two stacks in one account and region: what CloudFormation would refuse, or let one overwrite. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { functionNames, kebab } from '../../lib/function-names.ts';
import { judgeIdentifiers } from '../../lib/judges/identifiers.ts';
import { judgePolicies } from '../../lib/judges/policies.ts';
import { SealpostStack } from '../../lib/sealpost-stack.ts';
import { startStandIn, type StandIn } from '../../packages/aws-stand-in/src/stand-in.ts';

const names = ['first', 'second'] as const;
const parameters = {
  AcmeContact: 'mailto:certificates@provider.example',
  AcmeTermsAgreed: 'yes',
  ChallengeZoneId: 'Z0000000000000',
  ChallengeZoneName: 'acme.provider.example',
};

interface Declared {
  Type: string;
  Properties?: Record<string, unknown>;
}

let directory: string;
let cdkOut: string;
let standIn: StandIn;
let templates: Record<(typeof names)[number], Record<string, Declared>>;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sealpost-two-'));
  cdkOut = join(directory, 'cdk.out');
  const app = new App({ analyticsReporting: false, outdir: cdkOut });
  // No function runs here, so one small folder is the code of all.
  const bundles = Object.fromEntries(functionNames.map(name => [name, { directory: import.meta.dirname, bytes: 0 }]));
  for (const name of names) new SealpostStack(app, name, { bundles });
  app.synth();
  const read = (name: string) => JSON.parse(readFileSync(join(cdkOut, `${name}.template.json`), 'utf8')).Resources;
  templates = { first: read('first'), second: read('second') };
  standIn = await startStandIn({ directory: join(directory, 'run') });
}, 120_000);
afterAll(async () => {
  await standIn.stop();
  rmSync(directory, { recursive: true, force: true });
});

test('both are made beside each other, and none has a resource of the other', async () => {
  const made = [];
  for (const stackName of names) made.push(await standIn.loadTemplate({ cdkOut, stackName, parameters }));
  const [first, second] = made.map(({ resources }) => Object.values(resources).map(({ ref }) => ref));
  expect(first).toHaveLength(Object.keys(templates.first).filter(id => id !== 'CDKMetadata').length);
  expect(first!.filter(ref => second!.includes(ref))).toEqual([]);
});

/** Names that are no resource's own in the account and region, each with its reason. */
const SHARED: Record<string, string> = {
  'AWS::IAM::Policy PolicyName': 'an inline policy has its name in its role, which each stack has for itself',
  'AWS::CloudWatch::Alarm MetricName': 'a metric is told from another one by its dimensions, which name the stack',
};

test('no name of a resource is the same in both', () => {
  const literal = Object.entries(templates.first).flatMap(([id, { Type, Properties = {} }]) =>
    Object.entries(Properties).flatMap(([property, value]) => {
      const isName = /(Name|Id|Sid|Identifier)$/.test(property) && typeof value === 'string';
      const isShared = isName && templates.second[id]?.Properties?.[property] === value;
      return isShared && !SHARED[`${Type} ${property}`] ? [`${Type} ${property} ${value}`] : [];
    }),
  );
  expect(literal).toEqual([]);
});

test.each(['aws-mail', 'SSM-certificates', 'amazon-mail', 'amzn'])('no stack is named %s, which AWS keeps', name => {
  const app = new App({ analyticsReporting: false, outdir: join(directory, name) });
  expect(() => new SealpostStack(app, name, { bundles: {} })).toThrow(`the stack's name ${name} begins`);
});

test('no stack has a name with which a role or a function would have more than 64 characters', () => {
  const app = new App({ analyticsReporting: false, outdir: join(directory, 'long') });
  const bundles = Object.fromEntries(functionNames.map(name => [name, { directory: import.meta.dirname, bytes: 0 }]));
  const longest = 's'.repeat(37);
  const { stackName } = new SealpostStack(app, longest, { bundles });
  for (const name of functionNames) expect(`${stackName}-${kebab(name)}`.length, name).toBeLessThanOrEqual(64);
  expect(`${stackName}-mail-server-ap-southeast-1`).toHaveLength(64);
  expect(() => new SealpostStack(app, `${longest}s`, { bundles })).toThrow('has more than 37 characters');
});

test('what npm run synth asks of policies and names holds, and one wrong letter ends it', async () => {
  for (const stackName of names) {
    const template = { Resources: templates[stackName] };
    expect(await judgePolicies(template)).toBeGreaterThan(200);
    expect(judgeIdentifiers(template, { stackName })).toBe(Object.keys(template.Resources).length);
  }
  const mistyped = JSON.parse(JSON.stringify({ Resources: templates.first }).replace('s3:GetObject"', 's3:GetObjekt"'));
  await expect(judgePolicies(mistyped)).rejects.toThrow('no action is named s3:GetObjekt');
});

test('no statement of the bus has the Sid of a resource that an upgrade deletes afterwards', () => {
  // Stacks of 2026-11 had a resource AWS::Events::EventBusPolicy for each statement. CloudFormation
  // deletes it after the bus has its document, and removes the statement with its Sid.
  const removed = ['OnlySendersAndWe', 'OnlyWeSpeakAsSealpost', 'SendersMaySpeak'];
  const buses = Object.values(templates.first).filter(({ Type }) => Type === 'AWS::Events::EventBus');
  const sids = buses.flatMap(({ Properties }) => (Properties!.Policy as Policy).Statement.map(({ Sid }) => Sid));
  expect(new Set(sids).size).toBe(3);
  expect(sids.filter(sid => removed.includes(sid))).toEqual([]);
});

interface Policy {
  Statement: { Sid: string }[];
}
