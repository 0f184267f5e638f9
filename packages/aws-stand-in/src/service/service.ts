/**
 * The parts of each service. `wire/` turns HTTP into a modelled input (by the SDK client's own
 * schema), calls the operation, and turns its output or its `AwsError` into the answer of that
 * protocol.
 */
import type { DatabaseSync } from 'node:sqlite';

/**
 * An error as AWS answers it: `code` is the modelled exception's name, `fields` are its further
 * members.
 */
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

/** The caller: a role's session, the account's own administrator (`root`), or an AWS service. */
export interface Caller {
  /**
   * One of `arn:aws:sts::<account>:assumed-role/<role>/<session>`, `arn:aws:iam::<account>:root`,
   * the service's host name.
   */
  arn: string;
  account: string;
  /** `aws:userid`: `<role id>:<session name>`; the account id for root. */
  userId: string;
  /** The ARN of the role whose policies apply; absent for root and for services. */
  roleArn?: string;
  /**
   * Set for an AWS service that acts as itself, e.g. `events.amazonaws.com`. Resource policies
   * alone can allow it.
   */
  service?: string;
  /** `aws:SourceArn`: the rule or function on whose behalf a service calls. */
  sourceArn?: string;
}

/**
 * Condition keys and their values, e.g. `{ 'ssm:resourceTag/x': 'y' }`. iam/ adds the global keys
 * (aws:userid, aws:PrincipalArn, …).
 */
export type ConditionContext = Record<string, string | string[]>;

export interface Call {
  caller: Caller;
  requestId: string;
  /**
   * Each operation must call it at least once, before it changes anything.
   * @param action e.g. `dynamodb:PutItem`
   * @param resource an ARN or `*`
   * @throws AwsError AccessDenied unless the caller may do the action on the resource
   */
  authorize(action: string, resource: string, context?: ConditionContext): void;
}

export type Operation = (input: any, call: Call) => unknown | Promise<unknown>;

/** A resource of the template: the value of `Ref`, and the values of `Fn::GetAtt`. */
export interface Resource {
  ref: string;
  attributes?: Record<string, string>;
}

export interface ResourceRequest {
  logicalId: string;
  stackName: string;
  properties: any;
  /**
   * The path in cdk.out of the asset with a bucket key: `<hash>.zip` → the folder `asset.<hash>`,
   * `<hash>.json` → the file.
   */
  assetPath(key: string): string;
}

/**
 * Makes one resource of the template, or updates it in place at the next start. It must be
 * repeatable: data behind the same physical name stays.
 */
export type ResourceType = (request: ResourceRequest) => Resource | Promise<Resource>;

export interface Service {
  /** The signing name in a request's credential scope, e.g. `dynamodb`, `states`, `route53`. */
  name: string;
  /**
   * The SDK client's module, `import * as model from '@aws-sdk/client-…'`. Its exported schemas
   * define the wire. `{}` if the service has no callers from outside.
   */
  model: Record<string, any>;
  /** The name of the client class in `model`, e.g. `DynamoDBClient`. */
  client: string;
  operations: Record<string, Operation>;
  resources?: Record<string, ResourceType>;
  /**
   * Called after the template is loaded: resumes what a killed process left (waits, timers,
   * commands).
   */
  start?(): void | Promise<void>;
  stop?(): void | Promise<void>;
}

export interface Iam {
  /**
   * Long-lived credentials of a role's session. The same role and session have the same key id,
   * also after a restart.
   */
  credentials(roleArn: string, sessionName: string): { accessKeyId: string; secretAccessKey: string };
  /** The account's administrator, who owns zones, hosts and settings. */
  rootCredentials(): { accessKeyId: string; secretAccessKey: string };
  /**
   * The caller that a service becomes with a role that was given to it.
   * @throws AwsError AccessDenied if the role's trust policy does not name that service
   */
  assume(roleArn: string, by: { service: string; session: string }): Caller;
  /** A service that acts as itself. Resource policies alone can allow it. */
  service(name: string): Caller;
  root(): Caller;
  /**
   * @throws AwsError AccessDenied; the message names caller, action, resource and the missing
   *   statement
   */
  authorize(caller: Caller, action: string, resource: string, context?: ConditionContext): void;
  /** Sets the policy of a bucket, key, bus, queue or function; undefined removes it. */
  setResourcePolicy(resourceArn: string, policy: object | undefined): void;
  role(nameOrArn: string): { roleName: string; arn: string; roleId: string; trustPolicy: object };
  /** Makes or replaces a role outside the template, e.g. a mail server's or a sender's. */
  putRole(name: string, trustPolicy: object, policies: object[]): { arn: string; roleId: string };
}

/**
 * A machine that SSM runs documents on. The user of this package makes it; tests make small ones.
 */
export interface Node {
  /** Runs a program inside the host. An exit code other than 0 is no error. */
  run(
    command: string[],
    options?: { input?: string | Uint8Array; environment?: Record<string, string>; timeoutMs?: number },
  ): Promise<{ exitCode: number; stdout: string; stderr: string; timedOut?: boolean }>;
  /** Writes a file inside the host and makes the folders above it. */
  write(path: string, data: Uint8Array, mode: number): Promise<void>;
}

/** What AWS does now and then; `faults/chances.ts` has the meaning and the chance of each. */
export type Fault = DrawnFault | 'throttled';
/** A fault that happens by chance. Throttling happens by the rate of the requests. */
export type DrawnFault =
  | 'fails'
  | 'answerLost'
  | 'outage'
  | 'staleIndex'
  | 'eventTwice'
  | 'eventLate'
  | 'serviceEventNever'
  | 'commandUnseen'
  | 'rightUnseen';

export interface Faults {
  /** True if the fault happens to this one of a kind, for instance to the next event of a rule. */
  happens(fault: DrawnFault, kind: string): boolean;
  /** False for a caller that meets no faults. */
  concerns(caller: Caller): boolean;
  /**
   * @returns `lost` if the request is to be done and its answer is not to arrive
   * @throws AwsError 500, or the service's word for throttling; nothing is done
   */
  ofRequest(request: { caller: Caller; service: string; operation: string; input: unknown }): 'lost' | undefined;
}

export const noFaults: Faults = { happens: () => false, concerns: () => false, ofRequest: () => undefined };

export interface Cloud {
  region: string;
  account: string;
  /** `http://127.0.0.1:<port>`: every client, inside and outside, sends its requests there. */
  endpoint: string;
  /** Milliseconds since the epoch. */
  now(): number;
  /**
   * How many times shorter AWS's own waits are here: the retries of asynchronous invocations, and
   * the time until a change of Route 53 is in sync.
   */
  pace: number;
  directory: string;
  /**
   * One SQLite file for all services. Each service makes its own tables (`CREATE TABLE IF NOT
   * EXISTS <service>_…`).
   */
  database: DatabaseSync;
  iam: Iam;
  /** What AWS does now and then; `noFaults` unless somebody asked for them. */
  faults: Faults;
  /**
   * Calls an operation from inside, as `caller`, with the same authorization as from outside:
   * `request(caller, 'states', 'StartExecution', {…})`.
   */
  request(caller: Caller, service: string, operation: string, input: any): Promise<any>;
  /** The registered service with its own further methods, e.g. `ssm.registerNode`. */
  service<T extends Service = Service>(name: string): T;
  log(line: string): void;
}

export type ServiceFactory<T extends Service = Service> = (cloud: Cloud) => T;

export function arn(cloud: Pick<Cloud, 'region' | 'account'>, service: string, resource: string): string {
  return `arn:aws:${service}:${cloud.region}:${cloud.account}:${resource}`;
}
