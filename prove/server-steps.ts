/** Steps about the managed node: its registration, and what it may not read. */
import { createHash } from 'node:crypto';
import {
  DescribeInstanceInformationCommand,
  GetCommandInvocationCommand,
  ListCommandInvocationsCommand,
  ListCommandsCommand,
  SendCommandCommand,
} from '@aws-sdk/client-ssm';
import { putOne } from './events.ts';
import { endOf } from './executions.ts';
import type { Json } from './redact.ts';
import type { At } from './subject.ts';
import { until } from './wait.ts';

const OVER = ['Success', 'Failed', 'Cancelled', 'TimedOut'];

/** The role that Systems Manager names for the node. */
export async function nodeRole({ account, subject: { node } }: At): Promise<Json> {
  const Filters = [{ Key: 'InstanceIds', Values: [node] }];
  const answer = await account.systemsManager.send(new DescribeInstanceInformationCommand({ Filters }));
  const found = answer.InstanceInformationList?.[0];
  return { resourceType: found?.ResourceType ?? null, namesRole: (found?.IamRole ?? '') !== '' };
}

export async function register(at: At): Promise<Json> {
  const { server, node } = at.subject;
  const since = Date.now();
  const detail = { server, node, adopt: true };
  const eventId = await putOne(at, { detailType: 'Mail Server Registered', detail });
  const { status } = await endOf(at, { machine: 'register-server', eventId, minutes: 5 });
  if (status !== 'SUCCEEDED') return { execution: status, inspected: false, servesItsOwnName: false };
  const obstacle = await until({ what: `${server} served with its own certificate`, minutes: 20, ...at }, async () => {
    const [record, host] = [await at.store.readServer(server), await at.store.readDomain(server)];
    if (record?.held !== undefined) return `held: ${record.held}`;
    const { parked } = host ?? {};
    if (parked && parked.since >= since - 60_000 && record?.inspectedAt) return `${parked.reason}: ${parked.message}`;
    return record?.hostSecuredAt === undefined ? undefined : '';
  });
  return {
    ...{ execution: status, inspected: true, servesItsOwnName: obstacle === '' },
    ...(obstacle !== '' && { obstacle }),
  };
}

/**
 * Sends the stack's own document to the node, with the prefix of a node that does not exist: the
 * node has to be refused. Nothing is run, because the document ends at its first download.
 */
export async function readAnother(at: At): Promise<Json> {
  const { account, subject } = at;
  const roleId = (await at.store.readServer(subject.server))!.roleId;
  const nobody = `${subject.node.startsWith('mi-') ? 'mi' : 'i'}-${'0'.repeat(17)}`;
  const hash = createHash('sha256').update('nothing has this hash').digest('hex');
  const { Command } = await account.systemsManager.send(
    new SendCommandCommand({
      DocumentName: `${subject.stack}-deliver`,
      InstanceIds: [subject.node],
      Parameters: { delivery: [hash], installer: [hash], prefix: [`${roleId}:${nobody}`] },
      TimeoutSeconds: 600,
    }),
  );
  const sent = { CommandId: Command!.CommandId!, InstanceId: subject.node };
  const listedAs = await firstListed(at, sent);
  const status = await until({ what: 'an end of the command', minutes: 15, signal: at.signal }, async () => {
    const { CommandInvocations } = await account.systemsManager.send(new ListCommandInvocationsCommand(sent));
    const found = CommandInvocations?.[0]?.Status;
    return found !== undefined && OVER.includes(found) ? found : undefined;
  });
  const PluginName = subject.platform === 'Windows' ? 'deliveryWindows' : 'delivery';
  const step = await account.systemsManager.send(new GetCommandInvocationCommand({ ...sent, PluginName }));
  const said = `${step.StandardOutputContent}${step.StandardErrorContent}`;
  return {
    status,
    isDenied: /\b403\b|access ?denied|forbidden/i.test(said),
    listedWhilePending: listedAs === 'Pending',
  };
}

/** The status with which the node's list of commands shows the command for the first time. */
async function firstListed(at: At, { CommandId, InstanceId }: { CommandId: string; InstanceId: string }) {
  return until({ what: 'the command in the list', minutes: 15, signal: at.signal }, async () => {
    const { Commands } = await at.account.systemsManager.send(new ListCommandsCommand({ InstanceId }));
    return Commands?.find(one => one.CommandId === CommandId)?.Status;
  });
}
