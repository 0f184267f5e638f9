/** Ctrl-C in the middle of a run, on a stack whose functions never answer. It needs no host. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import {
  ChangeResourceRecordSetsCommand,
  CreateHostedZoneCommand,
  ListResourceRecordSetsCommand,
} from '@aws-sdk/client-route-53';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { functionNames } from '../../lib/function-names.ts';
import { SealpostStack } from '../../lib/sealpost-stack.ts';
import { startDns, type Dns } from '../../packages/aws-stand-in/src/dns/server.ts';
import { startStandIn, type Route53, type SsmService, type StandIn } from '../../packages/aws-stand-in/src/stand-in.ts';
import { account } from '../../prove/account.ts';
import { domainOf } from '../../prove/before.ts';
import { prove, proofText } from '../../prove/proof.ts';
import { policy } from '../../prove/rights.ts';

const ZONE = 'provider.example';
const named = { stack: 'sealpost', node: 'mi-0123456789abcdef0', server: `mx1.${ZONE}`, zone: ZONE };
const domain = domainOf(named);
const trust = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
};
const directory = mkdtempSync(join(tmpdir(), 'sealpost-interrupted-'));
let standIn: StandIn;
let dns: Dns;
let zoneId: string;

const root = () => {
  const { endpoint, region, iam } = standIn;
  return account({ endpoint, region, credentials: iam.rootCredentials() }, () => {});
};

beforeAll(async () => {
  const cdkOut = join(directory, 'cdk.out');
  const app = new App({ analyticsReporting: false, outdir: cdkOut });
  const bundles = Object.fromEntries(functionNames.map(name => [name, { directory: import.meta.dirname, bytes: 0 }]));
  new SealpostStack(app, named.stack, { bundles });
  app.synth();
  standIn = await startStandIn({ directory: join(directory, 'run'), pace: 600 });
  dns = await startDns({ seed: directory });
  standIn.service<Route53>('route53').publish(zones => void dns.setHostedZones(zones));
  const made = await root().zones.send(new CreateHostedZoneCommand({ Name: ZONE, CallerReference: 'one' }));
  zoneId = made.HostedZone!.Id!.split('/').at(-1)!;
  const a = (Name: string) => ({ Name, Type: 'A' as const, TTL: 60, ResourceRecords: [{ Value: '192.0.2.7' }] });
  // The second one is what an earlier run has left.
  const Changes = [a(named.server), a(`mail.${domain}`)].map(set => ({
    Action: 'CREATE' as const,
    ResourceRecordSet: set,
  }));
  await root().zones.send(new ChangeResourceRecordSetsCommand({ HostedZoneId: zoneId, ChangeBatch: { Changes } }));
  const { region, iam } = standIn;
  const { arn } = iam.putRole('prover', trust, [policy({ ...named, region })]);
  const parameters = {
    ...{ AcmeContact: 'mailto:certificates@provider.example', AcmeTermsAgreed: 'yes', TrustedRoots: '' },
    ...{ Issuers: '[{"name":"own","directory":"https://ca.example/directory"}]', Resolvers: dns.addresses[0] },
    ...{ ChallengeZoneId: zoneId, ChallengeZoneName: ZONE, SenderRoleArns: arn },
  };
  await standIn.loadTemplate({ cdkOut, stackName: named.stack, parameters });
  const node = { run: async () => ({ exitCode: 0, stdout: '', stderr: '' }), write: async () => {} };
  const roleArn = iam.role(`sealpost-mail-server-${region}`).arn;
  const tags = { 'sealpost:mail-server': 'sealpost' };
  const registration = { id: named.node, roleArn, computerName: 'mx1', platformType: 'Linux' as const, tags, node };
  standIn.service<SsmService>('ssm').registerNode(registration);
}, 120_000);
afterAll(async () => {
  await standIn.stop();
  await dns.stop();
  rmSync(directory, { recursive: true, force: true });
});

test('Ctrl-C ends the walk, and nothing that was made is left, not even by an earlier run', async () => {
  const { endpoint, region, iam } = standIn;
  const interruption = new AbortController();
  const said: string[] = [];
  const proof = await prove({
    named,
    access: { endpoint, region, credentials: iam.credentials(iam.role('prover').arn, 'person') },
    directory: join(directory, 'answers'),
    say: line => {
      said.push(line);
      if (line.startsWith('Two events')) interruption.abort();
    },
    agrees: async () => true,
    signal: interruption.signal,
  });
  expect(proof.results.map(({ step, differs }) => [step.name, differs])).toEqual([['BusPolicy', []]]);
  expect(proof).toMatchObject({ isInterrupted: true, left: [] });
  expect(proofText(proof)).toContain('a second run begins anew');
  expect(said.at(-1)).toBe('Everything that was made is removed …');
  const { ResourceRecordSets } = await root().zones.send(new ListResourceRecordSetsCommand({ HostedZoneId: zoneId }));
  expect(ResourceRecordSets!.map(({ Name }) => Name).filter(name => name!.includes('proof-'))).toEqual([]);
}, 120_000);
