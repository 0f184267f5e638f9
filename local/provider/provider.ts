/**
 * A hosting provider on one machine: the stand-in for AWS, a real CA, real DNS, and the provider's
 * own resources in its account. Nothing of sealpost is here but the synthesised stack, deployed as
 * on AWS.
 */
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Route53Client } from '@aws-sdk/client-route-53';
import { startPebble, type Ca } from '../ca/pebble.ts';
import { startDns, type Dns } from '../../packages/aws-stand-in/src/dns/server.ts';
import type { RecordSet } from '../../packages/aws-stand-in/src/dns/zone.ts';
import {
  startStandIn,
  type FaultOptions,
  type LoadedTemplate,
  type Route53,
  type SsmService,
  type StandIn,
} from '../../packages/aws-stand-in/src/stand-in.ts';
import { freePort } from '../machine/free-port.ts';
import { removeHost, startHost, type Host } from '../hosts/host.ts';
import { setUpMailServer } from '../hosts/mail-server.ts';
import { linkIsGone } from '../hosts/network.ts';
import { USUAL, type Kind } from '../hosts/software.ts';
import { ProviderRecord, type RecordedHost } from './record.ts';
import { providerZones, type ProviderZones } from './zones.ts';

export const STACK = 'sealpost';
/** The zone that challenges are delegated to. */
export const CHALLENGE_ZONE = 'acme.provider.test';
/** The role of the provider's panel. It may put events, and nothing else. */
export const SENDER = 'provider-panel';
/**
 * The role of the provider's people. Step Functions may assume it too, for the state machines that
 * they try out.
 */
export const ADMINISTRATOR = 'provider-administrator';

export interface ProviderOptions {
  /** What AWS does to the stack now and then; tests ask for it. */
  faults?: Pick<FaultOptions, 'seed' | 'without'> | undefined;
  /** The folder of this run. In the folder of a killed provider, the run resumes. */
  directory: string;
  cdkOut: string;
  /** The checkout's path: two clones take different addresses. */
  seed: string;
  report: (line: string) => void;
  /**
   * If true, the CA is a process of its own, and `stop()` leaves it running, because it keeps its
   * data in memory.
   */
  caOutlives?: boolean;
  /**
   * The setting `Issuers`, and the roots of issuers other than `ca`. The default is `ca` alone,
   * with the name pebble.
   */
  issuers?: (ca: Ca, resolver: string) => Promise<{ issuers: { name: string; directory: string }[]; roots: string }>;
}

type Credentials = { accessKeyId: string; secretAccessKey: string };
export type HostFacts = Pick<Host, 'name' | 'hostName' | 'address' | 'gateway' | 'pid'> & { nodeId: string };

/** A minute of AWS's own waits is a second here, so that a person sees their end. */
const PACE = 60;

export interface AddedHost {
  name: string;
  hostName: string;
  /** `USUAL` by default. A recorded host keeps its kind. */
  kind?: Kind;
}

/** A provider as its people use it, in this process or in another one. */
export interface ProviderAccess extends ProviderZones {
  /** PEM of the CA's roots: a customer's programs trust these alone. */
  roots: string;
  dns: Pick<Dns, 'addresses'>;
  stack: Pick<LoadedTemplate, 'outputs'>;
  hosts: Map<string, HostFacts>;
  /** The configuration of an SDK client, as one of the provider's people or as its panel. */
  client(as?: 'administrator' | 'sender'): {
    endpoint: string;
    region: string;
    credentials: Credentials;
    forcePathStyle: true;
  };
  /** Sets the zone of a customer with another DNS host. */
  setCustomerZone(name: string, records: RecordSet[]): Promise<void>;
  addHost(host: AddedHost): Promise<HostFacts>;
}

export interface Provider extends ProviderAccess {
  cloud: StandIn;
  ca: Ca;
  dns: Dns;
  stack: LoadedTemplate;
  hosts: Map<string, Host & { nodeId: string }>;
  /** The state at the last kill or stop, kept up to date. */
  record: ProviderRecord;
  /** A recorded host starts with the files that it had. */
  addHost(host: AddedHost): Promise<Host & { nodeId: string }>;
  /** Ends a host and removes its files and its node. */
  removeHost(name: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startProvider(options: ProviderOptions): Promise<Provider> {
  const { directory, cdkOut, seed, report, caOutlives = false, issuers = pebbleAlone, faults } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const record = new ProviderRecord(join(directory, 'provider.json'));
  const port = await freePort(record.now.port);
  const cloud = await startStandIn({
    ...{ directory: join(directory, 'cloud'), port, pace: PACE },
    ...(faults && { faults: { ...faults, callers: new RegExp(`:assumed-role/${STACK}-`) } }),
  });
  record.change(recorded => (recorded.port = port));
  report(`Stand-in for AWS answers at ${cloud.endpoint}`);
  const dns = await startDns({ seed, addresses: record.now.dnsAddresses });
  record.change(recorded => (recorded.dnsAddresses = dns.addresses));
  cloud.service<Route53>('route53').publish(zones => void dns.setHostedZones(zones));
  for (const [name, records] of Object.entries(record.now.zones)) await dns.setStaticZone(name, records);
  report(`DNS answers at ${dns.addresses.join(' and ')}, port 53`);
  const ca = await startPebble({
    directory: join(directory, 'ca'),
    resolver: `${dns.addresses[0]}:53`,
    report,
    noSleep: true,
    outlivesUs: caOutlives,
  });
  const configured = await issuers(ca, `${dns.addresses[0]}:53`);
  const roots = [await ca.issuerRoots(), configured.roots].join('\n').trim();
  const sender = cloud.iam.putRole(SENDER, trust('ec2.amazonaws.com'), []);
  const everything = { Effect: 'Allow', Action: '*', Resource: '*' };
  const administrator = cloud.iam.putRole(ADMINISTRATOR, trust('ec2.amazonaws.com', 'states.amazonaws.com'), [
    { Version: '2012-10-17', Statement: [everything] },
  ]);
  const client: Provider['client'] = (as = 'administrator') => ({
    endpoint: cloud.endpoint,
    region: cloud.region,
    credentials:
      as === 'sender' ? cloud.iam.credentials(sender.arn, 'panel') : cloud.iam.credentials(administrator.arn, 'person'),
    forcePathStyle: true,
  });
  const ssmService = () => cloud.service<SsmService>('ssm');
  const hosts: Provider['hosts'] = new Map();

  const provider: Omit<Provider, 'stack'> = {
    cloud,
    ca,
    dns,
    hosts,
    roots,
    client,
    record,
    ...providerZones(new Route53Client(client())),
    setCustomerZone(name, records) {
      const answered = dns.setStaticZone(name, records);
      record.change(({ zones }) => (zones[name] = records));
      return answered;
    },
    async addHost({ name, hostName, kind = USUAL }) {
      const before = record.now.hosts[name];
      const { release, software } = { ...kind, ...before };
      record.change(({ hosts }) => (hosts[name] ??= { hostName, release, software }));
      // The kernel removes a killed host's link a moment after its processes.
      if (before?.gateway) await linkIsGone(before.gateway);
      const host = await startHost({
        name,
        hostName,
        directory: join(directory, 'hosts', name),
        release,
        software,
        roots,
        report,
      });
      await dns.listenAlso(host.gateway);
      await setUpMailServer(host);
      const added = Object.assign(host, { nodeId: nodeIdOf(hostName) });
      joinSystemsManager(added, before);
      const { address, gateway } = host;
      record.change(({ hosts }) => (hosts[name] = { hostName, release, software, address, gateway }));
      hosts.set(name, added);
      return added;
    },
    async removeHost(name) {
      const { nodeId } = hosts.get(name)!;
      ssmService().unregisterNode(nodeId);
      await hosts.get(name)!.stop();
      hosts.delete(name);
      record.change(({ hosts }) => delete hosts[name]);
      await removeHost(join(directory, 'hosts', name));
    },
    async stop() {
      await Promise.all([...hosts.values()].map(host => host.stop()));
      await cloud.stop();
      if (!caOutlives) await ca.stop();
      await dns.stop();
    },
  };

  /** A host that returns is the same node, with its current tags. A new host is registered. */
  function joinSystemsManager(host: Host & { nodeId: string }, before: RecordedHost | undefined): void {
    if (before?.address === host.address) return ssmService().attachNode(host.nodeId, host);
    ssmService().registerNode({
      id: host.nodeId,
      roleArn: cloud.iam.role(`${STACK}-mail-server-${cloud.region}`).arn,
      computerName: host.hostName,
      platformType: 'Linux',
      tags: { 'sealpost:mail-server': STACK },
      ipAddress: host.address,
      node: host,
    });
  }

  const challengeZoneId = await provider.createZone(CHALLENGE_ZONE);
  const parameters = {
    Issuers: JSON.stringify(configured.issuers),
    AcmeContact: 'mailto:certificates@provider.test',
    AcmeTermsAgreed: 'yes',
    ChallengeZoneId: challengeZoneId,
    ChallengeZoneName: CHALLENGE_ZONE,
    SenderRoleArns: `${sender.arn},${administrator.arn}`,
    Resolvers: dns.addresses[0],
    TrustedRoots: `${ca.tlsRoot}\n${roots}`,
    DnsPropagationSeconds: '1',
    // Nothing blocks port 25 on this machine.
    OutsidePorts: '25,443,465,587,993,995',
    RenewalInfoMinutes: '1',
  };
  const stack = await cloud.loadTemplate({ cdkOut, stackName: STACK, parameters });
  report(`Stack ${STACK} deployed: ${Object.keys(stack.resources).length} resources of the synthesised template`);
  return { ...provider, stack };
}

async function pebbleAlone({ directoryUrl: directory }: Ca) {
  return { issuers: [{ name: 'pebble', directory, profile: 'tlsserver' }], roots: '' };
}

function trust(...services: string[]): object {
  return {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Service: services }, Action: 'sts:AssumeRole' }],
  };
}

/** A hybrid node's id has 17 hexadecimal digits. A host keeps its id over restarts. */
function nodeIdOf(hostName: string): string {
  return `mi-${createHash('sha256').update(hostName).digest('hex').slice(0, 17)}`;
}
