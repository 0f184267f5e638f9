/**
 * Asks the function `audit` for an audit now. Who asks needs the right `lambda:InvokeFunction` on
 * this function, and no other.
 */
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { unlessBusy } from './throttling.ts';

/**
 * @returns true if there is such a server
 * @throws Error with the function's error
 */
export async function auditBy(
  client: LambdaClient,
  { stack, ...request }: { stack: string; server: string; by?: 'the outside check' },
): Promise<boolean> {
  const { FunctionError, Payload } = await unlessBusy('Lambda', stack, () =>
    client.send(new InvokeCommand({ FunctionName: `${stack}-audit`, Payload: JSON.stringify(request) })),
  );
  const answer = JSON.parse(Buffer.from(Payload!).toString()) as { asked?: boolean; errorMessage?: string };
  if (FunctionError !== undefined) throw new Error(`the function ${stack}-audit failed: ${answer.errorMessage}`);
  return answer.asked === true;
}
