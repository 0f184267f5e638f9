/**
 * Asks the function `renew` for renewals. A person needs the right `lambda:InvokeFunction` on this
 * function, and no other.
 */
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import type { Renewed, RenewRequest } from '../core/renewal/renew.ts';
import { SealpostError } from '../core/errors.ts';
import { unlessBusy } from './throttling.ts';

/** @throws SealpostError InvalidStepInput; Error with the function's error */
export async function renewBy(client: LambdaClient, stack: string, request: RenewRequest): Promise<Renewed> {
  const { FunctionError, Payload } = await unlessBusy('Lambda', stack, () =>
    client.send(new InvokeCommand({ FunctionName: `${stack}-renew`, Payload: JSON.stringify(request) })),
  );
  const answer = JSON.parse(Buffer.from(Payload!).toString()) as unknown;
  if (FunctionError === undefined) return answer as Renewed;
  const { errorType, errorMessage = FunctionError } = answer as { errorType?: string; errorMessage?: string };
  if (errorType === 'InvalidStepInput')
    throw new SealpostError('InvalidStepInput', { about: stack, message: errorMessage });
  throw new Error(`the function ${stack}-renew failed: ${errorMessage}`);
}
