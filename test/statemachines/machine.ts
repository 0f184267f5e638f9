/** Runs a state machine of the product in the local interpreter. A table answers each task. */
import { readFileSync } from 'node:fs';
import { parseDefinition } from '../../packages/aws-stand-in/src/states/asl/definition.ts';
import type { Host, TaskRequest } from '../../packages/aws-stand-in/src/states/asl/host.ts';
import { execute } from '../../packages/aws-stand-in/src/states/asl/interpreter.ts';
import { StateError } from '../../packages/aws-stand-in/src/states/asl/state-error.ts';
import { VirtualTime } from '../../packages/aws-stand-in/src/states/asl/virtual-time.ts';
import { compileEventPattern } from '../../packages/aws-stand-in/src/events/pattern.ts';
import { pagedEnds } from '../../lib/paged-executions.ts';
import { endNames } from '../../core/ended.ts';
import { remedies } from '../../core/errors.ts';
import type { Step } from '../../statemachines/step.ts';

const START = Date.parse('2026-11-24T10:00:00Z');
const LAMBDA = 'arn:aws:lambda:us-east-1:000000000000:function:';

/** Lambda takes no invocation now: it is throttled, or the function is inactive or pending. */
export const lambdaBusy = [
  'Lambda.TooManyRequestsException',
  'Lambda.ResourceNotReadyException',
  'Lambda.ResourceConflictException',
  'Lambda.CodeArtifactUserPendingException',
];
/** A right that a deploy has just given is not known everywhere, by the names of AWS's services. */
export const youngRights = ['AccessDenied', 'AccessDeniedException', 'Lambda.AccessDeniedException'];
/** Errors of Lambda itself, which our code did not throw. The next try usually succeeds. */
export const lambdaTroubles = [
  ...lambdaBusy,
  'Lambda.ClientExecutionTimeoutException',
  'Lambda.ServiceException',
  'Lambda.AWSLambdaException',
  'Lambda.SdkClientException',
  'Lambda.Unknown',
  'Sandbox.Timedout',
  'Runtime.ExitError',
];
/** Every error name of ours, and names of AWS: busy, timed out, and a fault in our code. */
export const everyError = [
  ...Object.keys(remedies),
  ...endNames,
  ...lambdaBusy,
  'Lambda.ClientExecutionTimeoutException',
  'Lambda.Unknown',
  'Sandbox.Timedout',
  'Runtime.ExitError',
  'States.Timeout',
  'TypeError',
];

/** An error that a state meets, `times` times; without `times`, always. */
export interface Failure {
  error: string;
  times?: number;
}

export type Told = 'nobody' | 'who watches the domain' | 'the sender' | 'a person';

export interface Ending {
  /** States in the order in which they were entered. */
  road: string[];
  status: 'SUCCEEDED' | 'FAILED';
  error?: string;
  output?: unknown;
  told: Told;
  /** Seconds that each state waited between its attempts. */
  waits: Record<string, number[]>;
  /** The input of each attempt, by state. */
  given: Record<string, any[]>;
}

export interface Machine {
  name: string;
  /** Steps by the function that runs them. */
  steps: Record<string, Step<any, any, any>>;
  /** What a function answers if there is no error. */
  answers: Record<string, (input: any) => unknown>;
  input: object;
}

/** True if the deployed rule pages a person. */
const pages = compileEventPattern(pagedEnds);

export const definitionOf = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../statemachines/${name}.asl.json`, import.meta.url), 'utf8')) as {
    Comment: string;
    States: Record<string, any>;
  };

/** @param failures by state; a state without one is answered from the machine's answers */
export async function run(machine: Machine, failures: Record<string, Failure> = {}): Promise<Ending> {
  const text = JSON.stringify(definitionOf(machine.name)).replace(/\$\{(\w+)\}/g, (_, name: string) =>
    name === 'Bus' ? 'sealpost' : name === 'Partition' ? 'aws' : `${LAMBDA}${name}`,
  );
  const host = new TableHost(machine, failures);
  const execution = {
    Id: 'arn:execution',
    Name: 'run-1',
    Input: machine.input,
    RoleArn: 'arn:role',
    StartTime: new Date(START).toISOString(),
    RedriveCount: 0,
  };
  const context = { Execution: execution, StateMachine: { Id: 'arn:machine', Name: machine.name } };
  const signal = new AbortController().signal;
  const { road, waits, given } = host;
  try {
    const definition = parseDefinition(text);
    const output = await host.until(execute({ definition, context, host, signal }));
    const told = host.called.includes('ParkDomain') ? 'who watches the domain' : 'nobody';
    return { road, status: 'SUCCEEDED', output, told, waits, given };
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
    const cause = error.errorCause;
    const unpaged = host.called.includes('putEvents') ? 'the sender' : 'nobody';
    const told = pages({ status: 'FAILED', error: error.error, cause }) ? 'a person' : unpaged;
    return { road, status: 'FAILED', error: error.error, told, waits, given };
  }
}

class TableHost extends VirtualTime implements Host {
  readonly road: string[] = [];
  readonly called: string[] = [];
  readonly waits: Record<string, number[]> = {};
  readonly given: Record<string, any[]> = {};
  readonly #machine: Machine;
  readonly #failures: Record<string, Failure>;
  /**
   * The moment at which each state's last attempt ended, and in which visit. Every answer here
   * takes no time.
   */
  readonly #lastEnded = new Map<string, { visit: number; at: number }>();
  #events = 0;
  #tokens = 0;

  constructor(machine: Machine, failures: Record<string, Failure>) {
    super(START);
    this.#machine = machine;
    this.#failures = failures;
  }

  random = () => 1;
  newToken = () => `token-${++this.#tokens}`;
  save = () => {};

  record(type: string, details: any): number {
    if (type.endsWith('StateEntered')) this.road.push(details.stateEnteredEventDetails.name);
    return ++this.#events;
  }

  task(request: TaskRequest): Promise<unknown> {
    const state = this.road.at(-1)!;
    const attempts = (this.given[state] ??= []);
    const last = this.#lastEnded.get(state);
    if (last?.visit === this.road.length) (this.waits[state] ??= []).push((this.time - last.at) / 1000);
    attempts.push(request.arguments);
    this.#lastEnded.set(state, { visit: this.road.length, at: this.time });
    const failure = this.#failures[state];
    if (failure && attempts.length <= (failure.times ?? Infinity)) return this.#fail(failure.error, request);
    return this.#answer(request);
  }

  #fail(error: string, { signal }: TaskRequest): Promise<never> {
    // A function that never answers; the state has a time limit.
    if (error === 'States.Timeout' && this.road.at(-1) === 'SendDelivery')
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const cause = JSON.stringify({ errorType: error, errorMessage: `what ${error} says` });
    return Promise.reject(new StateError(error, cause));
  }

  async #answer({ resource, arguments: given }: TaskRequest): Promise<unknown> {
    if (resource === 'arn:aws:states:::events:putEvents') {
      this.called.push('putEvents');
      return { FailedEntryCount: 0, Entries: [{ EventId: 'event' }] };
    }
    const waits = resource.endsWith('.waitForTaskToken');
    const called = waits ? (given as any).FunctionName : resource;
    const name = called.replace(LAMBDA, '');
    this.called.push(name);
    const answer = await this.#machine.steps[name]!.handler(async input => this.#machine.answers[name]!(input))(
      waits ? (given as any).Payload : given,
    );
    return waits ? { commandId: 'command-1' } : answer;
  }
}

/**
 * A row of a failure table: these errors in this state lead there. Without `errors`, the row is for
 * all errors that no other row of the state names.
 */
export interface Row {
  state: string;
  errors?: readonly string[];
  times?: number;
  /** The states that are entered after `state`. */
  road: readonly string[];
  status: Ending['status'];
  told: Told;
  /** The execution's error, if it is not the one that was thrown. */
  error?: string;
}

/**
 * @returns each row with its errors; each pair of a task state and an error is in exactly one row
 * @throws Error if a pair is in two rows
 */
export function everyPair(rows: Row[]): (Row & { errors: readonly string[] })[] {
  for (const { state, errors = [] } of rows)
    for (const error of errors)
      if (rows.filter(row => row.state === state && row.errors?.includes(error)).length > 1)
        throw new Error(`two rows are for ${error} in ${state}`);
  return rows.map(row => {
    const named = rows.flatMap(other => (other.state === row.state ? (other.errors ?? []) : []));
    return { ...row, errors: row.errors ?? everyError.filter(error => !named.includes(error)) };
  });
}

/** @returns seconds before each retry: `IntervalSeconds × BackoffRate^n`, or MaxDelaySeconds */
export function delays({ IntervalSeconds, MaxAttempts, BackoffRate, MaxDelaySeconds }: any): number[] {
  return Array.from({ length: MaxAttempts }, (_, n) => Math.min(IntervalSeconds * BackoffRate ** n, MaxDelaySeconds));
}
