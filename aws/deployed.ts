/** What a person's tool must know of a deployed stack. CloudFormation names the table, so it is read where a function has it. */
import { GetFunctionConfigurationCommand, type LambdaClient } from '@aws-sdk/client-lambda';

export interface Deployed {
  table: string;
  /** The zone that challenges are delegated to. */
  challengeZone: string;
  /** Addresses of its resolvers with commas, and PEM of the roots that it trusts besides the public ones; both may be empty. */
  resolvers: string;
  roots: string;
  /** The setting `Issuers`, as JSON. */
  issuers: string;
}

/** @throws ResourceNotFoundException when there is no such stack in the account and region */
export async function deployed(client: LambdaClient, stack: string): Promise<Deployed> {
  const { Environment } = await client.send(
    new GetFunctionConfigurationCommand({ FunctionName: `${stack}-claim-domain` }),
  );
  const { TABLE, CHALLENGE_ZONE_NAME, RESOLVERS = '', ROOTS = '', ISSUERS = '[]' } = Environment?.Variables ?? {};
  if (TABLE === undefined || CHALLENGE_ZONE_NAME === undefined)
    throw new Error(`the function ${stack}-claim-domain has no TABLE and CHALLENGE_ZONE_NAME in its environment`);
  return { table: TABLE, challengeZone: CHALLENGE_ZONE_NAME, resolvers: RESOLVERS, roots: ROOTS, issuers: ISSUERS };
}

/** A setting that one of the stack's functions has. @throws ResourceNotFoundException, Error */
export async function settingOf(
  client: LambdaClient,
  { stack, step, name }: { stack: string; step: string; name: string },
): Promise<string> {
  const { Environment } = await client.send(new GetFunctionConfigurationCommand({ FunctionName: `${stack}-${step}` }));
  const value = Environment?.Variables?.[name];
  if (value === undefined) throw new Error(`the function ${stack}-${step} has no ${name} in its environment`);
  return value;
}
