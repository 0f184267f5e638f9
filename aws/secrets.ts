/**
 * SecureString parameters. CloudFormation cannot create a SecureString, so the first use creates
 * it.
 */
import {
  GetParameterCommand,
  ParameterAlreadyExists,
  ParameterNotFound,
  PutParameterCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { unlessBusy } from './throttling.ts';
import type { Secrets } from '../core/ports/secrets.ts';

/** @param keyId the KMS key that encrypts the values */
export function secrets(client: SSMClient, keyId: string): Secrets {
  const read = async (name: string) => {
    try {
      const get = new GetParameterCommand({ Name: name, WithDecryption: true });
      const { Parameter } = await unlessBusy('Systems Manager', name, () => client.send(get));
      return Parameter!.Value!;
    } catch (error) {
      if (error instanceof ParameterNotFound) return undefined;
      throw error;
    }
  };
  return {
    read,
    async createOnce({ name, value }) {
      const present = await read(name);
      if (present !== undefined) return present;
      try {
        const parameter = { Name: name, Value: value, Type: 'SecureString', KeyId: keyId, Overwrite: false } as const;
        await unlessBusy('Systems Manager', name, () => client.send(new PutParameterCommand(parameter)));
        return value;
      } catch (error) {
        if (error instanceof ParameterAlreadyExists) return (await read(name))!;
        throw error;
      }
    },
  };
}
