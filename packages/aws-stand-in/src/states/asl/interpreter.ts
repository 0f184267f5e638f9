/**
 * Walks a state machine. Time, tasks, history and storage are the host's, so that a test can run an hour's wait in a
 * millisecond and a killed provider can go on where it was: `save` is called with all that is needed for that.
 */
import type {
  Catcher,
  ChoiceState,
  Definition,
  MapState,
  ParallelState,
  Result,
  Rule,
  State,
  StatesBlock,
  TaskState,
  WaitState,
} from './language.ts';
import { runBranches } from './branches.ts';
import { evaluate, evaluateAs, expressionIn, type Bindings } from './expression.ts';
import type { Details, ExecutionContext, Host, Visit } from './host.ts';
import { assertPayloadFits } from './payload.ts';
import { retryDelay } from './retry.ts';
import { matchesError, StateError } from './state-error.ts';

export interface Run {
  definition: Definition;
  context: ExecutionContext;
  host: Host;
  signal: AbortSignal;
  /** Where a killed execution was, and the id of its last event. */
  resume?: { visit: Visit; lastEventId: number };
}

/** The machine's own TimeoutSeconds: no state can catch it. */
export class ExecutionTimedOut extends Error {
  override readonly name = 'ExecutionTimedOut';
}

/** What an inline Map runs at once when MaxConcurrency is 0. */
const inlineConcurrency = 40;

/**
 * Runs an execution to its end; returns its output.
 * @throws StateError when it failed; ExecutionTimedOut; the signal's reason when it was stopped
 */
export async function execute({ definition, context, host, signal, resume }: Run): Promise<unknown> {
  const overall = new AbortController();
  const ended = new AbortController();
  if (definition.TimeoutSeconds !== undefined) {
    const end = Date.parse(context.Execution.StartTime) + definition.TimeoutSeconds * 1000;
    const timeOut = () => overall.abort(new ExecutionTimedOut());
    host.sleepUntil(end, ended.signal).then(timeOut, () => {});
  }
  const thread: Thread = {
    variables: resume?.visit.variables ?? {},
    previous: resume?.lastEventId ?? 0,
    signal: AbortSignal.any([signal, overall.signal]),
    saved: true,
  };
  // A task that was in flight runs again, with a new token and its full time: at least once, as Lambda may on AWS too.
  if (resume && !resume.visit.submitted) Object.assign(resume.visit, { token: undefined, deadline: undefined });
  try {
    return await new Walker(host, context).walk(definition, context.Execution.Input, thread, resume?.visit);
  } finally {
    ended.abort();
  }
}

/** One line of states: the machine itself, a branch, or an item of a Map. */
interface Thread {
  variables: Record<string, unknown>;
  /** The event that the next one follows. */
  previous: number;
  signal: AbortSignal;
  /** Only the machine's own states are saved: after a kill, a Map or Parallel starts over. */
  saved: boolean;
  item?: { Index: number; Value: unknown };
  /** Type of the state it is in. */
  type?: string;
}

interface Outcome {
  output: unknown;
  assigned: Record<string, unknown>;
  next: string | undefined;
}

/** What an attempt at a state can see, and whether its branches were started. */
interface Attempt {
  visit: Visit;
  thread: Thread;
  started?: boolean;
}

class Walker {
  readonly #host: Host;
  readonly #context: ExecutionContext;

  constructor(host: Host, context: ExecutionContext) {
    this.#host = host;
    this.#context = context;
  }

  async walk(block: StatesBlock, input: unknown, thread: Thread, resumed?: Visit): Promise<unknown> {
    let visit = resumed ?? this.#enter(block, block.StartAt, input, thread);
    for (;;) {
      const state = block.States[visit.state]!;
      thread.type = state.Type;
      const { output, assigned, next } = await this.#settle(state, { visit, thread });
      thread.signal.throwIfAborted();
      this.#record(thread, `${state.Type}StateExited`, exited(visit.state, output, assigned));
      thread.variables = { ...thread.variables, ...assigned };
      if (next === undefined) return output;
      visit = this.#enter(block, next, output, thread);
    }
  }

  #enter(block: StatesBlock, state: string, input: unknown, thread: Thread): Visit {
    const name = { name: state, input: JSON.stringify(input), inputDetails: { truncated: false } };
    const type = block.States[state]!.Type;
    const enteredId = this.#record(thread, `${type}StateEntered`, { stateEnteredEventDetails: name });
    const enteredAt = this.#host.now();
    const visit: Visit = {
      state,
      input,
      variables: thread.variables,
      enteredAt,
      enteredId,
      retryCount: 0,
      retries: [],
    };
    this.#save({ visit, thread });
    return visit;
  }

  /** Attempts until one succeeds, no retrier is left, or a catcher says where to go. */
  async #settle(state: State, at: Attempt): Promise<Outcome> {
    const { visit, thread } = at;
    for (;;) {
      if (state.Retry && visit.until !== undefined) {
        await this.#host.sleepUntil(visit.until, thread.signal);
        delete visit.until;
      }
      try {
        return limited(visit.state, await this.#attempt(state, at));
      } catch (thrown) {
        if (!(thrown instanceof StateError) || thread.signal.aborted) throw thrown;
        const error = this.#evaluationFailed(thrown, at);
        const delay = retryDelay(state.Retry, visit.retries, error, this.#host.random);
        if (delay === undefined) {
          if (at.started) this.#record(thread, `${state.Type}StateFailed`);
          return this.#caught(state.Catch, error, at);
        }
        visit.retryCount += 1;
        visit.until = this.#host.now() + delay;
        for (const field of ['deadline', 'token', 'submitted'] as const) delete visit[field];
        this.#save(at);
      }
    }
  }

  async #caught(catchers: Catcher[] | undefined, error: StateError, at: Attempt): Promise<Outcome> {
    const index = catchers?.findIndex(catcher => matchesError(catcher.ErrorEquals, error)) ?? -1;
    if (index < 0) throw error;
    const catcher = catchers![index]!;
    try {
      return await this.#complete(catcher, catcher.Next, error.output, at, {
        states: { errorOutput: error.output },
        path: `Catch[${index}]/`,
      });
    } catch (thrown) {
      throw thrown instanceof StateError ? this.#evaluationFailed(thrown, at) : thrown;
    }
  }

  #attempt(state: State, at: Attempt): Promise<Outcome> {
    switch (state.Type) {
      case 'Pass':
      case 'Succeed':
        return this.#complete(state, state.Next, at.visit.input, at);
      case 'Task':
        return this.#task(state, at);
      case 'Choice':
        return this.#choose(state, at);
      case 'Wait':
        return this.#wait(state, at);
      case 'Map':
        return this.#map(state, at);
      case 'Parallel':
        return this.#parallel(state, at);
      case 'Fail':
        return this.#fail(state.Error, state.Cause, at);
    }
  }

  async #fail(error: string | undefined, cause: string | undefined, at: Attempt): Promise<never> {
    const text = async (value: string | undefined, field: string) =>
      value === undefined ? undefined : await evaluateAs<string>(value, 'string', field, this.#bindings(at));
    throw new StateError(await text(error, 'Error'), await text(cause, 'Cause'));
  }

  async #choose(state: ChoiceState, at: Attempt): Promise<Outcome> {
    const { input } = at.visit;
    for (const [index, rule] of state.Choices.entries()) {
      const path = `Choices[${index}]/`;
      if (await evaluateAs<boolean>(rule.Condition, 'boolean', `${path}Condition`, this.#bindings(at))) {
        return this.#complete(rule, rule.Next, input, at, { path });
      }
    }
    if (state.Default !== undefined) return this.#complete(state, state.Default, input, at);
    throw new StateError(
      'States.NoChoiceMatched',
      `No rule of the state '${at.visit.state}' matched and it has no Default.`,
    );
  }

  async #wait(state: WaitState, at: Attempt): Promise<Outcome> {
    const { visit, thread } = at;
    if (visit.until === undefined) {
      visit.until =
        state.Timestamp === undefined
          ? this.#host.now() + (await this.#integer(state.Seconds!, 'Seconds', 0, at)) * 1000
          : offsetDateTime(await evaluateAs<string>(state.Timestamp, 'string', 'Timestamp', this.#bindings(at)));
      this.#save(at);
    }
    await this.#host.sleepUntil(visit.until, thread.signal);
    return this.#complete(state, state.Next, visit.input, at);
  }

  async #task(state: TaskState, at: Attempt): Promise<Outcome> {
    const { visit, thread } = at;
    if (state.Resource.endsWith('.waitForTaskToken')) visit.token ??= this.#host.newToken();
    const timeoutSeconds =
      state.TimeoutSeconds === undefined
        ? undefined
        : await this.#integer(state.TimeoutSeconds, 'TimeoutSeconds', 1, at);
    const request = {
      resource: state.Resource,
      arguments: 'Arguments' in state ? await evaluate(state.Arguments, 'Arguments', this.#bindings(at)) : visit.input,
      timeoutSeconds,
      token: visit.token,
      submitted: visit.submitted ?? false,
      onSubmitted: () => {
        visit.submitted = true;
        this.#save(at);
      },
      record: (type: string, details?: Details) => void this.#record(thread, type, details),
    };
    if (timeoutSeconds !== undefined) visit.deadline ??= this.#host.now() + timeoutSeconds * 1000;
    const overdue = new AbortController();
    const ended = new AbortController();
    if (visit.deadline !== undefined) {
      const timeOut = () => overdue.abort(new StateError('States.Timeout'));
      this.#host.sleepUntil(visit.deadline, ended.signal).then(timeOut, () => {});
    }
    try {
      const signal = AbortSignal.any([thread.signal, overdue.signal]);
      const result = await this.#host.task({ ...request, signal });
      return await this.#complete(state, state.Next, result, at, { states: { result } });
    } finally {
      ended.abort();
    }
  }

  async #map(state: MapState, at: Attempt): Promise<Outcome> {
    const { visit, thread } = at;
    const items =
      'Items' in state ? await evaluateAs<unknown[]>(state.Items, 'array', 'Items', this.#bindings(at)) : visit.input;
    if (!Array.isArray(items)) {
      const cause = `Map state input must be an array but was: ${JSON.stringify(items)}`;
      throw new StateError('States.QueryEvaluationError', cause, { location: 'Items' });
    }
    const limit = (await this.#integer(state.MaxConcurrency ?? 0, 'MaxConcurrency', 0, at)) || inlineConcurrency;
    this.#begin(state.Type, at, { mapStateStartedEventDetails: { length: items.length } });
    const result = await this.#fork(items.length, limit, at, {
      name: visit.state,
      run: async (index, branch) => {
        branch.item = { Index: index, Value: items[index] };
        const scope = this.#bindings({ visit, thread: branch });
        const selected =
          'ItemSelector' in state ? await evaluate(state.ItemSelector, 'ItemSelector', scope) : items[index];
        return this.walk(state.ItemProcessor, selected, branch);
      },
    });
    this.#host.record('MapStateSucceeded', {}, thread.previous);
    return this.#complete(state, state.Next, result, at, { states: { result } });
  }

  async #parallel(state: ParallelState, at: Attempt): Promise<Outcome> {
    const { visit, thread } = at;
    const input = 'Arguments' in state ? await evaluate(state.Arguments, 'Arguments', this.#bindings(at)) : visit.input;
    this.#begin(state.Type, at);
    const run = (index: number, branch: Thread) => this.walk(state.Branches[index]!, input, branch);
    const result = await this.#fork(state.Branches.length, state.Branches.length, at, { run });
    this.#host.record('ParallelStateSucceeded', {}, thread.previous);
    return this.#complete(state, state.Next, result, at, { states: { result } });
  }

  #begin(type: string, at: Attempt, details: Details = {}): void {
    this.#record(at.thread, `${type}StateStarted`, details);
    at.started = true;
  }

  /** Lines of states side by side. The items of a Map have events of their own, with the Map's name. */
  #fork(
    count: number,
    limit: number,
    { thread }: Attempt,
    { name, run }: { name?: string; run(index: number, branch: Thread): Promise<unknown> },
  ): Promise<unknown[]> {
    const startedId = thread.previous;
    const iteration = (what: string, index: number, branch: Thread) => {
      if (name === undefined) return;
      this.#record(branch, `MapIteration${what}`, { [`mapIteration${what}EventDetails`]: { name, index } });
    };
    return runBranches<Thread>({
      count,
      limit,
      signal: thread.signal,
      open: signal => ({ ...thread, previous: startedId, signal, saved: false }),
      run: async (branch, index) => {
        iteration('Started', index, branch);
        const result = await run(index, branch);
        iteration('Succeeded', index, branch);
        thread.previous = branch.previous;
        return result;
      },
      failed: (error, branch, index, others) => {
        if (!(error instanceof StateError) || thread.signal.aborted) return;
        iteration('Failed', index, branch);
        thread.previous = branch.previous;
        for (const [other, running] of others) {
          this.#record(running, `${running.type}StateAborted`);
          iteration('Aborted', other, running);
        }
      },
    });
  }

  /** Output and Assign see the same variables: an assignment counts from the next state on. */
  async #complete(
    holder: Result | Rule,
    next: string | undefined,
    otherwise: unknown,
    at: Attempt,
    { states = {}, path = '' }: { states?: object; path?: string } = {},
  ): Promise<Outcome> {
    const bindings = this.#bindings(at, states);
    const output = 'Output' in holder ? await evaluate(holder.Output, `${path}Output`, bindings) : otherwise;
    const assigned = (await evaluate(holder.Assign ?? {}, `${path}Assign`, bindings)) as Record<string, unknown>;
    return { output, assigned, next };
  }

  #bindings({ visit, thread }: Attempt, more: object = {}): Bindings {
    const attempted = visit.retryCount > 0 || ['Task', 'Map', 'Parallel'].includes(thread.type!);
    const context = {
      ...this.#context,
      State: {
        Name: visit.state,
        EnteredTime: new Date(visit.enteredAt).toISOString(),
        ...(attempted && { RetryCount: visit.retryCount }),
      },
      ...(visit.token !== undefined && { Task: { Token: visit.token } }),
      ...(thread.item && { Map: { Item: thread.item } }),
    };
    return { ...thread.variables, states: { input: visit.input, context, ...more } };
  }

  async #integer(value: number | string, field: string, least: number, at: Attempt): Promise<number> {
    const result = await evaluateAs<number>(value, 'number', field, this.#bindings(at));
    if (Number.isInteger(result) && result >= least && result <= 99_999_999) return result;
    const source = typeof value === 'string' ? expressionIn(value) : value;
    const cause = `The JSONata expression '${source}' specified for the field '${field}' returned ${result}, which is not an integer from ${least} to 99999999.`;
    throw new StateError('States.QueryEvaluationError', cause, { location: field });
  }

  /** A failed expression leaves an event of its own, and its cause says where, as on AWS. */
  #evaluationFailed(error: StateError, { visit, thread }: Attempt): StateError {
    if (error.location === undefined) return error;
    const cause = `An error occurred while executing the state '${visit.state}' (entered at the event id #${visit.enteredId}). ${error.errorCause}`;
    const details = { error: error.error, cause, location: error.location, state: visit.state };
    this.#record(thread, 'EvaluationFailed', { evaluationFailedEventDetails: details });
    return new StateError(error.error, cause);
  }

  #record(thread: Thread, type: string, details: Details = {}): number {
    thread.previous = this.#host.record(type, details, thread.previous);
    return thread.previous;
  }

  #save({ visit, thread }: Attempt): void {
    if (thread.saved) this.#host.save(visit);
  }
}

function exited(name: string, output: unknown, assigned: Record<string, unknown>): Details {
  const variables = Object.entries(assigned).map(([variable, value]) => [variable, JSON.stringify(value)]);
  const details = {
    name,
    output: JSON.stringify(output),
    outputDetails: { truncated: false },
    ...(variables.length > 0 && {
      assignedVariables: Object.fromEntries(variables),
      assignedVariablesDetails: { truncated: false },
    }),
  };
  return { stateExitedEventDetails: details };
}

function limited(state: string, outcome: Outcome): Outcome {
  for (const value of [outcome.output, outcome.assigned]) assertPayloadFits(state, JSON.stringify(value));
  return outcome;
}

/** Java's ISO offset date-time, which is what AWS parses with: `T` and an offset are required. Milliseconds since the epoch. */
function offsetDateTime(text: string): number {
  const valid = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/.test(text);
  const time = valid ? Date.parse(text) : NaN;
  if (!Number.isNaN(time)) return time;
  const cause = `The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: ${text}`;
  throw new StateError('States.QueryEvaluationError', cause, { location: 'Timestamp' });
}
