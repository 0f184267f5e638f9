/**
 * The SSM Agent on its node: it runs the steps of a command's document in order, with the plugins
 * `aws:downloadContent` and `aws:runShellScript`. This file follows the agent's source
 * (amazon-ssm-agent 3.3, 2024-10), so that a document and a server's role that work here work on
 * AWS.
 */
import type { Cloud } from '../service/service.ts';
import { replaceParameters } from './document.ts';
import type { DocumentStep } from './document.ts';
import { downloadContent } from './download.ts';
import type { AgentNode } from './nodes.ts';

/**
 * The agent's `DefaultOutputConfig`: the characters of a step's output that it sends, including the
 * mark.
 */
const maxOutput = 24_000;
const truncatedMark = '--output truncated--';

/**
 * The agent's bounds for `timeoutSeconds`. It silently uses the default for a value outside of
 * them.
 */
const executionTimeout = { min: 5, max: 172_800, default: 3_600 };

/** The exit code of a killed step: 128 + SIGKILL. */
const killedExitCode = 137;

/**
 * With these codes a script asks the agent to skip the following steps (168, 169) or to reboot
 * (194). The stand-in does not act on them.
 */
const reservedExitCodes = [168, 169, 194];

export interface StepResult {
  name: string;
  action: string;
  status: 'Success' | 'Failed' | 'TimedOut' | 'Skipped';
  exitCode: number;
  stdout: string;
  stderr: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
  endedAt: number;
}

export interface AgentCommand {
  id: string;
  parameters: Record<string, string | string[]>;
}

/**
 * Runs one step. A failure on the node is a result; an error is thrown only if the stand-in itself
 * lacks something.
 */
export async function runStep(
  cloud: Cloud,
  agentNode: AgentNode,
  command: AgentCommand,
  step: DocumentStep,
  before: readonly { step: DocumentStep; result: StepResult }[],
): Promise<StepResult> {
  const startedAt = cloud.now();
  const outcome = skipReason(step, before) ?? (await runPlugin(cloud, agentNode, command, step));
  return {
    name: step.name,
    action: step.action,
    ...outcome,
    stdout: truncated(outcome.stdout),
    stderr: truncated(outcome.stderr),
    startedAt,
    endedAt: cloud.now(),
  };
}

/**
 * A command's status by the agent's precedence: failed before timed out. A skipped step counts as
 * success.
 */
export function documentStatus(results: readonly StepResult[]): 'Success' | 'Failed' | 'TimedOut' {
  if (results.some(result => result.status === 'Failed')) return 'Failed';
  return results.some(result => result.status === 'TimedOut') ? 'TimedOut' : 'Success';
}

type Outcome = Pick<StepResult, 'status' | 'exitCode' | 'stdout' | 'stderr'>;

function skipReason(
  step: DocumentStep,
  before: readonly { step: DocumentStep; result: StepResult }[],
): Outcome | undefined {
  // A step that timed out does not end the document: the agent checks for Failed alone.
  const exit = before.some(each => each.result.status === 'Failed' && each.step.inputs.onFailure === 'exit');
  const platform = step.precondition?.StringEquals[1];
  if (!exit && (platform === undefined || platform.toLowerCase() === 'linux')) return undefined;
  const stdout = exit
    ? `Plugin with name ${step.action} and id ${step.name} skipped due to prior step with an exit condition`
    : `Step execution skipped due to unsatisfied preconditions: '"StringEquals": [platformType, ${platform}]'. Step name: ${step.name}`;
  return { status: 'Skipped', exitCode: 0, stdout, stderr: '' };
}

async function runPlugin(
  cloud: Cloud,
  agentNode: AgentNode,
  command: AgentCommand,
  step: DocumentStep,
): Promise<Outcome> {
  const inputs = replaceParameters(step.inputs, command.parameters) as Record<string, any>;
  // The agent's own folder of a step. The relative paths of both plugins lie beside it, under
  // `downloads`.
  const documentFolder = `/var/lib/amazon/ssm/${agentNode.id}/document/orchestration/${command.id}`;
  const outcome =
    step.action === 'aws:downloadContent'
      ? await download(cloud, agentNode, `${documentFolder}/downloads/`, inputs)
      : await runShellScript(cloud, agentNode, command, documentFolder, step.name, inputs);
  if (outcome.status !== 'Failed' || inputs.onFailure !== 'exit') return outcome;
  const addition = '\nStep was found to have onFailure property. Further document steps will be skipped.';
  return { ...outcome, stdout: outcome.stdout + addition, stderr: outcome.stderr + addition };
}

async function download(
  cloud: Cloud,
  agentNode: AgentNode,
  downloads: string,
  inputs: Record<string, any>,
): Promise<Outcome> {
  const wanted = inputs.destinationPath ?? '';
  const destinationPath = wanted.startsWith('/') ? wanted : downloads + wanted;
  const failure = await downloadContent(cloud, agentNode, inputs.sourceInfo, destinationPath);
  return failure === undefined
    ? { status: 'Success', exitCode: 0, stdout: `Content downloaded to ${destinationPath}`, stderr: '' }
    : { status: 'Failed', exitCode: 1, stdout: '', stderr: failure };
}

async function runShellScript(
  cloud: Cloud,
  agentNode: AgentNode,
  command: AgentCommand,
  documentFolder: string,
  stepName: string,
  inputs: Record<string, any>,
): Promise<Outcome> {
  const script = `${documentFolder}/${stepName}/_script.sh`;
  await agentNode.node.write(script, Buffer.from(`${[inputs.runCommand].flat().join('\n')}\n`), 0o700);
  const relative = `${documentFolder}/downloads/${inputs.workingDirectory ?? ''}`;
  const folder = inputs.workingDirectory?.startsWith('/') ? inputs.workingDirectory : relative;
  // The agent runs `sh -c <path>`, so the script's first line chooses its interpreter. If the
  // relative folder does not exist, the script runs in the agent's own folder.
  const place = folder === relative ? '[ -d "$0" ] || set -- "$1" /usr/bin; cd -- "${2:-$0}"' : 'cd -- "$0"';
  const result = await agentNode.node.run(['sh', '-c', `${place} && exec sh -c "$1"`, folder, script], {
    environment: {
      SSM_COMMAND_ID: command.id,
      AWS_SSM_INSTANCE_ID: agentNode.id,
      AWS_SSM_REGION_NAME: cloud.region,
    },
    timeoutMs: timeoutSeconds(inputs.timeoutSeconds) * 1_000,
  });
  if (result.timedOut || result.exitCode === killedExitCode)
    return { status: 'TimedOut', exitCode: killedExitCode, stdout: result.stdout, stderr: result.stderr };
  if (result.exitCode === 0) return { status: 'Success', exitCode: 0, stdout: result.stdout, stderr: result.stderr };
  const lines = [result.stderr, `failed to run commands: exit status ${result.exitCode}`];
  if (reservedExitCodes.includes(result.exitCode)) lines.push('the stand-in does not act on this reserved exit code');
  return {
    status: 'Failed',
    exitCode: result.exitCode,
    stdout: result.stdout,
    stderr: lines.filter(Boolean).join('\n'),
  };
}

function timeoutSeconds(value: unknown): number {
  const seconds = Math.trunc(Number(value ?? executionTimeout.default));
  return seconds >= executionTimeout.min && seconds <= executionTimeout.max ? seconds : executionTimeout.default;
}

function truncated(output: string): string {
  return output.length < maxOutput ? output : output.slice(0, maxOutput - truncatedMark.length) + truncatedMark;
}
