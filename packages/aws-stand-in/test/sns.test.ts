import { ListStateMachinesCommand, SFNClient } from '@aws-sdk/client-sfn';
import { expect, test } from 'vitest';
import { startAccount } from '../src/testing.ts';

test('a request to SNS from outside is refused: SNS is not implemented for callers', async () => {
  const account = await startAccount(['sns']);
  const { endpoint, region, iam } = account.cloud;
  const settings = { endpoint, region, credentials: iam.rootCredentials(), maxAttempts: 1, signingName: 'sns' };
  const outsider = new SFNClient(settings as any);
  await expect(outsider.send(new ListStateMachinesCommand({}))).rejects.toMatchObject({
    name: 'NotImplemented',
    message: 'sns is not part of the stand-in',
  });
  outsider.destroy();
  await account.stop();
});
