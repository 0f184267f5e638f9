/** Systems Manager: one command carries one delivery to one managed node. */
import {
  GetCommandInvocationCommand,
  InvalidInstanceId,
  InvalidPluginName,
  InvocationDoesNotExist,
  ListCommandInvocationsCommand,
  ListCommandsCommand,
  paginateDescribeInstanceInformation,
  SendCommandCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { printable, SealpostError } from '../core/errors.ts';
import { pinned, type Pinned } from './pinned-document.ts';
import { unlessBusy } from './throttling.ts';
import type { Commands, SendingCommands } from '../core/ports/commands.ts';

/** Time for the command to reach the node, seconds. */
const DELIVERY_TIMEOUT = 600;
/** Nodes in a page; the most that Systems Manager gives. */
const NODES = 50;
/**
 * The steps of the document that run the installer, one for each platform. The other platform's
 * step is skipped, and its output says so.
 */
const PLUGINS = ['install', 'installWindows'];
/** The first characters of an installer's output. */
const ANSWER = 'sealpost ';
const UNDER_WAY = ['Pending', 'InProgress', 'Delayed', 'Cancelling'];

/** @param tag key and value that make a managed node a mail server of this stack */
export function commands(client: SSMClient, tag: { key: string; value: string }): Commands {
  return {
    async find({ node, delivery }) {
      const { Commands } = await reached(node, () =>
        client.send(new ListCommandsCommand({ InstanceId: node, MaxResults: 50 })),
      );
      return Commands?.find(command => command.Comment === delivery)?.CommandId;
    },

    async deliveryOf(commandId) {
      const { Commands } = await reached(commandId, () =>
        client.send(new ListCommandsCommand({ CommandId: commandId })),
      );
      return Commands?.[0]?.Comment;
    },

    async outcome({ commandId, node }) {
      // The invocation says whether the command has ended. The step's status says nothing of a
      // command that never reached the step.
      const { CommandInvocations } = await reached(node, () =>
        client.send(new ListCommandInvocationsCommand({ CommandId: commandId, InstanceId: node })),
      );
      const invocation = CommandInvocations?.[0];
      // The API is eventually consistent: right after SendCommand the invocation may be missing.
      if (!invocation || UNDER_WAY.includes(invocation.Status!))
        return { state: 'under way', output: '', detail: invocation?.StatusDetails ?? 'not known yet' };
      const step = await installStep(client, { commandId, node });
      const output = step?.StandardOutputContent ?? '';
      const details = [
        invocation.StatusDetails ?? invocation.Status,
        step?.ResponseCode === undefined ? '' : `exit code ${step.ResponseCode}`,
        printable(step?.StandardErrorContent ?? '').slice(0, 300),
      ];
      return {
        state: output.startsWith(ANSWER) ? 'answered' : 'lost',
        output,
        exitCode: step?.ResponseCode,
        detail: details.filter(text => text).join(', '),
      };
    },

    async node(node) {
      // Systems Manager refuses a filter by tag beside a filter by id.
      const Filters = [{ Key: `tag:${tag.key}`, Values: [tag.value] }];
      const pages = paginateDescribeInstanceInformation({ client, pageSize: NODES }, { Filters });
      const found = await reached(node, async () => {
        for await (const { InstanceInformationList = [] } of pages) {
          const one = InstanceInformationList.find(({ InstanceId }) => InstanceId === node);
          if (one) return one;
        }
        return undefined;
      });
      if (!found) return undefined;
      const isLinux = found.PlatformType === undefined || found.PlatformType === 'Linux';
      return { roleName: found.IamRole?.replace(/^.*\//, ''), ...(!isLinux && { platform: found.PlatformType }) };
    },
  };
}

/** @param document the document's name, and the JSON that it must contain */
export function sendingCommands(
  client: SSMClient,
  tag: { key: string; value: string },
  document: { name: string; content: string },
): SendingCommands {
  // The document is compared once in the life of a process, and again after each error, because a
  // deploy may have replaced it.
  let known: Pinned | undefined;
  return {
    ...commands(client, tag),
    async send({ node, delivery, installer, prefix, about }) {
      const pin = known ?? (await reached(about, () => pinned(client, document)));
      known = undefined;
      const { Command } = await reached(about, () =>
        client.send(
          new SendCommandCommand({
            ...pin,
            InstanceIds: [node],
            Parameters: { delivery: [delivery], installer: [installer], prefix: [prefix] },
            Comment: delivery,
            TimeoutSeconds: DELIVERY_TIMEOUT,
          }),
        ),
      );
      known = pin;
      return Command!.CommandId!;
    },
  };
}

/**
 * The step that has the installer's output. Without such output, the step that did not end well, or
 * the first. Undefined if the command ended before any step.
 */
async function installStep(client: SSMClient, sent: Sent) {
  const steps = [];
  for (const plugin of PLUGINS) {
    const step = await stepOf(client, plugin, sent);
    if (step?.StandardOutputContent?.startsWith(ANSWER)) return step;
    if (step) steps.push(step);
  }
  return steps.find(step => step.Status !== 'Success') ?? steps[0];
}

async function stepOf(client: SSMClient, plugin: string, { commandId, node }: Sent) {
  try {
    const step = new GetCommandInvocationCommand({ CommandId: commandId, InstanceId: node, PluginName: plugin });
    return await reached(node, () => client.send(step));
  } catch (error) {
    if (error instanceof InvalidPluginName) return undefined;
    if (!(error instanceof InvocationDoesNotExist)) throw error;
    // The list has shown this invocation, and here it is not known yet. If this were taken for no
    // step, then a delivery that was answered would be lost.
    throw new SealpostError('Throttled', {
      about: node,
      message: `Systems Manager does not show yet what ${node} answered; it is asked again`,
      cause: error,
    });
  }
}

interface Sent {
  commandId: string;
  node: string;
}

async function reached<T>(about: string, call: () => Promise<T>): Promise<T> {
  try {
    return await unlessBusy('Systems Manager', about, call);
  } catch (error) {
    if (error instanceof InvalidInstanceId)
      throw new SealpostError('ServerUnreachable', {
        about,
        message: `Systems Manager cannot reach the node of ${about} (${error.message}); is its agent running?`,
        cause: error,
      });
    throw error;
  }
}
