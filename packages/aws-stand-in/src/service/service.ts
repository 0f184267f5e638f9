/**
 * What each stand-in of an AWS service is made of. `wire/` turns HTTP into a modelled input (the SDK client's own
 * schema), calls the operation, and turns its output or `AwsError` back into what that protocol says.
 */
import type { DatabaseSync } from 'node:sqlite';

/** An error as AWS answers it: `code` is the modelled exception name, `fields` its further members. */
export class AwsError extends Error {
  readonly code: string;
  readonly status: number;
  readonly fields: Record<string, unknown>;
  constructor(code: string, message: string, options: { status?: number; fields?: Record<string, unknown> } = {}) {
    super(message);
    this.name = code;
    this.code = code;
    this.status = options.status ?? 400;
    this.fields = options.fields ?? {};
  }
}

/** Who calls: a role's session, the account's own administrator (`root`), or an AWS service. */
export interface Caller {
  /** `arn:aws:sts::<account>:assumed-role/<role>/<session>`, `arn:aws:iam::<account>:root`, or the service's host name. */
  arn: string;
  account: string;
  /** `aws:userid`: `<role id>:<session name>`; the account id for root. */
  userId: string;
  /** ARN of the role whose policies count; absent for root and for services. */
  roleArn?: string;
  /** For an AWS service that acts as itself (resource policies only), e.g. `events.amazonaws.com`. */
  service?: string;
  /** `aws:SourceArn`: the rule or function on whose behalf a service calls. */
  sourceArn?: string;
}

/** Condition keys and their values, e.g. `{ 'ssm:resourceTag/x': 'y' }`. Global keys (aws:userid, aws:PrincipalArn …) are added by iam/. */
export type ConditionContext = Record<string, string | string[]>;

export interface Call {
  caller: Caller;
  requestId: string;
  /** Throws AccessDenied unless the caller may do `action` (`dynamodb:PutItem`) on `resource` (an ARN or `*`). Each operation must call it at least once, before it changes anything. */
  authorize(action: string, resource: string, context?: ConditionContext): void;
}

export type Operation = (input: any, call: Call) => unknown | Promise<unknown>;

/** What a resource of the template becomes: what `Ref` gives, and what `Fn::GetAtt` gives. */
export interface Resource {
  ref: string;
  attributes?: Record<string, string>;
}

export interface ResourceRequest {
  logicalId: string;
  stackName: string;
  /** Properties with every intrinsic resolved. */
  properties: any;
  /** Path in cdk.out of the asset that a bucket key names (`<hash>.zip` → the directory `asset.<hash>`, `<hash>.json` → the file). */
  assetPath(key: string): string;
}

/** Makes (or, at the next start, updates in place) one resource of the template. Must be repeatable: data behind the same physical name stays. */
export type ResourceType = (request: ResourceRequest) => Resource | Promise<Resource>;

export interface Service {
  /** The signing name in a request's credential scope: `dynamodb`, `s3`, `states`, `events`, `ssm`, `route53`, `kms`, `sqs`, `acm`, `iam`, `logs`, `lambda`, `scheduler`, `sts`. */
  name: string;
  /** The SDK client's module, `import * as model from '@aws-sdk/client-…'`: its exported schemas are the wire. `{}`: nobody outside speaks to it. */
  model: Record<string, any>;
  /** Name of the client class in `model`, e.g. `DynamoDBClient`. */
  client: string;
  operations: Record<string, Operation>;
  /** CloudFormation types that this service makes. */
  resources?: Record<string, ResourceType>;
  /** After the template is loaded: go on with what a killed provider left (waits, timers, commands). */
  start?(): void | Promise<void>;
  stop?(): void | Promise<void>;
}

export interface Iam {
  /** Long-lived local credentials of a role's session; the same key id for the same role and session, across restarts. */
  credentials(roleArn: string, sessionName: string): { accessKeyId: string; secretAccessKey: string };
  /** The administrator of the account, who owns the zones, hosts and settings of the provider. */
  rootCredentials(): { accessKeyId: string; secretAccessKey: string };
  /** The caller that a service becomes when it uses a role given to it; throws when the role's trust policy does not name that service. */
  assume(roleArn: string, service: string, sessionName: string): Caller;
  /** Service acting as itself: only resource policies can allow it. */
  service(name: string): Caller;
  root(): Caller;
  /** Throws AwsError AccessDenied; the message names caller, action, resource and the statement that is missing. */
  authorize(caller: Caller, action: string, resource: string, context?: ConditionContext): void;
  /** Policy attached to a bucket, key, bus, queue or function; undefined removes it. */
  setResourcePolicy(resourceArn: string, policy: object | undefined): void;
  role(nameOrArn: string): { roleName: string; arn: string; roleId: string; trustPolicy: object };
  /** Makes or replaces a role outside the template (a mail server's, a sender's). */
  putRole(name: string, trustPolicy: object, policies: object[]): { arn: string; roleId: string };
}

/** A machine that the SSM stand-in runs documents on. `local/hosts` makes them; tests make small ones of their own. */
export interface Node {
  /** Runs a program inside the host; never throws for an exit code. */
  run(
    command: string[],
    options?: { input?: string | Uint8Array; environment?: Record<string, string>; timeoutMs?: number },
  ): Promise<{ exitCode: number; stdout: string; stderr: string; timedOut?: boolean }>;
  /** Writes a file inside the host (parents made). */
  write(path: string, data: Uint8Array, mode: number): Promise<void>;
}

export interface Cloud {
  region: string;
  account: string;
  /** `http://127.0.0.1:<port>`: where every client, inside and outside, sends its requests. */
  endpoint: string;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Where files of this run lie. */
  directory: string;
  /** One SQLite file for everything; each service makes its own tables (`CREATE TABLE IF NOT EXISTS <service>_…`). */
  database: DatabaseSync;
  iam: Iam;
  /** Calls an operation from inside, as `caller`, with the same authorization as from outside: `request(caller, 'states', 'StartExecution', {…})`. */
  request(caller: Caller, service: string, operation: string, input: any): Promise<any>;
  /** The registered service object (its own extra methods, e.g. `ssm.registerNode`). */
  service<T extends Service = Service>(name: string): T;
  /** Appends a line to the provider's log. */
  log(line: string): void;
}

/** Each service's module exports one of these. */
export type ServiceFactory<T extends Service = Service> = (cloud: Cloud) => T;

export function arn(cloud: Pick<Cloud, 'region' | 'account'>, service: string, resource: string): string {
  return `arn:aws:${service}:${cloud.region}:${cloud.account}:${resource}`;
}
