/**
 * A hosting provider on one machine: the stand-in for AWS, a real CA, real DNS, and what the provider has set up in
 * its account. Nothing of sealpost is in here but the synthesised stack, deployed as on AWS.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  GetChangeCommand,
  Route53Client,
  ChangeResourceRecordSetsCommand,
  CreateHostedZoneCommand,
  type ResourceRecordSet,
} from '@aws-sdk/client-route-53';
import type { LoadedTemplate } from './cloud/template.ts';
import { startCloud, type RunningCloud } from './cloud/cloud.ts';
import { acm } from './cloud/acm.ts';
import { dynamodb } from './cloud/dynamodb.ts';
import { events } from './cloud/events.ts';
import { lambda } from './cloud/functions.ts';
import { kms } from './cloud/kms.ts';
import { logs } from './cloud/logs.ts';
import { route53, type Route53 } from './cloud/route53.ts';
import { s3 } from './cloud/s3.ts';
import { scheduler } from './cloud/scheduler.ts';
import { sqs } from './cloud/sqs.ts';
import { ssm, type SsmService } from './cloud/ssm.ts';
import { states } from './cloud/states.ts';
import { startPebble, type Ca } from './ca/pebble.ts';
import { startDns, type Dns } from './dns/server.ts';
import { startHost, type Host } from './hosts/host.ts';
import { setUpMailServer } from './hosts/mail-server.ts';

export const STACK = 'sealpost';
/** The zone that challenges are delegated to. */
export const CHALLENGE_ZONE = 'acme.provider.test';
/** The role that the provider's panel puts events with. */
const SENDER = 'provider-panel';

export interface ProviderOptions {
  /** Everything of this run lies here. */
  directory: string;
  cdkOut: string;
  /** The checkout's path: two clones take different addresses. */
  seed: string;
  report: (line: string) => void;
}

type Credentials = { accessKeyId: string; secretAccessKey: string };

export interface Provider {
  cloud: RunningCloud;
  ca: Ca;
  dns: Dns;
  stack: LoadedTemplate;
  hosts: Map<string, Host & { nodeId: string }>;
  /** PEM of the CA's roots: what a customer's programs trust, and nothing else. */
  roots: string;
  /** Configuration of an SDK client, as the account's administrator or as a named role. */
  client(as?: 'administrator' | 'sender'): {
    endpoint: string;
    region: string;
    credentials: Credentials;
    forcePathStyle: true;
  };
  createZone(name: string): Promise<string>;
  /** Returns when the name servers answer with them. */
  putRecords(zoneId: string, records: ResourceRecordSet[]): Promise<void>;
  addHost(name: string, hostName: string): Promise<Host & { nodeId: string }>;
  stop(): Promise<void>;
}

export async function startProvider({ directory, cdkOut, seed, report }: ProviderOptions): Promise<Provider> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const services = [kms, s3, dynamodb, sqs, logs, lambda, states, events, scheduler, ssm, acm, route53];
  const cloud = await startCloud({ directory: join(directory, 'cloud'), services });
  report(`Stand-in for AWS answers at ${cloud.endpoint}`);
  const dns = await startDns({ seed, zones: () => cloud.service<Route53>('route53').zones() });
  report(`DNS answers at ${dns.addresses.join(' and ')}, port 53`);
  const ca = await startPebble({
    directory: join(directory, 'ca'),
    resolver: `${dns.addresses[0]}:53`,
    report,
    noSleep: true,
  });
  const roots = await ca.issuerRoots();
  const client: Provider['client'] = (as = 'administrator') => ({
    endpoint: cloud.endpoint,
    region: cloud.region,
    credentials: as === 'sender' ? cloud.iam.credentials(sender.arn, 'panel') : cloud.iam.rootCredentials(),
    forcePathStyle: true,
  });
  const sender = cloud.iam.putRole(SENDER, trust('ec2.amazonaws.com'), []);
  const zones = new Route53Client(client());
  const hosts: Provider['hosts'] = new Map();

  const provider: Omit<Provider, 'stack'> = {
    cloud,
    ca,
    dns,
    hosts,
    roots,
    client,
    async createZone(name) {
      const { HostedZone } = await zones.send(new CreateHostedZoneCommand({ Name: name, CallerReference: name }));
      return HostedZone!.Id!.replace('/hostedzone/', '');
    },
    async putRecords(zoneId, records) {
      const Changes = records.map(record => ({ Action: 'UPSERT' as const, ResourceRecordSet: record }));
      const { ChangeInfo } = await zones.send(
        new ChangeResourceRecordSetsCommand({ HostedZoneId: zoneId, ChangeBatch: { Changes } }),
      );
      for (let status = ChangeInfo!.Status; status !== 'INSYNC'; await sleep(200))
        status = (await zones.send(new GetChangeCommand({ Id: ChangeInfo!.Id! }))).ChangeInfo!.Status;
    },
    async addHost(name, hostName) {
      const host = await startHost({
        name,
        hostName,
        directory: join(directory, 'hosts', name),
        release: 'bookworm',
        roots,
        report,
      });
      await dns.listenAlso(host.gateway);
      await setUpMailServer(host);
      const nodeId = nodeIdOf(hostName);
      const role = cloud.iam.role(`${STACK}-mail-server`);
      const registration = {
        id: nodeId,
        roleArn: role.arn,
        computerName: hostName,
        platformType: 'Linux' as const,
        tags: { 'sealpost:mail-server': STACK },
        ipAddress: host.address,
      };
      cloud.service<SsmService>('ssm').registerNode({ ...registration, node: host });
      const added = Object.assign(host, { nodeId });
      hosts.set(name, added);
      return added;
    },
    async stop() {
      await Promise.all([...hosts.values()].map(host => host.stop()));
      await cloud.stop();
      await ca.stop();
      await dns.stop();
    },
  };

  const challengeZoneId = await provider.createZone(CHALLENGE_ZONE);
  const stack = await cloud.loadTemplate(cdkOut, STACK, {
    AcmeDirectory: ca.directoryUrl,
    AcmeContact: 'mailto:certificates@provider.test',
    AcmeTermsAgreed: 'yes',
    ChallengeZoneId: challengeZoneId,
    ChallengeZoneName: CHALLENGE_ZONE,
    SenderRoleArns: sender.arn,
    Resolvers: dns.addresses[0],
    TrustedRoots: `${ca.tlsRoot}\n${roots}`,
    DnsPropagationSeconds: '1',
  });
  report(`Stack ${STACK} deployed: ${Object.keys(stack.resources).length} resources of the synthesised template`);
  return { ...provider, stack };
}

function trust(service: string): object {
  return {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' }],
  };
}

/** A hybrid node's id has 17 hexadecimal digits; a host keeps its own over restarts. */
function nodeIdOf(hostName: string): string {
  return `mi-${Buffer.from(hostName).toString('hex').padEnd(17, '0').slice(0, 17)}`;
}
