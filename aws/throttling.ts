/** What AWS says when it is busy, under each service's own name for it. */
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
]);

export function isThrottling(error: unknown): boolean {
  return error instanceof Error && NAMES.has(error.name);
}
