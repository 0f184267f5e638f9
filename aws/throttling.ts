/**
 * Each service of AWS has its own name for "busy". Here these names become Throttled, which the
 * state machines retry.
 */
import { SealpostError } from '../core/errors.ts';

const NAMES = new Set([
  'Throttling',
  'ThrottlingException',
  'ThrottledException',
  'TooManyRequestsException',
  'TooManyUpdates',
  'RequestLimitExceeded',
  'ProvisionedThroughputExceededException',
  'PriorRequestNotComplete',
  'SlowDown',
  'LimitExceededException',
  // A write meets a transaction on the same item, as when many domains give work to one server at
  // once. The SDK does not retry these two.
  'TransactionConflictException',
  'TransactionInProgressException',
]);

/**
 * @param about the domain, server or object of the call
 * @throws SealpostError Throttled if the service is busy
 */
/** An AWS service, by the name that people use. */
type Service =
  'ACM' | 'DynamoDB' | 'EventBridge' | 'IAM' | 'Lambda' | 'Route 53' | 'S3' | 'Step Functions' | 'Systems Manager';

export async function unlessBusy<T>(service: Service, about: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof Error && NAMES.has(error.name))
      throw new SealpostError('Throttled', {
        about,
        message: `${service} is busy for ${about}; it is tried again`,
        cause: error,
      });
    throw error;
  }
}
