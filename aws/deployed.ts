/**
 * What the command line has to know of a deployed stack. CloudFormation names the table, so its
 * name is read from the environment of a function.
 */
import { GetFunctionConfigurationCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { unlessBusy } from './throttling.ts';

export interface Deployed {
  table: string;
  /** The name of the zone that challenges are delegated to. */
  challengeZone: string;
  /**
   * Resolvers' addresses, separated by commas, and PEM of the roots that are trusted in addition to
   * the public ones. Both may be empty.
   */
  resolvers: string;
  roots: string;
  /** The setting `Issuers`, as JSON. */
  issuers: string;
}

/** @throws ResourceNotFoundException if the account and region have no such stack; Throttled */
export async function deployed(client: LambdaClient, stack: string): Promise<Deployed> {
  const { Environment } = await configurationOf(client, `${stack}-claim-domain`);
  const { TABLE, CHALLENGE_ZONE_NAME, RESOLVERS = '', ROOTS = '', ISSUERS = '[]' } = Environment?.Variables ?? {};
  if (TABLE === undefined || CHALLENGE_ZONE_NAME === undefined)
    throw new Error(`the function ${stack}-claim-domain has no TABLE and CHALLENGE_ZONE_NAME in its environment`);
  return { table: TABLE, challengeZone: CHALLENGE_ZONE_NAME, resolvers: RESOLVERS, roots: ROOTS, issuers: ISSUERS };
}

/**
 * Reads one variable of the environment of one of the stack's functions.
 * @throws ResourceNotFoundException, Error
 */
export async function settingOf(
  client: LambdaClient,
  { stack, step, name }: { stack: string; step: string; name: string },
): Promise<string> {
  const { Environment } = await configurationOf(client, `${stack}-${step}`);
  const value = Environment?.Variables?.[name];
  if (value === undefined) throw new Error(`the function ${stack}-${step} has no ${name} in its environment`);
  return value;
}

/**
 * The ARNs of a deployment's resources, from the configuration of one function.
 * @throws ResourceNotFoundException, Error
 */
export async function resourcesOf(client: LambdaClient, stack: string) {
  const { FunctionArn, Environment } = await configurationOf(client, `${stack}-finalize-order`);
  const { TABLE, CERTIFICATE_BUCKET, KEY } = Environment?.Variables ?? {};
  const [, partition, , region, account] = FunctionArn?.split(':') ?? [];
  if (!TABLE || !CERTIFICATE_BUCKET || !KEY || !account)
    throw new Error(`the function ${stack}-finalize-order has no TABLE, CERTIFICATE_BUCKET and KEY in its environment`);
  const arn = (service: 'dynamodb' | 'lambda' | 'states', resource: string) =>
    `arn:${partition}:${service}:${region}:${account}:${resource}`;
  return {
    table: arn('dynamodb', `table/${TABLE}`),
    functions: arn('lambda', `function:${stack}-`),
    machines: arn('states', `stateMachine:${stack}-`),
    executions: arn('states', `execution:${stack}-`),
    certificates: `arn:${partition}:s3:::${CERTIFICATE_BUCKET}/certificates/*`,
    key: KEY,
  };
}

function configurationOf(client: LambdaClient, FunctionName: string) {
  const get = new GetFunctionConfigurationCommand({ FunctionName });
  return unlessBusy('Lambda', FunctionName, () => client.send(get));
}
