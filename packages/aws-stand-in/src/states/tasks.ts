/**
 * The tasks: call a Lambda function, pass a task token to a function and wait, put events on a bus.
 */
import { abortable } from './asl/clock.ts';
import type { Details, TaskRequest } from './asl/host.ts';
import { assertPayloadFits } from './asl/payload.ts';
import { functionArn, invokeAndWait, putEvents } from './asl/resource.ts';
import { StateError } from './asl/state-error.ts';
import { AwsError, type Caller, type Cloud } from '../service/service.ts';
import { Suspended, type TaskTokens } from './tokens.ts';

export interface TaskOwner {
  executionArn: string;
  machineArn: string;
  roleArn: string;
}

/** The events of a task. A function that is named directly as Resource has events of its own. */
interface Trace {
  scheduled(request: TaskRequest): void;
  started(): void;
  succeeded(output: string): void;
  failed(error: StateError): void;
}

/**
 * Runs tasks as the state machine's role. The result is JSON. Every error is a StateError or the
 * signal's reason.
 */
export class Tasks {
  readonly #cloud: Cloud;
  readonly #tokens: TaskTokens;

  constructor(cloud: Cloud, tokens: TaskTokens) {
    this.#cloud = cloud;
    this.#tokens = tokens;
  }

  async run(owner: TaskOwner, request: TaskRequest): Promise<unknown> {
    const { resource, signal } = request;
    const direct = functionArn.test(resource);
    const [, resourceType, api] = /^arn:aws:states:::(\w+):(.+)$/.exec(resource) ?? [];
    const trace = direct
      ? functionTrace(request)
      : integrationTrace(request, { region: this.#cloud.region, resourceType: resourceType!, api: api! });
    if (!request.submitted) {
      assertPayloadFits(resourceType ?? resource, JSON.stringify(request.arguments));
      trace.scheduled(request);
      trace.started();
    }
    try {
      const output = await abortable(this.#perform(owner, request), signal);
      assertPayloadFits(resourceType ?? resource, output);
      trace.succeeded(output);
      return JSON.parse(output);
    } catch (thrown) {
      // The end of a task is no event if its result is not needed any more. A StateError as the
      // reason is the task's own timeout.
      if (!(thrown instanceof StateError)) throw thrown;
      trace.failed(thrown);
      throw thrown;
    } finally {
      if (request.token !== undefined && !(signal.reason instanceof Suspended)) this.#tokens.end(request.token);
    }
  }

  async #perform(owner: TaskOwner, request: TaskRequest): Promise<string> {
    if (request.resource === putEvents) return this.#putEvents(owner, request);
    if (request.resource === invokeAndWait) return this.#invokeAndWait(owner, request);
    return (await this.#invoke(owner, request.resource, request.arguments)).payload;
  }

  async #invokeAndWait(owner: TaskOwner, request: TaskRequest): Promise<string> {
    const { token, signal } = request;
    if (!request.submitted) {
      const { FunctionName, Payload, ...others } = parametersOf(request.arguments);
      if (Object.keys(others).length > 0 || typeof FunctionName !== 'string') {
        throw new StateError(
          'States.Runtime',
          `lambda:invoke takes FunctionName and Payload here, not ${Object.keys(others).join(', ')}`,
        );
      }
      const { payload } = await this.#invoke(owner, FunctionName, Payload ?? {});
      signal.throwIfAborted();
      const output = JSON.stringify({ ExecutedVersion: '$LATEST', Payload: JSON.parse(payload), StatusCode: 200 });
      const details = { ...resourceOf('lambda', 'invoke.waitForTaskToken'), ...outputDetails(output) };
      request.record('TaskSubmitted', { taskSubmittedEventDetails: details });
      request.onSubmitted();
    }
    return this.#tokens.wait(token!, signal);
  }

  async #invoke(owner: TaskOwner, functionName: string, argument: unknown): Promise<{ payload: string }> {
    const Payload = Buffer.from(JSON.stringify(argument));
    const answer = await this.#call(
      owner,
      { prefix: 'Lambda', service: 'lambda', operation: 'Invoke' },
      { FunctionName: functionName, Payload },
    );
    const payload = Buffer.from(answer.Payload ?? []).toString() || 'null';
    if (!answer.FunctionError) return { payload };
    throw new StateError(errorTypeOf(payload) ?? 'Lambda.Unknown', payload);
  }

  async #putEvents(owner: TaskOwner, request: TaskRequest): Promise<string> {
    const { Entries, ...others } = parametersOf(request.arguments);
    if (Object.keys(others).length > 0 || !Array.isArray(Entries)) {
      throw new StateError('States.Runtime', 'events:putEvents takes a list of Entries here, and nothing else');
    }
    // Step Functions adds its own ARNs to the resources of every event, and accepts a Detail that
    // is an object.
    const entries = Entries.map(entry => ({
      ...entry,
      Detail: typeof entry.Detail === 'object' ? JSON.stringify(entry.Detail) : entry.Detail,
      Resources: [...(entry.Resources ?? []), owner.machineArn, owner.executionArn],
    }));
    const answer = await this.#call(
      owner,
      { prefix: 'EventBridge', service: 'events', operation: 'PutEvents' },
      { Entries: entries },
    );
    const output = JSON.stringify({ Entries: answer.Entries, FailedEntryCount: answer.FailedEntryCount ?? 0 });
    if (answer.FailedEntryCount > 0) throw new StateError('EventBridge.FailedEntry', output);
    return output;
  }

  async #call(
    owner: TaskOwner,
    { prefix, service, operation }: { prefix: string; service: string; operation: string },
    input: object,
  ): Promise<any> {
    try {
      return await this.#cloud.request(this.#assume(owner), service, operation, input);
    } catch (error) {
      if (!(error instanceof AwsError)) throw new StateError(`${prefix}.SdkClientException`, (error as Error).message);
      const code = error.code === 'AccessDenied' ? 'AccessDeniedException' : error.code;
      throw new StateError(
        `${prefix}.${code}`,
        `${error.message} (Service: ${prefix}; Status Code: ${error.status}; Error Code: ${code})`,
      );
    }
  }

  #assume({ roleArn, executionArn }: TaskOwner): Caller {
    try {
      const session = executionArn.split(':').at(-1)!.slice(0, 64);
      return this.#cloud.iam.assume(roleArn, { service: 'states.amazonaws.com', session });
    } catch (error) {
      throw new StateError('States.Permissions', (error as Error).message);
    }
  }
}

function parametersOf(value: unknown): Record<string, any> {
  return typeof value === 'object' && value !== null ? value : {};
}

/** The name of the error that the function threw; undefined if its answer names none. */
function errorTypeOf(payload: string): string | undefined {
  const { errorType } = JSON.parse(payload) ?? {};
  return typeof errorType === 'string' ? errorType : undefined;
}

const resourceOf = (resourceType: string, resource: string) => ({ resourceType, resource });
const outputDetails = (output: string) => ({ output, outputDetails: { truncated: false } });
const seconds = ({ timeoutSeconds }: TaskRequest) =>
  timeoutSeconds === undefined ? {} : { timeoutInSeconds: timeoutSeconds };
const errorDetails = ({ error, errorCause }: StateError) => ({
  ...(error !== undefined && { error }),
  ...(errorCause !== undefined && { cause: errorCause }),
});

function functionTrace({ record }: TaskRequest): Trace {
  return {
    scheduled(request) {
      const input = { input: JSON.stringify(request.arguments), inputDetails: { truncated: false } };
      const details = { resource: request.resource, ...input, ...seconds(request) };
      record('LambdaFunctionScheduled', { lambdaFunctionScheduledEventDetails: details });
    },
    started: () => record('LambdaFunctionStarted'),
    succeeded: output =>
      record('LambdaFunctionSucceeded', { lambdaFunctionSucceededEventDetails: outputDetails(output) }),
    failed(error) {
      const end = error.error === 'States.Timeout' ? 'TimedOut' : 'Failed';
      record(`LambdaFunction${end}`, { [`lambdaFunction${end}EventDetails`]: errorDetails(error) });
    },
  };
}

function integrationTrace(
  { record }: TaskRequest,
  { region, resourceType, api }: { region: string; resourceType: string; api: string },
): Trace {
  const resource = resourceOf(resourceType, api);
  const event = (what: string, details: Details) =>
    record(`Task${what}`, { [`task${what}EventDetails`]: { ...resource, ...details } });
  return {
    scheduled: request =>
      event('Scheduled', { region, parameters: JSON.stringify(request.arguments), ...seconds(request) }),
    started: () => event('Started', {}),
    succeeded: output => event('Succeeded', outputDetails(output)),
    failed: error => event(error.error === 'States.Timeout' ? 'TimedOut' : 'Failed', errorDetails(error)),
  };
}
