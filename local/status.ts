/** `status`: what runs where. */
import { join } from 'node:path';
import { ListExecutionsCommand, ListStateMachinesCommand, SFNClient } from '@aws-sdk/client-sfn';
import { QueryCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { accessTo } from './provider/access.ts';
import { columns } from '../bin/columns.ts';
import { ask } from './provider/control.ts';
import { providerState } from './detached.ts';
import type { Facts } from './provider/facts.ts';
import { recordedProcess } from './machine/process-record.ts';
import type { ProviderAccess } from './provider/provider.ts';
import { storeOf } from './provider/panel.ts';

const HEADS = ['What', 'Where', 'State'];

/** @returns the text, and true if the provider is up */
export async function status(directory: string): Promise<{ text: string; isUp: boolean }> {
  const state = await providerState(directory);
  if (!state) return { text: withoutProvider(directory), isUp: false };
  if (!state.isReady) return { text: `The local provider (process ${state.pid}) is starting.`, isUp: false };
  const facts = await ask<Facts>(directory, 'facts');
  const requests = await ask<number>(directory, 'caRequests');
  const access = await accessTo(directory);
  const hosts = await Promise.all(facts.hosts.map(host => hostRow(access, host)));
  const rows = [
    ['local provider', directory, `process ${state.pid}, since ${state.since}`],
    ['stand-in for AWS', facts.endpoint, `answers for ${facts.region}`],
    ['stack', facts.outputs.BusName!, `${facts.resources} resources, ${await runningExecutions(access)}`],
    ['name servers', facts.dnsAddresses.join(', '), 'port 53, UDP and TCP'],
    ['CA', facts.ca.directoryUrl, `Pebble ${facts.ca.version}, ${requests} requests`],
    ['CA, management', facts.ca.managementUrl, `what it signs is trusted by ${facts.caFile}`],
    ...hosts,
  ];
  return { text: columns(HEADS, rows), isUp: true };
}

function withoutProvider(directory: string): string {
  const ca = recordedProcess(join(directory, 'ca', 'pebble.pid'));
  return ca === undefined
    ? 'The local provider is not up: npm run local -- up'
    : `The local provider was ended from outside; its CA still runs (process ${ca}). Goes on with: npm run local -- up. Is taken away with: npm run local -- down`;
}

async function hostRow(access: ProviderAccess, host: Facts['hosts'][number]): Promise<string[]> {
  const server = await storeOf(access).readServer(host.hostName);
  const registered = server
    ? `${server.adopt ? 'registered, adopted' : 'registered'}; serves ${await installedOn(access, host.hostName)}`
    : 'not registered with sealpost';
  return [`host ${host.name} (${host.hostName})`, host.address, `managed node ${host.nodeId}, ${registered}`];
}

async function installedOn(access: ProviderAccess, server: string): Promise<string> {
  const { Count } = await new DynamoDBClient(access.client()).send(
    new QueryCommand({
      TableName: access.stack.outputs.TableName,
      KeyConditionExpression: 'pk = :server AND begins_with(sk, :installed)',
      ExpressionAttributeValues: { ':server': { S: `S#${server}` }, ':installed': { S: '/P#' } },
      Select: 'COUNT',
    }),
  );
  return Count === 1 ? '1 name of ours' : `${Count} names of ours`;
}

async function runningExecutions(access: ProviderAccess): Promise<string> {
  const client = new SFNClient(access.client());
  const { stateMachines = [] } = await client.send(new ListStateMachinesCommand({}));
  const running = await Promise.all(
    stateMachines.map(async ({ stateMachineArn }) => {
      const listed = await client.send(new ListExecutionsCommand({ stateMachineArn, statusFilter: 'RUNNING' }));
      return listed.executions?.length ?? 0;
    }),
  );
  const count = running.reduce((sum, each) => sum + each, 0);
  return count === 1 ? '1 execution runs' : `${count} executions run`;
}
