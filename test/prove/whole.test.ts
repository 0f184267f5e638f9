/**
 * `npm run prove` whole, against the stand-in for AWS, as a role that has exactly the rights of its
 * policy. The provider is its own, so that nothing else puts events meanwhile.
 */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ListResourceRecordSetsCommand, Route53Client } from '@aws-sdk/client-route-53';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addMailServer, storeOf } from '../../local/provider/panel.ts';
import { ADMINISTRATOR, STACK, type Provider } from '../../local/provider/provider.ts';
import { shapeDifferences } from '../../prove/difference.ts';
import { prove, proofText, type Asked, type Proof } from '../../prove/proof.ts';
import { readRecorded, RECORDED, type Recorded, type RecordedCall } from '../../prove/recorded.ts';
import { policy } from '../../prove/rights.ts';
import { steps } from '../../prove/steps.ts';
import { deploy, scratch, stack } from '../road/provider.ts';

const ZONE = 'provider.test';
const SERVER = 'mx1.provider.test';
const directory = scratch();
const answers = join(directory, 'answers');
const said: string[] = [];
let provider: Provider;
let proof: Proof;
let asked: Asked;
let domain: string;

beforeAll(async () => {
  provider = await deploy(await stack(), directory);
  await addMailServer(provider, 'mx1');
  const { cloud } = provider;
  // The role is among the senders of the stack. From here on it has no other right.
  const trust = cloud.iam.role(ADMINISTRATOR).trustPolicy;
  cloud.iam.putRole(ADMINISTRATOR, trust, [policy({ stack: STACK, zone: ZONE, region: cloud.region })]);
  const { endpoint, region, credentials } = provider.client();
  asked = {
    named: { stack: STACK, node: provider.hosts.get('mx1')!.nodeId, server: SERVER, zone: ZONE },
    access: { endpoint, region, credentials },
    directory: answers,
    say: line => said.push(line),
    agrees: async plan => {
      domain = /proof-[0-9a-f]{8}\.provider\.test/.exec(plan.join('\n'))![0];
      return true;
    },
    signal: new AbortController().signal,
  };
  proof = await prove(asked);
}, 300_000);

afterAll(async () => {
  await provider?.stop();
  rmSync(directory, { recursive: true, force: true });
}, 60_000);

describe('the first hour on the stand-in', () => {
  test('has every answer as expected, with the rights of the policy and no others', () => {
    expect(said.filter(line => line.includes('differs'))).toEqual([]);
    expect(proof.results.map(({ step, differs }) => [step.name, differs])).toEqual(steps.map(({ name }) => [name, []]));
    expect(proofText(proof)).toContain('Every answer is as expected.');
  });

  test('leaves no domain, no server and no record behind', async () => {
    expect(proof.left).toEqual([]);
    await nothingIsLeft();
  });
});

async function nothingIsLeft(): Promise<void> {
  const [record, server] = [
    await storeOf(everything()).readDomain(domain),
    await storeOf(everything()).readServer(SERVER),
  ];
  expect({ isDeleted: record?.spec?.deleted, server }).toEqual({ isDeleted: true, server: undefined });
  const zones = new Route53Client(everything().client());
  const HostedZoneId = await provider.createZone(ZONE);
  const { ResourceRecordSets } = await zones.send(new ListResourceRecordSetsCommand({ HostedZoneId }));
  expect(ResourceRecordSets!.map(({ Name }) => Name).filter(name => name!.includes('proof-'))).toEqual([]);
}

/** The provider with its rights again: what a test looks at, prove has no right to. */
function everything(): Provider {
  const { iam, endpoint, region } = provider.cloud;
  const all = { endpoint, region, credentials: iam.rootCredentials(), forcePathStyle: true as const };
  return { ...provider, client: () => all };
}

describe('the recorded answers, replayed', () => {
  const recorded = readRecorded(RECORDED);
  const ours = (step: string): Recorded | undefined => readRecorded(answers).find(one => one.step === step);

  test('are of every step', () => {
    expect(existsSync(answers)).toBe(true);
    expect(recorded.map(({ step }) => step)).toEqual(steps.map(({ name }) => name).sort());
  });

  test.each(recorded.map(one => [one.step, one] as const))('%s: the stand-in answers alike', (step, { calls }) => {
    const found = ours(step)!;
    for (const call of calls) expect(unlike(call, found.calls), `${call.service} ${call.operation}`).toEqual([]);
  });
});

/** Where the stand-in's answer to the same question is of another kind. */
function unlike(recorded: RecordedCall, calls: RecordedCall[]): string[] {
  const same = calls.filter(
    ({ service, operation }) => `${service} ${operation}` === `${recorded.service} ${recorded.operation}`,
  );
  const input = JSON.stringify(recorded.input);
  const answer = same.find(call => JSON.stringify(call.input) === input) ?? same[0];
  if (!answer) return ['the stand-in was not asked'];
  if (recorded.error !== answer.error) return [`AWS: ${recorded.error}, the stand-in: ${answer.error}`];
  return recorded.error ? [] : shapeDifferences({ ofAws: recorded.output!, ofOther: answer.output! });
}
