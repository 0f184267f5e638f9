/**
 * The template's settings of a function, checked as Lambda checks them. Settings that are not done
 * here are refused.
 */
import type { Cloud, ResourceRequest } from '../service/service.ts';
import { arn, AwsError } from '../service/service.ts';
import { refuse, refuseOthers } from '../service/refusal.ts';
import { physicalName } from '../template/template.ts';

export interface FunctionConfiguration {
  name: string;
  arn: string;
  role: string;
  runtime: string;
  handler: string;
  /** The folder of the unpacked code. Its name contains the code's hash. */
  taskRoot: string;
  memoryMb: number;
  timeoutSeconds: number;
  variables: Record<string, string>;
  architectures: string[];
  description: string;
  logGroup: string;
  /** ARN of the queue for events that failed at each try. */
  deadLetter: string | undefined;
}

const PROPERTIES = [
  ...['FunctionName', 'Description', 'Code', 'Handler', 'Runtime', 'MemorySize', 'Timeout', 'Environment', 'Role'],
  ...['DeadLetterConfig', 'LoggingConfig', 'Architectures', 'PackageType', 'Tags'],
];

/** Lambda sets these variables itself and refuses them in a function's own variables. */
const RESERVED =
  /^(_HANDLER|_X_AMZN_TRACE_ID|AWS_(DEFAULT_)?REGION|AWS_EXECUTION_ENV|AWS_LAMBDA_\w+|AWS_ACCESS_KEY(_ID)?|AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN|LAMBDA_(TASK_ROOT|RUNTIME_DIR))$/;

/** The limit for all variables together, in bytes of names and values. */
const MAX_VARIABLES = 4096;

export function functionConfiguration(cloud: Cloud, request: ResourceRequest): FunctionConfiguration {
  const { properties } = request;
  refuseOthers('AWS::Lambda::Function', properties, PROPERTIES);
  refuseOthers('AWS::Lambda::Function Code', properties.Code, ['S3Bucket', 'S3Key']);
  refuseOthers('AWS::Lambda::Function LoggingConfig', properties.LoggingConfig, ['LogGroup']);
  if (properties.Runtime !== 'nodejs24.x') refuse(`runtime ${properties.Runtime}`);
  if (!process.version.startsWith('v24.'))
    throw new Error(`nodejs24.x needs the stand-in itself to run on Node 24, not ${process.version}`);
  if ((properties.PackageType ?? 'Zip') !== 'Zip') refuse(`package type ${properties.PackageType}`);
  const name = physicalName(request, 'FunctionName');
  assertFunctionName(name);
  return {
    name,
    arn: arn(cloud, 'lambda', `function:${name}`),
    role: properties.Role,
    runtime: properties.Runtime,
    handler: properties.Handler,
    taskRoot: request.assetPath(properties.Code.S3Key),
    memoryMb: between('MemorySize', properties.MemorySize ?? 128, 128, 10_240),
    timeoutSeconds: between('Timeout', properties.Timeout ?? 3, 1, 900),
    variables: variables(properties.Environment?.Variables ?? {}),
    architectures: properties.Architectures ?? ['x86_64'],
    description: properties.Description ?? '',
    logGroup: properties.LoggingConfig?.LogGroup ?? `/aws/lambda/${name}`,
    deadLetter: queue('DeadLetterConfig.TargetArn', properties.DeadLetterConfig?.TargetArn),
  };
}

/** @throws AwsError ValidationException for a name that is too long or has other characters */
export function assertFunctionName(name: string): void {
  if (/^[\w-]{1,64}$/.test(name)) return;
  const rule =
    'Member must satisfy regular expression pattern: [a-zA-Z0-9-_]+, and have length less than or equal to 64';
  throw new AwsError(
    'ValidationException',
    `1 validation error detected: Value '${name}' at 'functionName' failed to satisfy constraint: ${rule}`,
  );
}

export function permissionStatement(functionArn: string, request: ResourceRequest): object {
  const { Action, Principal, SourceArn, SourceAccount } = request.properties;
  refuseOthers('AWS::Lambda::Permission', request.properties, [
    'Action',
    'FunctionName',
    'Principal',
    'SourceArn',
    'SourceAccount',
  ]);
  return {
    Sid: request.logicalId,
    Effect: 'Allow',
    Principal: String(Principal).endsWith('.amazonaws.com') ? { Service: Principal } : { AWS: Principal },
    Action,
    Resource: functionArn,
    Condition: {
      ...(SourceArn && { ArnLike: { 'aws:SourceArn': SourceArn } }),
      ...(SourceAccount && { StringEquals: { 'aws:SourceAccount': SourceAccount } }),
    },
  };
}

export function shownConfiguration(configuration: FunctionConfiguration): Record<string, unknown> {
  const { deadLetter } = configuration;
  return {
    FunctionName: configuration.name,
    FunctionArn: configuration.arn,
    Runtime: configuration.runtime,
    Role: configuration.role,
    Handler: configuration.handler,
    Description: configuration.description,
    Timeout: configuration.timeoutSeconds,
    MemorySize: configuration.memoryMb,
    Version: '$LATEST',
    PackageType: 'Zip',
    Architectures: configuration.architectures,
    Environment: { Variables: configuration.variables },
    DeadLetterConfig: deadLetter === undefined ? undefined : { TargetArn: deadLetter },
    LoggingConfig: { LogGroup: configuration.logGroup, LogFormat: 'Text' },
    State: 'Active',
    LastUpdateStatus: 'Successful',
  };
}

function variables(given: Record<string, unknown>): Record<string, string> {
  const all = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, String(value)]));
  const reserved = Object.keys(all).find(name => RESERVED.test(name));
  if (reserved) throw new Error(`Environment.Variables.${reserved}: this key is reserved by Lambda`);
  const size = Buffer.byteLength(JSON.stringify(all));
  if (size > MAX_VARIABLES) throw new Error(`Environment.Variables: ${size} bytes, Lambda takes ${MAX_VARIABLES}`);
  return all;
}

function between(property: string, value: unknown, least: number, most: number): number {
  const number = Number(value);
  if (number >= least && number <= most) return number;
  throw new Error(`${property}: ${value} is not between ${least} and ${most}`);
}

function queue(property: string, target: string | undefined): string | undefined {
  if (target !== undefined && !target.startsWith('arn:aws:sqs:')) refuse(`${property} ${target}`);
  return target;
}
