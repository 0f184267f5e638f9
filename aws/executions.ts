/** Step Functions: starts executions, and resumes a task that waited for a server. */
import {
  ExecutionAlreadyExists,
  InvalidToken,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
  TaskDoesNotExist,
  TaskTimedOut,
} from '@aws-sdk/client-sfn';
import { unlessBusy } from './throttling.ts';
import type { Executions } from '../core/ports/executions.ts';

export function executions(
  client: SFNClient,
  machines: Record<'secure-domain' | 'deliver-to-server', string>,
): Executions {
  return {
    async start(machine, name, input) {
      try {
        const start = { stateMachineArn: machines[machine], name, input: JSON.stringify(input) };
        await unlessBusy('Step Functions', name, () => client.send(new StartExecutionCommand(start)));
      } catch (error) {
        if (!(error instanceof ExecutionAlreadyExists)) throw error;
      }
    },
    async succeed(token, output) {
      try {
        const success = { taskToken: token, output: JSON.stringify(output) };
        await unlessBusy('Step Functions', 'a waiting task', () => client.send(new SendTaskSuccessCommand(success)));
      } catch (error) {
        if (error instanceof TaskDoesNotExist || error instanceof TaskTimedOut || error instanceof InvalidToken) return;
        throw error;
      }
    },
  };
}
