/**
 * What every client of AWS shares: how long a client waits, and which errors pass by themselves.
 * Each service has its own name for "busy". Here these names, errors of AWS itself (5xx), timeouts
 * and broken connections become Throttled, which the state machines retry.
 */
import { isServerError, isThrottlingError, isTransientError } from '@smithy/core/retry';
import { isSealpostError, SealpostError } from '../core/errors.ts';

const SILENCE_MS = 6_000;
/**
 * The options of each client. The SDK waits five minutes for an answer by itself, longer than most
 * functions may run. With its 3 attempts (4 of DynamoDB), a call ends after 24 s at most; the
 * shortest time of a function is 30 s.
 */
export const patience = {
  /** CloudTrail shows it in the user agent of each call. */
  userAgentAppId: 'sealpost',
  requestHandler: {
    connectionTimeout: 2_000,
    requestTimeout: SILENCE_MS,
    // requestTimeout ends with the head of the answer, this one with its body.
    socketTimeout: SILENCE_MS,
    throwOnRequestTimeout: true,
  },
} as const;

/** Names that the SDK does not retry. AWS's text of each says to wait and to try again. */
const WAIT = new Set([
  // Another change of the same certificate is under way (ACM).
  'ConflictException',
  // A million executions are open (Step Functions).
  'ExecutionLimitExceeded',
  // Two writes met.
  'ReplicatedWriteConflictException',
  'TooManyUpdates',
  // A write meets a transaction on the same item, as when many domains give work to one server at
  // once.
  'TransactionConflictException',
]);

/** An AWS service, by the name that people use. */
type Service =
  'ACM' | 'DynamoDB' | 'EventBridge' | 'IAM' | 'Lambda' | 'Route 53' | 'S3' | 'Step Functions' | 'Systems Manager';

/**
 * @param about the domain, server or object of the call
 * @throws SealpostError Throttled if the service is busy, fails by itself, or cannot be reached
 */
export async function unlessBusy<T>(service: Service, about: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof Error) || isSealpostError(error)) throw error;
    const failure = error as Parameters<typeof isTransientError>[0];
    const isBusy = WAIT.has(error.name) || isThrottlingError(failure);
    if (!isBusy && !isTransientError(failure) && !isServerError(failure)) throw error;
    const what = isBusy ? `is busy for ${about}` : `does not answer for ${about} (${error.name}: ${error.message})`;
    throw new SealpostError('Throttled', { about, message: `${service} ${what}; it is tried again`, cause: error });
  }
}
