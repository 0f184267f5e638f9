/** Explains errors of AWS and its SDK: what is wrong in a person's environment, and the remedy. */
import { isSealpostError, remedySentence } from '../core/errors.ts';
import type { Common } from './here.ts';
import { Refusal } from './refusal.ts';

const LOCAL = 'for the local provider, eval "$(npm run -s local -- env)"';

type Asked = Pick<Common, 'stack' | 'profile'>;

interface Explained {
  message: string;
  remedy: string;
}

const BY_NAME: Record<string, (asked: Asked, message: string) => Explained> = {
  CredentialsProviderError: ({ profile = process.env.AWS_PROFILE }) => ({
    message: `There are no AWS credentials${profile === undefined ? '' : ` of the profile ${profile}`}.`,
    remedy: `Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give --profile; ${LOCAL}.`,
  }),
  ResourceNotFoundException: ({ stack }, message) => ({
    message: `There is no stack ${stack} in this account and region (${message}).`,
    remedy: 'Look at AWS_REGION and AWS_PROFILE, give --region or --profile, or name the stack with --stack.',
  }),
  AccessDeniedException: ({ stack }, message) => ({
    message: `AWS denies this: ${message}.`,
    remedy: `sealpost policy COMMAND --stack ${stack} prints the rights that a command needs. An event on the bus also needs that your role is named in SenderRoleArns.`,
  }),
  ExpiredTokenException: () => ({ message: 'The AWS credentials have expired.', remedy: 'Sign in again.' }),
  UnrecognizedClientException: () => ({
    message: 'AWS does not know these credentials.',
    remedy: 'Look at AWS_PROFILE and AWS_ACCESS_KEY_ID, or give --profile.',
  }),
};

/** @returns what is wrong, for a person or a program, whatever was thrown */
export function explain(error: unknown, asked: Asked): Refusal {
  if (error instanceof Refusal) return error;
  if (!(error instanceof Error)) return refusal({ name: 'Unexpected', message: String(error) });
  const { name, message } = error;
  if (isUnanswered(error))
    return refusal({
      ...{ name, message: `Nothing answers at ${process.env.AWS_ENDPOINT_URL ?? 'the AWS endpoint'}.` },
      remedy: 'Is the local provider up (npm run local -- status)?',
    });
  if (isSealpostError(error, 'InvalidStepInput')) return refusal({ name, message, exitCode: 2 });
  if (isSealpostError(error)) return refusal({ name, message, remedy: remedySentence[error.name] });
  if (message === 'Region is missing')
    return refusal({
      ...{ name: 'RegionMissing', message: 'There is no AWS region.' },
      remedy: `Set AWS_REGION, or a region in your profile, or give --region; ${LOCAL}.`,
    });
  return refusal({ name, ...(BY_NAME[name]?.(asked, message) ?? { message }) });
}

/** True if no connection came about, also where the call counts as Throttled. */
export function isUnanswered(error: unknown): boolean {
  const { code, cause } = error as { code?: string; cause?: { code?: string } };
  return [code, cause?.code].includes('ECONNREFUSED');
}

function refusal({ exitCode = 3, ...rest }: { name: string; message: string; remedy?: string; exitCode?: 2 | 3 }) {
  return new Refusal({ ...rest, exitCode });
}
