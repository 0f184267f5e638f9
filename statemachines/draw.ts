/**
 * Draws a state machine: turns its declaration into the definition in Amazon States Language.
 * `npm run generate` writes the definition.
 */
import { remedies, type ErrorName } from '../core/errors.ts';
import { inWords, policies, retrierOf, type PolicyName } from './policies.ts';
import type { Plain } from './plain-states.ts';
import type { Road, Task } from './step.ts';

export interface Machine {
  /** Of the file, and of the state machine after the stack's name. */
  name: string;
  comment: string;
  startAt: string;
  /** In the order of the road. */
  states: Record<string, Task | Plain>;
}

/**
 * Lambda takes no invocation now: Lambda is throttled (429), the function is inactive (502), or the
 * function is pending (409). The names are those of `Invoke` in @aws-sdk/client-lambda 3.1164.0.
 * Step Functions puts `Lambda.` before them (developer guide, "Handle Lambda service exceptions").
 */
const LAMBDA_BUSY = [
  'Lambda.TooManyRequestsException',
  'Lambda.ResourceNotReadyException',
  'Lambda.ResourceConflictException',
  'Lambda.CodeArtifactUserPendingException',
];
/**
 * Lambda failed (the first four names: same guide, and CDK's `LambdaInvoke`), or the function ended
 * without an answer: it ran out of time or of memory, or its process ended.
 */
const LAMBDA_FAULT = [
  'Lambda.ClientExecutionTimeoutException',
  'Lambda.ServiceException',
  'Lambda.AWSLambdaException',
  'Lambda.SdkClientException',
  'Lambda.Unknown',
  'Sandbox.Timedout',
  'Runtime.ExitError',
];

/**
 * A right that a deploy has just given is refused until IAM knows it everywhere (IAM user guide,
 * "Changes that I make are not always immediately visible"). A right that is missing stays refused,
 * and a person is paged half a minute later. The first two names are those of the services that a
 * function calls. The third one is the state machine's own call of a function.
 */
const RIGHT_UNSEEN = ['AccessDenied', 'AccessDeniedException', 'Lambda.AccessDeniedException'];

const GIVEN = '{% $merge([$states.input, {"execution": $states.context.Execution.Name}]) %}';
const WITH_ERROR = '{% $merge([$states.input, {"error": $states.errorOutput}]) %}';

/** @returns the definition; its Comments are the product's documentation of the road */
export function draw({ name, comment, startAt, states }: Machine): object {
  const read = `Each state says why it is there (Comment) and what comes after it (Next), then in a line each where
    an end or an error leads (Catch) and how often an error is retried before (Retry).`;
  const good = goodRoad(startAt, states);
  const road = good.length > 1 ? [`The good road: ${good.join(' → ')}.`] : [];
  const source = `npm run generate draws this file from statemachines/${name}.ts: edit that file.`;
  return {
    Comment: oneLine([comment, ...road, read, source].join(' ')),
    QueryLanguage: 'JSONata',
    StartAt: startAt,
    States: Object.fromEntries(
      Object.entries(states).map(([state, it]) => [
        state,
        isTask(it) ? drawTask(it) : { ...it, Comment: oneLine(it.Comment) },
      ]),
    ),
  };
}

function goodRoad(state: string, states: Machine['states']): string[] {
  const it = states[state]!;
  const next = isTask(it) ? it.next : (it['Next'] as string | undefined);
  return next === undefined ? [state] : [state, ...goodRoad(next, states)];
}

export function isTask(state: Task | Plain): state is Task {
  return 'throws' in state;
}

/** A comment is wrapped where it is written. */
function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}

function drawTask(task: Task): object {
  const { name, comment, given = GIVEN, tokenSeconds, retry, assign, handsOn, next } = task;
  const call =
    tokenSeconds === undefined
      ? { Resource: `\${${name}}`, Arguments: given }
      : {
          Resource: 'arn:${Partition}:states:::lambda:invoke.waitForTaskToken',
          Arguments: { FunctionName: `\${${name}}`, Payload: given },
          TimeoutSeconds: tokenSeconds,
        };
  const catchers = catchersOf(task);
  return {
    Comment: oneLine(comment).replace(/\{(\w+)\}/g, (_, error: ErrorName) => inWords(policies[retry[error]!])),
    Type: 'Task',
    ...call,
    ...(handsOn !== undefined && { Output: handsOn }),
    ...(assign && { Assign: assign }),
    ...(next === undefined ? { End: true } : { Next: next }),
    ...(catchers.length > 0 && { Catch: catchers }),
    Retry: retriersOf(task),
  };
}

function retriersOf({ retry, lambdaBusy = 'lambdaBusy' }: Task): object[] {
  const policyOf: [string, PolicyName][] = [
    ...Object.entries(retry),
    ...LAMBDA_BUSY.map((error): [string, PolicyName] => [error, lambdaBusy]),
    ...LAMBDA_FAULT.map((error): [string, PolicyName] => [error, 'lambdaFault']),
    ...RIGHT_UNSEEN.map((error): [string, PolicyName] => [error, 'rightUnseen']),
  ];
  const errors = Map.groupBy(policyOf, ([, policy]) => policy);
  return [...errors].map(([policy, named]) => ({
    ...retrierOf(policies[policy]),
    ErrorEquals: named.map(([error]) => error),
  }));
}

function catchersOf({ throws, ends = {}, roads }: Task): object[] {
  const byName = roads as Partial<Record<string, Road>>;
  const leading: [string, Road | undefined][] = [
    ...Object.entries(ends),
    ...throws.map((error): [string, Road | undefined] => [error, roads[error] ?? roads[remedies[error]]]),
    ['States.Timeout', byName['States.Timeout']],
    ['States.ALL', roads.unforeseen],
  ];
  const roadOf = leading.flatMap(([error, road]) => {
    if (road === undefined) return [];
    return [{ error, ...(typeof road === 'string' ? { next: road, output: WITH_ERROR } : road) }];
  });
  // States.ALL has to be alone, and last.
  const caught = Map.groupBy(roadOf, ({ error, next, output }) => `${error === 'States.ALL'} ${next} ${output}`);
  return [...caught.values()].map(same => ({
    Next: same[0]!.next,
    ErrorEquals: same.map(({ error }) => error),
    Output: same[0]!.output,
  }));
}
