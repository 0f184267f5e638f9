import { randomUUID } from 'node:crypto';
import type * as model from '@aws-sdk/client-ssm';
import { UNSEEN_MS } from '../faults/chances.ts';
import { AwsError } from '../service/service.ts';
import type { Call, Cloud, Operation } from '../service/service.ts';
import { refuse, refuseOthers } from '../service/refusal.ts';
import type { StepResult } from './agent.ts';
import { checkParameters, documentHash, parseDocument } from './document.ts';
import type { CommandDocument } from './document.ts';
import type { Documents } from './documents.ts';
import { commandStatus, isOver } from './invocations.ts';
import type { Command, Invocation, Invocations } from './invocations.ts';
import type { NodeDirectory } from './nodes.ts';
import { paged } from './pages.ts';

/**
 * The length of a plugin's output in characters: in GetCommandInvocation for stdout and stderr, in
 * ListCommandInvocations for both together.
 */
const limits = { stdout: 24_000, stderr: 8_000, list: 2_500 };

/** Commands and invocations in a page. */
const PAGE = { usual: 50, least: 1, most: 50 };

export function commandOperations(
  cloud: Cloud,
  nodes: NodeDirectory,
  documents: Documents,
  invocations: Invocations,
): Record<string, Operation> {
  function sendCommand(input: model.SendCommandCommandInput, call: Call) {
    refuseOthers('SendCommand', input, [
      'InstanceIds',
      'DocumentName',
      'DocumentVersion',
      'DocumentHash',
      'DocumentHashType',
      'TimeoutSeconds',
      'Comment',
      'Parameters',
    ]);
    const nodeIds = input.InstanceIds ?? [];
    const name = input.DocumentName!;
    call.authorize('ssm:SendCommand', documents.arnOf(name));
    for (const id of nodeIds) call.authorize('ssm:SendCommand', nodes.arnOf(id), nodes.contextOf(id));
    checkLimits(nodeIds);
    const unknown = nodeIds.filter(id => nodes.find(id) === undefined);
    if (unknown.length > 0)
      throw new AwsError(
        'InvalidInstanceId',
        `Instances [[${unknown.join(', ')}]] not in a valid state for account ${cloud.account}`,
      );
    const stored = documents.find(name, input.DocumentVersion);
    if (input.DocumentHash !== undefined) checkHash(stored.content, input.DocumentHash, input.DocumentHashType);
    const document = parseDocument(stored.content);
    const given = input.Parameters ?? {};
    const timeoutSeconds = input.TimeoutSeconds ?? 3_600;
    const requestedAt = cloud.now();
    const command: Command = {
      id: randomUUID(),
      documentName: stored.name,
      documentVersion: String(stored.version),
      document,
      given,
      parameters: checkParameters(document, stored.content, given),
      comment: input.Comment ?? '',
      nodeIds,
      timeoutSeconds,
      requestedAt,
      expiresAt: requestedAt + (timeoutSeconds + executionSeconds(document)) * 1_000,
    };
    invocations.add(command);
    return { Command: describe(command) };
  }

  function describe(command: Command): model.Command {
    const all = invocations.ofCommand(command.id);
    const { status, details } = commandStatus(all);
    return {
      CommandId: command.id,
      DocumentName: command.documentName,
      DocumentVersion: command.documentVersion,
      Comment: command.comment,
      ExpiresAfter: new Date(command.expiresAt),
      Parameters: command.given,
      InstanceIds: command.nodeIds,
      Targets: [],
      RequestedDateTime: new Date(command.requestedAt),
      Status: status,
      StatusDetails: details,
      TargetCount: all.length,
      CompletedCount: all.filter(each => isOver(each.status)).length,
      ErrorCount: all.filter(each => each.status === 'Failed' || each.statusDetails === 'ExecutionTimedOut').length,
      DeliveryTimedOutCount: all.filter(each => each.statusDetails === 'DeliveryTimedOut').length,
      TimeoutSeconds: command.timeoutSeconds,
    };
  }

  /**
   * A list by node does not have what the node's agent has not taken (API reference, ListCommands,
   * InstanceId).
   */
  function hasReached(command: Command, nodeId: string): boolean {
    const invocation = invocations.find(command.id, nodeId);
    return invocation !== undefined && invocation.status !== 'Pending';
  }

  /** The commands that `CommandId`, `InstanceId` and the filters select, newest first. */
  function select(input: { CommandId?: string; InstanceId?: string; Filters?: model.CommandFilter[] }): Command[] {
    if (
      input.InstanceId !== undefined &&
      input.Filters?.some(({ key, value }) => key === 'Status' && value === 'Pending')
    )
      throw new AwsError(
        'ValidationException',
        "You can't specify a managed node ID in the same command that you specify Status = Pending.",
      );
    const one = input.CommandId === undefined ? undefined : invocations.command(input.CommandId);
    if (input.CommandId !== undefined && one === undefined)
      throw new AwsError('InvalidCommandId', `Command ${input.CommandId} does not exist.`);
    return (one === undefined ? invocations.commands() : [one])
      .filter(command => input.InstanceId === undefined || hasReached(command, input.InstanceId))
      .filter(command => (input.Filters ?? []).every(filter => filter.key === 'Status' || passes(command, filter)));
  }

  function listCommands(input: model.ListCommandsCommandInput, call: Call) {
    refuseOthers('ListCommands', input, ['CommandId', 'InstanceId', 'MaxResults', 'NextToken', 'Filters']);
    call.authorize('ssm:ListCommands', '*');
    const found = select(input)
      .map(describe)
      .filter(command => hasStatus(command.Status!, input.Filters));
    const { page, NextToken } = paged(found, input, PAGE);
    return { Commands: page, NextToken };
  }

  function listCommandInvocations(input: model.ListCommandInvocationsCommandInput, call: Call) {
    refuseOthers('ListCommandInvocations', input, [
      'CommandId',
      'InstanceId',
      'MaxResults',
      'NextToken',
      'Filters',
      'Details',
    ]);
    call.authorize('ssm:ListCommandInvocations', '*');
    const found = select(input).flatMap(command =>
      invocations
        .ofCommand(command.id)
        .filter(each => input.InstanceId === undefined || each.nodeId === input.InstanceId)
        .filter(each => hasStatus(each.status, input.Filters))
        .map(each => describeInvocation(command, each, { details: input.Details ?? false })),
    );
    const { page, NextToken } = paged(found, input, PAGE);
    return { CommandInvocations: page, NextToken };
  }

  function describeInvocation(
    command: Command,
    invocation: Invocation,
    { details }: { details: boolean },
  ): model.CommandInvocation {
    return {
      CommandId: command.id,
      InstanceId: invocation.nodeId,
      InstanceName: nodes.find(invocation.nodeId)?.computerName ?? '',
      Comment: command.comment,
      DocumentName: command.documentName,
      DocumentVersion: command.documentVersion,
      RequestedDateTime: new Date(command.requestedAt),
      Status: invocation.status,
      StatusDetails: invocation.statusDetails,
      CommandPlugins: details ? invocation.steps.map(describeStep) : [],
    };
  }

  function getCommandInvocation(input: model.GetCommandInvocationCommandInput, call: Call) {
    call.authorize('ssm:GetCommandInvocation', '*');
    const command = invocations.command(input.CommandId!);
    const invocation = invocations.find(input.CommandId!, input.InstanceId!);
    const isNew = command !== undefined && cloud.now() - command.requestedAt < UNSEEN_MS;
    const isUnseen = isNew && cloud.faults.happens('commandUnseen', 'ssm:GetCommandInvocation');
    if (command === undefined || invocation === undefined || isUnseen)
      throw new AwsError(
        'InvocationDoesNotExist',
        'The command ID and managed node ID you specified did not match any invocations.',
      );
    const { mainSteps } = command.document;
    const name = input.PluginName ?? (mainSteps.length === 1 ? mainSteps[0]!.name : undefined);
    if (!mainSteps.some(step => step.name === name))
      throw new AwsError(
        'InvalidPluginName',
        `The document has ${mainSteps.length} steps, and ${name ?? 'no name'} is none of them.`,
      );
    const step = invocation.steps.find(each => each.name === name);
    return {
      CommandId: command.id,
      InstanceId: invocation.nodeId,
      Comment: command.comment,
      DocumentName: command.documentName,
      DocumentVersion: command.documentVersion,
      PluginName: name,
      ResponseCode: step?.exitCode ?? -1,
      ExecutionStartDateTime: step ? new Date(step.startedAt).toISOString() : '',
      ExecutionElapsedTime: step ? `PT${(step.endedAt - step.startedAt) / 1_000}S` : '',
      ExecutionEndDateTime: step ? new Date(step.endedAt).toISOString() : '',
      Status: step ? stepStatus(step) : invocation.status,
      StatusDetails: step ? stepDetails(step) : invocation.statusDetails,
      StandardOutputContent: step?.stdout.slice(0, limits.stdout) ?? '',
      StandardOutputUrl: '',
      StandardErrorContent: step?.stderr.slice(0, limits.stderr) ?? '',
      StandardErrorUrl: '',
    };
  }

  return {
    SendCommand: sendCommand,
    ListCommands: listCommands,
    ListCommandInvocations: listCommandInvocations,
    GetCommandInvocation: getCommandInvocation,
  };
}

function checkLimits(nodeIds: string[]): void {
  if (nodeIds.length < 1)
    throw new AwsError(
      'ValidationException',
      "Value at 'instanceIds' failed to satisfy constraint: Member must have 1 to 50 entries",
    );
  if (new Set(nodeIds).size !== nodeIds.length)
    throw new AwsError('DuplicateInstanceId', 'An instance ID is given twice.');
}

function checkHash(content: string, hash: string, type: string | undefined): void {
  if (type !== 'Sha256') refuse(`the document hash ${type}`);
  if (hash.toLowerCase() !== documentHash(content))
    throw new AwsError('InvalidDocument', 'The hash of the document does not match the hash that was sent.');
}

function executionSeconds(document: CommandDocument): number {
  return document.mainSteps.reduce((sum, step) => sum + (Number(step.inputs.timeoutSeconds) || 3_600), 0);
}

function passes(command: Command, { key, value }: model.CommandFilter): boolean {
  if (key === 'DocumentName') return command.documentName === value;
  if (key === 'InvokedAfter') return command.requestedAt > Date.parse(value!);
  if (key === 'InvokedBefore') return command.requestedAt < Date.parse(value!);
  return refuse(`the filter ${key}`);
}

function hasStatus(status: string, filters: model.CommandFilter[] | undefined): boolean {
  return (filters ?? []).every(filter => filter.key !== 'Status' || filter.value === status);
}

function describeStep(step: StepResult): model.CommandPlugin {
  const output = step.stderr === '' ? step.stdout : `${step.stdout}\n----------ERROR-------\n${step.stderr}`;
  return {
    Name: step.name,
    Status: stepStatus(step),
    StatusDetails: stepDetails(step),
    ResponseCode: step.exitCode,
    ResponseStartDateTime: new Date(step.startedAt),
    ResponseFinishDateTime: new Date(step.endedAt),
    Output: output.slice(0, limits.list),
  };
}

/** A skipped step is a form of success. The API has no word for it. */
function stepStatus(step: StepResult): 'Success' | 'Failed' | 'TimedOut' {
  return step.status === 'Skipped' ? 'Success' : step.status;
}

function stepDetails(step: StepResult): string {
  return step.status === 'TimedOut' ? 'ExecutionTimedOut' : stepStatus(step);
}
