/** A person's wish for an audit, said to the one function that takes it: `lambda:InvokeFunction` on it is all that they need. */
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { unlessBusy } from './throttling.ts';

/** @returns whether there is such a server @throws Error with what the function failed with */
export async function auditBy(
  client: LambdaClient,
  { stack, server }: { stack: string; server: string },
): Promise<boolean> {
  const { FunctionError, Payload } = await unlessBusy('Lambda', stack, () =>
    client.send(new InvokeCommand({ FunctionName: `${stack}-audit`, Payload: JSON.stringify({ server }) })),
  );
  const answer = JSON.parse(Buffer.from(Payload!).toString()) as { asked?: boolean; errorMessage?: string };
  if (FunctionError !== undefined) throw new Error(`the function ${stack}-audit failed: ${answer.errorMessage}`);
  return answer.asked === true;
}
