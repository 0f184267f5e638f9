/** One attempt at a state: what each type of state does. */
import { evaluate, evaluateAs, expressionIn, type Bindings } from './expression.ts';
import type { Details, ExecutionContext, Host, Visit } from './host.ts';
import type { ChoiceState, FailState, Result, State, TaskState, WaitState } from './language.ts';
import { StateError } from './state-error.ts';

export interface Outcome {
  output: unknown;
  assigned: Record<string, unknown>;
  next: string | undefined;
}

/** What an attempt sees of the execution, and how it records its progress. */
export interface Scope {
  state: State;
  visit: Visit;
  variables: Record<string, unknown>;
  context: ExecutionContext;
  host: Host;
  signal: AbortSignal;
  record(type: string, details?: Details): void;
  save(): void;
}

export interface Completion {
  holder: Result;
  next: string | undefined;
  /** The output of a holder that has no `Output`. */
  otherwise: unknown;
  /** Further members of `$states`. */
  states?: object;
  /** The place of the holder in its state, for messages: `Choices[0]/`. */
  path?: string;
}

/** @throws StateError when the state failed; the signal's reason when it was stopped */
export function attempt(scope: Scope): Promise<Outcome> {
  const { state, visit } = scope;
  switch (state.Type) {
    case 'Pass':
    case 'Succeed':
      return complete(scope, { holder: state, next: state.Next, otherwise: visit.input });
    case 'Task':
      return task(state, scope);
    case 'Choice':
      return choose(state, scope);
    case 'Wait':
      return wait(state, scope);
    case 'Fail':
      return fail(state, scope);
  }
}

/** `Output` and `Assign` see the same variables: an assignment applies from the next state on. */
export async function complete(scope: Scope, completion: Completion): Promise<Outcome> {
  const { holder, next, otherwise, states = {}, path = '' } = completion;
  const bindings = bindingsOf(scope, states);
  const output = 'Output' in holder ? await evaluate(holder.Output, `${path}Output`, bindings) : otherwise;
  const assigned = (await evaluate(holder.Assign ?? {}, `${path}Assign`, bindings)) as Record<string, unknown>;
  return { output, assigned, next };
}

async function fail({ Error, Cause }: FailState, scope: Scope): Promise<never> {
  const text = async (value: string | undefined, field: string) =>
    value === undefined ? undefined : await evaluateAs<string>(value, 'string', field, bindingsOf(scope));
  throw new StateError(await text(Error, 'Error'), await text(Cause, 'Cause'));
}

async function choose({ Choices, Default, ...state }: ChoiceState, scope: Scope): Promise<Outcome> {
  const { input } = scope.visit;
  for (const [index, rule] of Choices.entries()) {
    const path = `Choices[${index}]/`;
    if (await evaluateAs<boolean>(rule.Condition, 'boolean', `${path}Condition`, bindingsOf(scope)))
      return complete(scope, { holder: rule, next: rule.Next, otherwise: input, path });
  }
  if (Default !== undefined) return complete(scope, { holder: state, next: Default, otherwise: input });
  const cause = `No rule of the state '${scope.visit.state}' matched and it has no Default.`;
  throw new StateError('States.NoChoiceMatched', cause);
}

async function wait(state: WaitState, scope: Scope): Promise<Outcome> {
  const { visit, host, signal } = scope;
  if (visit.until === undefined) {
    visit.until =
      state.Timestamp === undefined
        ? host.now() + (await integer(scope, { value: state.Seconds!, field: 'Seconds', least: 0 })) * 1000
        : offsetDateTime(await evaluateAs<string>(state.Timestamp, 'string', 'Timestamp', bindingsOf(scope)));
    scope.save();
  }
  await host.sleepUntil(visit.until, signal);
  return complete(scope, { holder: state, next: state.Next, otherwise: visit.input });
}

async function task(state: TaskState, scope: Scope): Promise<Outcome> {
  const { visit, host } = scope;
  if (state.Resource.endsWith('.waitForTaskToken')) visit.token ??= host.newToken();
  const timeoutSeconds =
    state.TimeoutSeconds === undefined
      ? undefined
      : await integer(scope, { value: state.TimeoutSeconds, field: 'TimeoutSeconds', least: 1 });
  const request = {
    resource: state.Resource,
    arguments: 'Arguments' in state ? await evaluate(state.Arguments, 'Arguments', bindingsOf(scope)) : visit.input,
    timeoutSeconds,
    token: visit.token,
    submitted: visit.submitted ?? false,
    onSubmitted: () => {
      visit.submitted = true;
      scope.save();
    },
    record: scope.record,
  };
  if (timeoutSeconds !== undefined) visit.deadline ??= host.now() + timeoutSeconds * 1000;
  const overdue = new AbortController();
  const ended = new AbortController();
  if (visit.deadline !== undefined) {
    const timeOut = () => overdue.abort(new StateError('States.Timeout'));
    host.sleepUntil(visit.deadline, ended.signal).then(timeOut, () => {});
  }
  try {
    const signal = AbortSignal.any([scope.signal, overdue.signal]);
    const result = await host.task({ ...request, signal });
    return await complete(scope, { holder: state, next: state.Next, otherwise: result, states: { result } });
  } finally {
    ended.abort();
  }
}

function bindingsOf({ state, visit, variables, context }: Scope, more: object = {}): Bindings {
  const attempted = visit.retryCount > 0 || state.Type === 'Task';
  const seen = {
    ...context,
    State: {
      Name: visit.state,
      EnteredTime: new Date(visit.enteredAt).toISOString(),
      ...(attempted && { RetryCount: visit.retryCount }),
    },
    ...(visit.token !== undefined && { Task: { Token: visit.token } }),
  };
  return { ...variables, states: { input: visit.input, context: seen, ...more } };
}

async function integer(
  scope: Scope,
  { value, field, least }: { value: number | string; field: string; least: number },
): Promise<number> {
  const result = await evaluateAs<number>(value, 'number', field, bindingsOf(scope));
  if (Number.isInteger(result) && result >= least && result <= 99_999_999) return result;
  const source = typeof value === 'string' ? expressionIn(value) : value;
  const cause = `The JSONata expression '${source}' specified for the field '${field}' returned ${result}, which is not an integer from ${least} to 99999999.`;
  throw new StateError('States.QueryEvaluationError', cause, { location: field });
}

/**
 * @param text Java's ISO offset date-time, as AWS parses it: `T` and an offset are required
 * @returns milliseconds since the epoch
 */
function offsetDateTime(text: string): number {
  const valid = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/.test(text);
  const time = valid ? Date.parse(text) : NaN;
  if (!Number.isNaN(time)) return time;
  const cause = `The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: ${text}`;
  throw new StateError('States.QueryEvaluationError', cause, { location: 'Timestamp' });
}
