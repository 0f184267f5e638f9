/** What AWS says when it is busy, under each service's own name for it, becomes the one name that the state machines try again. */
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
  // A write meets a transaction on the same item: many domains commit work to one server at once. The SDK does not try it again.
  'TransactionConflictException',
  'TransactionInProgressException',
]);

/**
 * @param service as a person calls it
 * @param about the domain, server or object that the call is for
 * @throws SealpostError Throttled when the service is busy
 */
/** An AWS service, by the name that people use. */
type Service =
  'ACM' | 'DynamoDB' | 'EventBridge' | 'IAM' | 'Lambda' | 'Route 53' | 'S3' | 'Step Functions' | 'Systems Manager';

export async function unlessBusy<T>(service: Service, about: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof Error && NAMES.has(error.name))
      throw new SealpostError('Throttled', about, `${service} is busy for ${about}; it is tried again`, {
        cause: error,
      });
    throw error;
  }
}
