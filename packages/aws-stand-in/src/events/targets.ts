/**
 * What EventBridge and Scheduler share once they know their target: one attempt, the decision on a
 * retry, and the dead letter with AWS's attributes.
 */
import { AwsError } from '../service/service.ts';
import type { Caller, Cloud } from '../service/service.ts';
import type { ServiceEvent } from './event.ts';
import { refuse } from '../service/refusal.ts';
import type { SnsService } from '../sns/sns.ts';

export interface RetryPolicy {
  MaximumRetryAttempts?: number;
  MaximumEventAgeInSeconds?: number;
}

export interface Target {
  id: string;
  arn: string;
  roleArn?: string;
  deadLetterQueueArn?: string;
  retryPolicy?: RetryPolicy;
  /** The whole event, a part of it, or a constant text. */
  input: (event: ServiceEvent) => string;
}

/**
 * Waits between attempts in milliseconds. AWS distributes 185 attempts over 24 hours; here a person
 * can see the end.
 */
const retryDelays = [200, 1_000, 3_000];

/**
 * Passes `input`, as `caller`, to a Lambda function (asynchronously), a state machine, a queue or a
 * topic.
 */
export async function invokeTarget(cloud: Cloud, caller: Caller, targetArn: string, input: string): Promise<void> {
  switch (serviceOf(targetArn)) {
    case 'lambda':
      await cloud.request(caller, 'lambda', 'Invoke', {
        FunctionName: targetArn,
        InvocationType: 'Event',
        Payload: Buffer.from(input),
      });
      return;
    case 'states':
      await cloud.request(caller, 'states', 'StartExecution', { stateMachineArn: targetArn, input });
      return;
    case 'sqs':
      await cloud.request(caller, 'sqs', 'SendMessage', { QueueUrl: queueUrl(cloud, targetArn), MessageBody: input });
      return;
    case 'sns':
      cloud.service<SnsService>('sns').publish(caller, targetArn, input);
      return;
    default:
      refuse(`the target ${targetArn}`);
  }
}

/**
 * The service that a target's ARN names.
 * @throws AwsError NotImplemented if `invokeTarget` cannot call it
 */
export function checkTarget(targetArn: string, allowed: readonly string[]): string {
  const service = serviceOf(targetArn);
  if (!allowed.includes(service)) refuse(`the target ${targetArn}`);
  return service;
}

/**
 * Milliseconds until the next attempt. If there is none, the result names AWS's condition for
 * giving up.
 */
export function nextAttempt(
  error: unknown,
  { attempts, ageMs, policy = {} }: { attempts: number; ageMs: number; policy?: RetryPolicy },
): { delayMs: number } | { exhausted?: 'MaximumRetryAttempts' | 'MaximumEventAgeInSeconds' } {
  if (!isWorthRetrying(error)) return {};
  const delayMs = retryDelays[attempts - 1];
  if (delayMs === undefined || attempts > (policy.MaximumRetryAttempts ?? 185))
    return { exhausted: 'MaximumRetryAttempts' };
  if (ageMs + delayMs > (policy.MaximumEventAgeInSeconds ?? 86_400) * 1000)
    return { exhausted: 'MaximumEventAgeInSeconds' };
  return { delayMs };
}

export interface DeadLetter {
  queueArn: string;
  body: string;
  targetArn: string;
  ruleArn: string;
  error: unknown;
  attempts: number;
  exhausted?: string;
}

/** Sends an event that could not be delivered to the target's dead letter queue, as `caller`. */
export async function sendDeadLetter(cloud: Cloud, caller: Caller, letter: DeadLetter): Promise<void> {
  const attributes: Record<string, string> = {
    RULE_ARN: letter.ruleArn,
    TARGET_ARN: letter.targetArn,
    ERROR_CODE: errorCode(letter.error),
    ERROR_MESSAGE: letter.error instanceof Error ? letter.error.message : String(letter.error),
    RETRY_ATTEMPTS: String(letter.attempts - 1),
  };
  if (letter.exhausted !== undefined) attributes.EXHAUSTED_RETRY_CONDITION = letter.exhausted;
  await cloud.request(caller, 'sqs', 'SendMessage', {
    QueueUrl: queueUrl(cloud, letter.queueArn),
    MessageBody: letter.body,
    MessageAttributes: Object.fromEntries(
      Object.entries(attributes).map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]),
    ),
  });
}

/**
 * A missing permission or target stays missing, so AWS sends the event to the dead letter queue at
 * once.
 */
function isWorthRetrying(error: unknown): boolean {
  if (!(error instanceof AwsError)) return true;
  return (
    (error.status >= 500 && error.status !== 501) || error.status === 429 || /Throttl|TooManyRequests/.test(error.code)
  );
}

function errorCode(error: unknown): string {
  if (!(error instanceof AwsError)) return 'INTERNAL_ERROR';
  if (/AccessDenied/.test(error.code)) return 'NO_PERMISSIONS';
  if (/NotFound|DoesNotExist|NonExistentQueue/.test(error.code)) return 'NO_RESOURCE';
  if (/Throttl|TooManyRequests/.test(error.code)) return 'THROTTLING';
  return 'SDK_CLIENT_ERROR';
}

function queueUrl(cloud: Cloud, queueArn: string): string {
  const [, , , , account, name] = queueArn.split(':');
  return `${cloud.endpoint}/${account}/${name}`;
}

function serviceOf(targetArn: string): string {
  return targetArn.split(':')[2] ?? '';
}
