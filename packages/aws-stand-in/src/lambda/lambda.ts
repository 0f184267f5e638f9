/** Lambda: functions of the template, run as processes of Node 24 against the Runtime API. */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import * as model from '@aws-sdk/client-lambda';
import type { InvocationRequest, ListFunctionsRequest } from '@aws-sdk/client-lambda';
import { AsynchronousInvocations, DEFAULT_LIMITS, type Limits } from './asynchronous-invocations.ts';
import { FunctionPool } from './pool.ts';
import { assertFunctionName, functionConfiguration, permissionStatement, shownConfiguration } from './configuration.ts';
import type { FunctionConfiguration } from './configuration.ts';
import { InvocationLog } from './invocation-log.ts';
import type { LogsService } from '../logs/logs.ts';
import { refuse, refuseOthers } from '../service/refusal.ts';
import { FunctionProcess } from './runtime-api.ts';
import type { Invocation, Outcome, ProcessEvents } from './runtime-api.ts';
import { Starts } from './starts.ts';
import { AwsError, arn } from '../service/service.ts';
import type { Call, Caller, Cloud, ResourceRequest, Service } from '../service/service.ts';

interface DeployedFunction {
  configuration: FunctionConfiguration;
  pool: FunctionPool;
  statements: Map<string, object>;
  limits: Limits;
}

/** The largest payload in bytes, by invocation type. */
const MAX_PAYLOAD = { RequestResponse: 6_291_456, Event: 1_048_576 };
/**
 * The number of processes of all functions together. A process takes 60 to 75 MB, and a small
 * machine can spare 24 of them. An idle process ends to make room.
 */
const MOST_PROCESSES = 24;
/** AWS's default quota. It is told, and not kept: the stand-in has no quotas. */
const CONCURRENT = 1_000;

export const lambda = (cloud: Cloud): Service => {
  const functions = new Map<string, DeployedFunction>();
  const starts = new Starts();
  const logs = () => cloud.service<LogsService>('logs');
  const functionArn = (name: string) => arn(cloud, 'lambda', `function:${name}`);

  function find(nameOrArn: string): DeployedFunction {
    const name = functionName(nameOrArn);
    const found = functions.get(name);
    if (found) return found;
    throw new AwsError('ResourceNotFoundException', `Function not found: ${functionArn(name)}`, {
      status: 404,
      fields: { Type: 'User' },
    });
  }

  /**
   * The function as a caller.
   * @throws AwsError AccessDenied if the role's trust policy does not name Lambda
   */
  function assume({ role, name }: FunctionConfiguration): Caller {
    return cloud.iam.assume(role, { service: 'lambda.amazonaws.com', session: name });
  }

  function makeRoom(): void {
    const all = [...functions.values()].flatMap(({ pool }) => pool.all());
    if (all.length < MOST_PROCESSES) return;
    const idle = all.filter(process => process.idle).sort((left, right) => left.idleSince - right.idleSince);
    idle[0]?.retire();
  }

  const starter = (configuration: FunctionConfiguration) => (events: ProcessEvents) => {
    const caller = assume(configuration);
    makeRoom();
    const { name, logGroup } = configuration;
    const stream = `${new Date(cloud.now()).toISOString().slice(0, 10).replaceAll('-', '/')}/[$LATEST]${randomBytes(16).toString('hex')}`;
    const mayWrite = logs().mayWrite(caller, logGroup);
    if (!mayWrite)
      cloud.log(`WARNING: lambda: ${name} may not write to its log group ${logGroup}; as on AWS, its lines are lost`);
    return new FunctionProcess(
      {
        arn: configuration.arn,
        memoryMb: configuration.memoryMb,
        timeoutMs: configuration.timeoutSeconds * 1000,
        taskRoot: configuration.taskRoot,
        compileCache: path.join(cloud.directory, 'compile-cache'),
        environment: environment(configuration, stream),
        log: new InvocationLog(lines => mayWrite && logs().write(logGroup, stream, lines)),
      },
      events,
    );
  };

  /** The whole environment of a function. Nothing of the stand-in's own environment is in it. */
  function environment(configuration: FunctionConfiguration, stream: string): Record<string, string> {
    const { accessKeyId, secretAccessKey } = cloud.iam.credentials(configuration.role, configuration.name);
    return {
      LANG: 'en_US.UTF-8',
      PATH: '/usr/local/bin:/usr/bin:/bin',
      TZ: ':UTC',
      ...configuration.variables,
      _HANDLER: configuration.handler,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_DEFAULT_REGION: cloud.region,
      AWS_REGION: cloud.region,
      AWS_ENDPOINT_URL: cloud.endpoint,
      AWS_EXECUTION_ENV: `AWS_Lambda_${configuration.runtime}`,
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(configuration.memoryMb),
      AWS_LAMBDA_FUNCTION_NAME: configuration.name,
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_LAMBDA_LOG_FORMAT: 'Text',
      AWS_LAMBDA_LOG_LEVEL: 'INFO',
      AWS_LAMBDA_LOG_GROUP_NAME: configuration.logGroup,
      AWS_LAMBDA_LOG_STREAM_NAME: stream,
      LAMBDA_RUNTIME_DIR: path.dirname(new URL(import.meta.url).pathname),
      LAMBDA_TASK_ROOT: configuration.taskRoot,
    };
  }

  async function run(name: string, invocation: Invocation): Promise<Outcome> {
    const outcome = await find(name).pool.invoke(invocation);
    const { payload, functionError } = outcome;
    if (functionError) cloud.log(`lambda: ${name} ${invocation.requestId} failed: ${payload.slice(0, 500)}`);
    return outcome;
  }

  const asynchronous = new AsynchronousInvocations(cloud, run, name => functions.get(name));

  async function Invoke(input: InvocationRequest, call: Call) {
    const name = functionName(input.FunctionName!);
    const { sourceArn } = call.caller as Caller & { sourceArn?: string };
    const source = sourceArn ? { 'aws:SourceArn': sourceArn, 'aws:SourceAccount': cloud.account } : undefined;
    call.authorize('lambda:InvokeFunction', functionArn(name), source);
    refuseOthers('lambda:Invoke', input, ['FunctionName', 'InvocationType', 'LogType', 'Payload', 'Qualifier']);
    if ((input.Qualifier ?? '$LATEST') !== '$LATEST') refuse(`lambda:Invoke: qualifier ${input.Qualifier}`);
    const { InvocationType: type = 'RequestResponse', LogType = 'None' } = input;
    if (type === 'DryRun') return { StatusCode: 204 };
    find(name);

    const payload = Buffer.from(input.Payload ?? []).toString() || '{}';
    const most = MAX_PAYLOAD[type];
    if (Buffer.byteLength(payload) > most) {
      throw new AwsError(
        'RequestTooLargeException',
        `${payload.length} byte payload is too large for the ${type} invocation type (limit ${most} bytes)`,
        { status: 413 },
      );
    }
    try {
      JSON.parse(payload);
    } catch (error) {
      throw new AwsError(
        'InvalidRequestContentException',
        `Could not parse request body into json: ${(error as Error).message}`,
      );
    }
    if (type === 'Event') {
      asynchronous.accept(name, { requestId: call.requestId, payload });
      return { StatusCode: 202 };
    }
    const outcome = await run(name, { requestId: call.requestId, payload });
    return {
      StatusCode: 200,
      ExecutedVersion: '$LATEST',
      FunctionError: outcome.functionError,
      LogResult: LogType === 'Tail' ? Buffer.from(outcome.tail).toString('base64') : undefined,
      Payload: new Uint8Array(Buffer.from(outcome.payload)),
    };
  }

  function read(action: string) {
    return (input: { FunctionName?: string; Qualifier?: string }, call: Call) => {
      call.authorize(`lambda:${action}`, functionArn(functionName(input.FunctionName!)));
      refuseOthers(`lambda:${action}`, input, ['FunctionName']);
      return shownConfiguration(find(input.FunctionName!).configuration);
    };
  }

  return {
    name: 'lambda',
    model,
    client: 'LambdaClient',

    operations: {
      Invoke,
      GetFunctionConfiguration: read('GetFunctionConfiguration'),
      GetAccountSettings(_input: unknown, call: Call) {
        call.authorize('lambda:GetAccountSettings', '*');
        const limit = { ConcurrentExecutions: CONCURRENT, UnreservedConcurrentExecutions: CONCURRENT };
        return { AccountLimit: limit, AccountUsage: { FunctionCount: functions.size } };
      },
      ListFunctions(input: ListFunctionsRequest, call: Call) {
        call.authorize('lambda:ListFunctions', '*');
        refuseOthers('lambda:ListFunctions', input, ['Marker', 'MaxItems']);
        const from = Number(input.Marker ?? 0);
        const to = from + Math.min(input.MaxItems ?? 50, 50);
        const all = [...functions.values()].map(({ configuration }) => shownConfiguration(configuration));
        return { Functions: all.slice(from, to), NextMarker: to < all.length ? String(to) : undefined };
      },
    },

    resources: {
      'AWS::Lambda::Function'(request: ResourceRequest) {
        const configuration = functionConfiguration(cloud, request);
        assume(configuration); // as on AWS, a trust policy that does not name Lambda fails here
        const { name } = configuration;
        const before = functions.get(name);
        const pool =
          before?.pool ??
          new FunctionPool(
            starter(configuration),
            failed => cloud.log(`ERROR: lambda: ${name} does not start: ${failed.payload}`),
            starts,
          );
        // What names the function is made after it, so permissions and limits begin anew here.
        functions.set(name, { configuration, pool, statements: new Map(), limits: DEFAULT_LIMITS });
        cloud.iam.setResourcePolicy(configuration.arn, undefined);
        if (before && JSON.stringify(before.configuration) !== JSON.stringify(configuration))
          pool.replace(starter(configuration));
        return { ref: name, attributes: { Arn: configuration.arn } };
      },
      'AWS::Lambda::EventInvokeConfig'({ properties, stackName, logicalId }: ResourceRequest) {
        const known = ['FunctionName', 'Qualifier', 'MaximumRetryAttempts', 'MaximumEventAgeInSeconds'];
        refuseOthers('AWS::Lambda::EventInvokeConfig', properties, known);
        if (properties.Qualifier !== '$LATEST') refuse(`lambda: qualifier ${properties.Qualifier}`);
        find(properties.FunctionName).limits = {
          retries: properties.MaximumRetryAttempts ?? DEFAULT_LIMITS.retries,
          ageMs: (properties.MaximumEventAgeInSeconds ?? DEFAULT_LIMITS.ageMs / 1_000) * 1_000,
        };
        return { ref: `${stackName}-${logicalId}` };
      },
      'AWS::Lambda::Permission'(request: ResourceRequest) {
        const { configuration, statements } = find(request.properties.FunctionName);
        statements.set(request.logicalId, permissionStatement(configuration.arn, request));
        cloud.iam.setResourcePolicy(configuration.arn, { Version: '2012-10-17', Statement: [...statements.values()] });
        return { ref: request.logicalId };
      },
    },

    start: () => asynchronous.start(),

    async stop() {
      asynchronous.stop();
      await Promise.all([...functions.values()].map(({ pool }) => pool.stop()));
    },
  };
};

/** The name from a name, a partial or a full ARN, with or without `:$LATEST`. */
function functionName(nameOrArn: string): string {
  const parts = nameOrArn.split(':');
  const at = parts.indexOf('function');
  const [name = '', qualifier = '$LATEST'] = at < 0 ? parts : parts.slice(at + 1);
  if (qualifier !== '$LATEST') refuse(`lambda: qualifier ${qualifier}`);
  assertFunctionName(name);
  return name;
}
