/** What AWS and its SDK say when a person's environment is not as it must be, in words that tell what to do. */

const LOCAL = 'for the local provider, eval "$(npm run -s local -- env)"';

const BY_NAME: Record<string, (stack: string, message: string) => string> = {
  CredentialsProviderError: () =>
    `There are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; ${LOCAL}.`,
  ResourceNotFoundException: (stack, message) =>
    `There is no stack ${stack} in this account and region (${message}): look at AWS_REGION and AWS_PROFILE, or name it with --stack.`,
  ExpiredTokenException: () => 'The AWS credentials have expired: sign in again.',
  UnrecognizedClientException: () => 'AWS does not know these credentials: look at AWS_PROFILE and AWS_ACCESS_KEY_ID.',
};

export function explain(error: unknown, stack: string): string {
  if (!(error instanceof Error)) return String(error);
  const { name, message, code } = error as Error & { code?: string };
  if (message === 'Region is missing')
    return `There is no AWS region: set AWS_REGION, or one in your profile; ${LOCAL}.`;
  if (code === 'ECONNREFUSED')
    return `Nothing answers at ${process.env.AWS_ENDPOINT_URL ?? 'the AWS endpoint'}: is the local provider up (npm run local -- status)?`;
  return BY_NAME[name]?.(stack, message) ?? message;
}
