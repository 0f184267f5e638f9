/**
 * What is looked at before anything is changed. Each obstacle ends prove with one sentence that
 * names the obstacle, and with the remedy.
 */
import { createHash } from 'node:crypto';
import { DescribeEventBusCommand } from '@aws-sdk/client-eventbridge';
import { GetRoleCommand, paginateSimulatePrincipalPolicy } from '@aws-sdk/client-iam';
import { GetAccountSettingsCommand } from '@aws-sdk/client-lambda';
import {
  GetHostedZoneCommand,
  GetHostedZoneLimitCommand,
  ListHostedZonesByNameCommand,
  type HostedZone,
} from '@aws-sdk/client-route-53';
import { DescribeInstanceInformationCommand, GetParameterCommand } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { deployed, type Deployed } from '../aws/deployed.ts';
import { zoneOf, type Dns } from '../core/dns/authoritative.ts';
import { Refusal } from '../bin/refusal.ts';
import type { Account } from './account.ts';
import { rights } from './rights.ts';
import type { Subject } from './subject.ts';

/** What a person names. */
export interface Named {
  stack: string;
  node: string;
  server: string;
  zone: string;
}

export interface Caller {
  account: string;
  partition: string;
  region: string;
  /** ARN, with its path. */
  role: string;
}

/** Functions that run at once in the first hour. A new account may run 10. */
const CONCURRENT = 10;
/** Records that prove makes, and the challenge. */
const RECORDS = 5;

const refuse = (name: string, message: string, remedy: string) => new Refusal({ name, message, remedy, exitCode: 3 });
const isNamed = (error: unknown, ...names: string[]) => error instanceof Error && names.includes(error.name);

/** @throws Refusal unless the caller has a role, since only roles may put events on the bus */
export async function callerOf({ sts, iam }: Account): Promise<Caller> {
  const { Account: account, Arn } = await sts.send(new GetCallerIdentityCommand({}));
  const [, partition] = Arn!.split(':') as [string, string];
  const roleName = /^arn:[^:]+:sts::\d+:assumed-role\/([^/]+)\//.exec(Arn!)?.[1];
  if (roleName === undefined)
    throw refuse(
      'NoRole',
      `The credentials belong to ${Arn}, which is no role.`,
      'Assume a role that SenderRoleArns of the stack names: only roles may put events on the bus.',
    );
  // The ARN of the session leaves out the path of the role, which the bus's policy compares.
  const { Role } = await iam.send(new GetRoleCommand({ RoleName: roleName }));
  const region = await sts.config.region();
  return { account: account!, partition, region, role: Role!.Arn! };
}

export async function stackOf(
  { functions, systemsManager }: Account,
  stack: string,
  caller: Caller,
): Promise<Deployed> {
  try {
    return await deployed(functions, stack);
  } catch (error) {
    if (!isNamed(error, 'ResourceNotFoundException')) throw error;
    await assertBootstrapped(systemsManager, caller);
    throw refuse(
      'NoStack',
      `There is no stack ${stack} in account ${caller.account}, region ${caller.region}.`,
      'Deploy it (npm run deploy), or name another one with --stack, --region or --profile.',
    );
  }
}

/** @throws Refusal unless `cdk bootstrap` was run in the account and region */
export async function assertBootstrapped(client: Account['systemsManager'], caller: Caller): Promise<void> {
  try {
    await client.send(new GetParameterCommand({ Name: '/cdk-bootstrap/hnb659fds/version' }));
  } catch (error) {
    if (!isNamed(error, 'ParameterNotFound')) throw error;
    throw refuse(
      'NotBootstrapped',
      `Account ${caller.account}, region ${caller.region}, is not bootstrapped for CDK, so nothing can be deployed.`,
      `npm exec --no -- cdk bootstrap aws://${caller.account}/${caller.region}`,
    );
  }
}

/** Asks IAM for every right of the table. @throws Refusal that names the missing ones */
export async function assertRights({ iam }: Account, caller: Caller, named: Named): Promise<void> {
  const missing = new Set<string>();
  for (const { actions, on, context } of rights) {
    const owner = { ...caller, stack: named.stack, zone: named.zone };
    const entries = Object.entries(context?.(owner) ?? {});
    const asked = {
      PolicySourceArn: caller.role,
      ActionNames: actions,
      ResourceArns: on(owner),
      ContextEntries: entries.map(([ContextKeyName, value]) => ({
        ...{ ContextKeyName, ContextKeyValues: [value].flat() },
        ContextKeyType: Array.isArray(value) ? ('stringList' as const) : ('string' as const),
      })),
    };
    for await (const { EvaluationResults = [] } of paginateSimulatePrincipalPolicy({ client: iam }, asked))
      for (const { EvalActionName, EvalDecision } of EvaluationResults)
        if (EvalDecision !== 'allowed') missing.add(EvalActionName!);
  }
  if (missing.size === 0) return;
  const list = [...missing].sort().join(', ');
  throw refuse(
    'MissingRight',
    `The role ${caller.role} may not ${list}.`,
    'Attach what npm run prove -- --policy prints.',
  );
}

/** @throws Refusal unless the bus lets the caller's role put events */
export async function assertSender({ events }: Account, caller: Caller, stack: string): Promise<void> {
  const { Policy = '{}' } = await events.send(new DescribeEventBusCommand({ Name: stack }));
  // The statements are judged later, by a step. Here it is enough that the role is named.
  if (JSON.parse(Policy) && Policy.includes(JSON.stringify(caller.role))) return;
  throw refuse(
    'NotASender',
    `The role ${caller.role} may not put events on the bus ${stack}.`,
    `Deploy with it among the senders: npm run deploy -- --parameters SenderRoleArns=…,${caller.role}`,
  );
}

/** @returns the node's platform @throws Refusal unless the node is managed, tagged and online */
export async function nodeOf({ systemsManager }: Account, { node, stack }: Named): Promise<string> {
  const ask = async (Key: string, value: string) => {
    const Filters = [{ Key, Values: [value] }];
    const found = await systemsManager.send(new DescribeInstanceInformationCommand({ Filters, MaxResults: 50 }));
    return found.InstanceInformationList ?? [];
  };
  const [found] = await ask('InstanceIds', node);
  if (!found)
    throw refuse(
      'NotManaged',
      `Systems Manager does not manage ${node} in this region.`,
      'Start the SSM Agent there with a role that has AmazonSSMManagedInstanceCore, or name another node with --node.',
    );
  if (found.PingStatus !== 'Online')
    throw refuse('NodeOffline', `The agent of ${node} is ${found.PingStatus}.`, `Start the SSM Agent on ${node}.`);
  const tagged = await ask('tag:sealpost:mail-server', stack);
  if (!tagged.some(one => one.InstanceId === node))
    throw refuse(
      'NodeNotTagged',
      `${node} does not have the tag sealpost:mail-server=${stack}, without which no command is sent to it.`,
      'Set the tag on the instance (EC2) or on the managed node (Systems Manager).',
    );
  return found.PlatformType ?? 'Linux';
}

/** @throws Refusal unless the zone is public, served by Route 53, and has room for our records */
export async function zoneIn({ zones }: Account, dns: Dns, name: string): Promise<Subject['zone']> {
  const { HostedZones = [] } = await zones.send(new ListHostedZonesByNameCommand({ DNSName: name, MaxItems: 100 }));
  const named = HostedZones.filter(zone => zone.Name === `${name}.`);
  const isPublic = ({ Config }: HostedZone) => !Config?.PrivateZone;
  const found = named.find(isPublic);
  if (!found)
    throw named.length > 0
      ? refuse(
          'ZoneIsPrivate',
          `The hosted zone ${name} is private, so no CA can see it.`,
          'Give a public one with --zone.',
        )
      : refuse(
          'NoZone',
          `Route 53 has no hosted zone ${name} in this account.`,
          'Make it, or give another one with --zone.',
        );
  const id = found.Id!.replace('/hostedzone/', '');
  const { DelegationSet } = await zones.send(new GetHostedZoneCommand({ Id: id }));
  const ours = (DelegationSet?.NameServers ?? []).map(server => server.toLowerCase().replace(/\.$/, ''));
  const inUse = await zoneOf(dns, name);
  if (inUse.zone !== name || !inUse.nameServers.every(server => ours.includes(server)))
    throw refuse(
      'ZoneNotDelegated',
      `The name servers of ${name} in public DNS are not those of its hosted zone, so no CA can see what is in it.`,
      `Delegate ${name} to ${ours.join(', ')}, or give another zone with --zone.`,
    );
  const asked = { HostedZoneId: id, Type: 'MAX_RRSETS_BY_ZONE' as const };
  const { Count = 0, Limit } = await zones.send(new GetHostedZoneLimitCommand(asked));
  if (Limit !== undefined && Count + RECORDS > Limit.Value!)
    throw refuse(
      'ZoneIsFull',
      `The hosted zone ${name} has ${Count} of ${Limit.Value} records, and ${RECORDS} more are needed.`,
      'Have the quota raised (Service Quotas, Route 53), or give another zone with --zone.',
    );
  return { id, name };
}

/** @throws Refusal where functions would wait for each other */
export async function assertConcurrency({ functions }: Account): Promise<void> {
  const { AccountLimit } = await functions.send(new GetAccountSettingsCommand({}));
  const left = AccountLimit?.UnreservedConcurrentExecutions ?? CONCURRENT;
  if (left >= CONCURRENT) return;
  throw refuse(
    'TooFewFunctions',
    `The account may run ${left} functions at once, and the stack needs ${CONCURRENT}.`,
    'Have the quota raised: Service Quotas, AWS Lambda, Concurrent executions.',
  );
}

/** @returns the server's address @throws Refusal if there is none */
export async function addressOf(dns: Dns, server: string): Promise<string> {
  const [address] = await dns.resolve(server, 'A');
  if (address !== undefined) return address;
  throw refuse('NoAddress', `${server} has no address in DNS.`, 'Make an A record of it, which leads to the node.');
}

/** @throws Refusal if certificates of the first issuer could never be seen trusted */
export function assertRoots({ issuers, roots }: Pick<Deployed, 'issuers' | 'roots'>): void {
  const [first] = JSON.parse(issuers) as { directory: string }[];
  if (!first?.directory.startsWith('https://acme-staging-') || roots !== '') return;
  throw refuse(
    'NoStagingRoot',
    `The stack orders at ${first.directory}, and trusts no root of it, so nothing would ever count as installed.`,
    'Deploy with the root as TrustedRoots (letsencrypt.org/docs/staging-environment).',
  );
}

/** The same node and zone have the same name in every run, so that a run removes what one left. */
export function domainOf({ stack, node, zone }: Named): string {
  const hash = createHash('sha256').update(`${stack} ${node} ${zone}`).digest('hex');
  return `proof-${hash.slice(0, 8)}.${zone}`;
}
