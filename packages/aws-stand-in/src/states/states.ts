/**
 * Step Functions: STANDARD state machines in JSONata, made by the template or by
 * CreateStateMachine. The language is in asl/; tasks, tokens, executions and their history are
 * beside this file.
 */
import { randomUUID } from 'node:crypto';
import * as model from '@aws-sdk/client-sfn';
import { refuse, refuseOthers } from '../service/refusal.ts';
import { arn, AwsError, type Call, type Service, type ServiceFactory } from '../service/service.ts';
import { Executions, type Execution } from './executions.ts';
import { assertName, Machines, type Machine } from './machines.ts';

export { transitions } from './history.ts';

/** The largest input of an execution or output of a task, in bytes. */
const mostData = 256 * 1024;

const error = (code: string, message: string) => new AwsError(code, message);

export const states: ServiceFactory = cloud => {
  const executions = new Executions(cloud);
  const machines = new Machines(cloud);

  function machine(stateMachineArn: string): Machine {
    const found = machines.find(stateMachineArn);
    if (found) return found;
    throw error('StateMachineDoesNotExist', `State Machine Does Not Exist: '${stateMachineArn}'`);
  }

  function execution(executionArn: string): Execution {
    const found = executions.find(executionArn);
    if (found) return found;
    throw error('ExecutionDoesNotExist', `Execution Does Not Exist: '${executionArn}'`);
  }

  function authorizePass(call: Call, role: string): void {
    call.authorize('iam:PassRole', role, { 'iam:PassedToService': 'states.amazonaws.com' });
  }

  function authorizeAnswer(task: 'SendTaskSuccess' | 'SendTaskFailure', token: string, call: Call): void {
    call.authorize(`states:${task}`, executions.tokens.machineOf(token));
  }

  return {
    name: 'states',
    model,
    client: 'SFNClient',
    operations: {
      CreateStateMachine(input: model.CreateStateMachineCommandInput, call) {
        const name = input.name!;
        const known = ['name', 'definition', 'roleArn', 'type', 'loggingConfiguration', 'tracingConfiguration', 'tags'];
        call.authorize('states:CreateStateMachine', machines.arn(name));
        authorizePass(call, input.roleArn!);
        byTheMaker(() => {
          refuseOthers('states:CreateStateMachine', input, known);
          if ((input.type ?? 'STANDARD') !== 'STANDARD') refuse(`states: type ${input.type}`);
        });
        const definition = machines.keep(input.definition!);
        const existing = machines.find(machines.arn(name));
        if (existing && (existing.definition !== definition || existing.role !== input.roleArn)) {
          throw error('StateMachineAlreadyExists', `State Machine Already Exists: '${existing.arn}'`);
        }
        const made = existing ?? machines.put({ name, role: input.roleArn!, definition });
        return { stateMachineArn: made.arn, creationDate: new Date(made.created) };
      },

      DescribeStateMachine(input: model.DescribeStateMachineCommandInput, call) {
        call.authorize('states:DescribeStateMachine', assertArn(input.stateMachineArn!));
        refuseOthers('states:DescribeStateMachine', input, ['stateMachineArn']);
        const { arn: stateMachineArn, name, role, definition, created } = machine(input.stateMachineArn!);
        return {
          ...{ stateMachineArn, name, status: 'ACTIVE', type: 'STANDARD', roleArn: role },
          ...{ definition: machines.text(definition), creationDate: new Date(created) },
          loggingConfiguration: { level: 'OFF', includeExecutionData: false },
          tracingConfiguration: { enabled: false },
        };
      },

      /** Running executions continue to their end. */
      DeleteStateMachine(input: model.DeleteStateMachineCommandInput, call) {
        call.authorize('states:DeleteStateMachine', assertArn(input.stateMachineArn!));
        machines.remove(input.stateMachineArn!);
        return {};
      },

      ListStateMachines(input: model.ListStateMachinesCommandInput, call) {
        call.authorize('states:ListStateMachines', '*');
        const limit = pageSize(input.maxResults);
        const rows = machines.list(fromToken(input.nextToken) ?? '', limit + 1);
        const stateMachines = rows.slice(0, limit).map(row => ({
          stateMachineArn: row.arn,
          name: row.name,
          type: 'STANDARD',
          creationDate: new Date(row.created),
        }));
        return { stateMachines, nextToken: toToken(rows.length > limit && rows[limit - 1]!.arn) };
      },

      StartExecution(input: model.StartExecutionCommandInput, call) {
        call.authorize('states:StartExecution', assertArn(input.stateMachineArn!));
        refuseOthers('states:StartExecution', input, ['stateMachineArn', 'name', 'input', 'traceHeader']);
        const { arn: ofMachine, name: machineName, role, definition } = machine(input.stateMachineArn!);
        const name = input.name ?? randomUUID();
        assertName(name);
        const text = input.input ?? '{}';
        assertExecutionInput(text);
        const executionArn = arn(cloud, 'states', `execution:${machineName}:${name}`);
        const existing = executions.find(executionArn);
        // The same request twice is one execution while it runs. Afterwards the name stays taken
        // (on AWS for 90 days).
        if (existing && (existing.status !== 'RUNNING' || existing.input !== text)) {
          throw error('ExecutionAlreadyExists', `Execution Already Exists: '${executionArn}'`);
        }
        const row = { arn: executionArn, machine: ofMachine, name, definition, role, input: text };
        const { started } = existing ?? executions.start(row, machines.definition(definition));
        return { executionArn, startDate: new Date(started) };
      },

      DescribeExecution(input: model.DescribeExecutionCommandInput, call) {
        call.authorize('states:DescribeExecution', assertArn(input.executionArn!));
        refuseOthers('states:DescribeExecution', input, ['executionArn']);
        const row = execution(input.executionArn!);
        return {
          ...summary(row),
          input: row.input,
          inputDetails: { included: true },
          output: row.output ?? undefined,
          outputDetails: row.output === null ? undefined : { included: true },
          error: row.error ?? undefined,
          cause: row.cause ?? undefined,
          redriveStatus: 'NOT_REDRIVABLE',
          redriveStatusReason: `Execution is ${row.status} and cannot be redriven`,
        };
      },

      ListExecutions(input: model.ListExecutionsCommandInput, call) {
        call.authorize('states:ListExecutions', input.stateMachineArn ?? '*');
        const known = ['stateMachineArn', 'statusFilter', 'maxResults', 'nextToken'];
        refuseOthers('states:ListExecutions', input, known);
        if (input.statusFilter === 'PENDING_REDRIVE')
          throw error('ValidationException', 'The status filter PENDING_REDRIVE needs a mapRunArn');
        const { arn: ofMachine } = machine(input.stateMachineArn ?? '');
        const limit = pageSize(input.maxResults);
        const before = fromToken(input.nextToken);
        const rows = executions.list(
          ofMachine,
          input.statusFilter,
          before === undefined ? before : Number(before),
          limit + 1,
        );
        const page = rows.slice(0, limit);
        return { executions: page.map(summary), nextToken: toToken(rows.length > limit && page.at(-1)!.id) };
      },

      GetExecutionHistory(input: model.GetExecutionHistoryCommandInput, call) {
        call.authorize('states:GetExecutionHistory', assertArn(input.executionArn!));
        const row = execution(input.executionArn!);
        const limit = pageSize(input.maxResults);
        const from = fromToken(input.nextToken);
        const events = executions.history.events(row.arn, {
          ...(from !== undefined && { from: Number(from) }),
          limit: limit + 1,
          reverse: input.reverseOrder ?? false,
          data: input.includeExecutionData ?? true,
        });
        return { events: events.slice(0, limit), nextToken: toToken(events.length > limit && events[limit - 1]!.id!) };
      },

      StopExecution(input: model.StopExecutionCommandInput, call) {
        call.authorize('states:StopExecution', assertArn(input.executionArn!));
        executions.abort(execution(input.executionArn!), { error: input.error, cause: input.cause });
        return { stopDate: new Date(execution(input.executionArn!).stopped!) };
      },

      SendTaskSuccess(input: model.SendTaskSuccessCommandInput, call) {
        authorizeAnswer('SendTaskSuccess', input.taskToken!, call);
        assertTaskOutput(input.output!);
        executions.tokens.answer(input.taskToken!, { output: input.output! });
        return {};
      },

      SendTaskFailure(input: model.SendTaskFailureCommandInput, call) {
        authorizeAnswer('SendTaskFailure', input.taskToken!, call);
        executions.tokens.answer(input.taskToken!, { error: input.error, cause: input.cause });
        return {};
      },
    },

    resources: { 'AWS::StepFunctions::StateMachine': request => machines.make(request) },

    start: () => executions.resume(({ definition }) => machines.definition(definition)),
    stop: () => executions.suspend(),
  } satisfies Service;
};

/** What a machine asks for and the stand-in lacks is a fault of its maker: no client asks again. */
function byTheMaker(check: () => void): void {
  try {
    check();
  } catch (refusal) {
    throw refusal instanceof AwsError ? error('ValidationException', refusal.message) : refusal;
  }
}

function summary(row: Execution) {
  return {
    executionArn: row.arn,
    stateMachineArn: row.machine,
    name: row.name,
    status: row.status,
    startDate: new Date(row.started),
    stopDate: row.stopped === null ? undefined : new Date(row.stopped),
    redriveCount: 0,
  };
}

/** AWS reads the ARN before it asks whether the caller may. */
function assertArn(text: string): string {
  if (!text.startsWith('arn:')) throw error('InvalidArn', `Invalid Arn: 'Invalid ARN prefix: ${text}'`);
  return text;
}

function assertExecutionInput(text: string): void {
  if (Buffer.byteLength(text) > mostData) throw tooLong('input');
  try {
    JSON.parse(text);
  } catch (cause) {
    throw error('InvalidExecutionInput', `Invalid State Machine Execution Input: '${(cause as Error).message}'`);
  }
}

function assertTaskOutput(text: string): void {
  if (Buffer.byteLength(text) > mostData) throw tooLong('output');
  try {
    JSON.parse(text);
  } catch (cause) {
    throw error('InvalidOutput', `Invalid Output: '${(cause as Error).message}'`);
  }
}

function tooLong(member: string): AwsError {
  const constraint = `failed to satisfy constraint: Member must have length less than or equal to ${mostData}`;
  return error('ValidationException', `1 validation error detected: Value at '${member}' ${constraint}`);
}

function pageSize(maxResults: number | undefined): number {
  if ((maxResults ?? 0) <= 1000) return maxResults || 100;
  const constraint = 'failed to satisfy constraint: Member must have value less than or equal to 1000';
  throw error(
    'ValidationException',
    `1 validation error detected: Value '${maxResults}' at 'maxResults' ${constraint}`,
  );
}

/** A page token says where the page ended. It is opaque to the caller. */
function toToken(last: string | number | false): string | undefined {
  return last === false ? undefined : Buffer.from(`page:${last}`).toString('base64url');
}

function fromToken(token: string | undefined): string | undefined {
  if (token === undefined) return undefined;
  const text = Buffer.from(token, 'base64url').toString();
  if (!text.startsWith('page:')) throw error('InvalidToken', "Invalid Token: 'Invalid token'");
  return text.slice('page:'.length);
}
