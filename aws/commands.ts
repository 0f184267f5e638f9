/** Systems Manager: one command carries one delivery to one managed node. */
import {
  DescribeInstanceInformationCommand,
  GetCommandInvocationCommand,
  InvalidInstanceId,
  InvocationDoesNotExist,
  ListCommandsCommand,
  SendCommandCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { SealpostError } from '../core/errors.ts';
import type { Commands } from '../core/ports.ts';
import { unlessBusy } from './throttling.ts';

/** Seconds for the command to reach the node. */
const DELIVERY_TIMEOUT = 600;
/** The step of the document whose output is the installer's. */
const PLUGIN = 'install';
const UNDER_WAY = ['Pending', 'InProgress', 'Delayed', 'Cancelling'];

/** @param tag key and value that make a managed node a mail server of this stack */
export function commands(client: SSMClient, document: string, tag: { key: string; value: string }): Commands {
  return {
    async send({ node, delivery, installer, prefix, about }) {
      const { Command } = await reached(about, () =>
        client.send(
          new SendCommandCommand({
            DocumentName: document,
            InstanceIds: [node],
            Parameters: { delivery: [delivery], installer: [installer], prefix: [prefix] },
            Comment: delivery,
            TimeoutSeconds: DELIVERY_TIMEOUT,
          }),
        ),
      );
      return Command!.CommandId!;
    },

    async find(node, delivery) {
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

    async outcome(commandId, node) {
      try {
        const invocation = await reached(node, () =>
          client.send(new GetCommandInvocationCommand({ CommandId: commandId, InstanceId: node, PluginName: PLUGIN })),
        );
        const {
          StatusDetails = '',
          Status = '',
          StandardOutputContent: output = '',
          StandardErrorContent: problem = '',
          ResponseCode: exitCode,
        } = invocation;
        const state = UNDER_WAY.includes(Status) ? 'under way' : output.startsWith('sealpost ') ? 'answered' : 'lost';
        return {
          state,
          output,
          exitCode,
          detail: `${StatusDetails}${exitCode === undefined ? '' : `, exit code ${exitCode}`}${problem && `: ${problem.slice(0, 300)}`}`,
        };
      } catch (error) {
        // The API is eventually consistent: right after SendCommand the invocation may not be there yet.
        if (error instanceof InvocationDoesNotExist) return { state: 'under way', output: '', detail: 'not known yet' };
        throw error;
      }
    },

    async node(node) {
      const filters = [
        { Key: 'InstanceIds', Values: [node] },
        { Key: `tag:${tag.key}`, Values: [tag.value] },
      ];
      const { InstanceInformationList } = await reached(node, () =>
        client.send(new DescribeInstanceInformationCommand({ Filters: filters })),
      );
      const found = InstanceInformationList?.[0];
      return found && { roleName: found.IamRole?.replace(/^.*\//, '') };
    },
  };
}

async function reached<T>(about: string, call: () => Promise<T>): Promise<T> {
  try {
    return await unlessBusy('Systems Manager', about, call);
  } catch (error) {
    if (error instanceof InvalidInstanceId)
      throw new SealpostError(
        'ServerUnreachable',
        about,
        `Systems Manager cannot reach the node of ${about} (${error.message}); is its agent running?`,
        { cause: error },
      );
    throw error;
  }
}
