/**
 * Walks a state machine. The host provides time, tasks, history and storage, so that a test runs an
 * hour's wait in a millisecond. A killed process resumes from what `save` was called with last.
 */
import { attempt, complete, type Outcome, type Scope } from './attempt.ts';
import type { Details, ExecutionContext, Host, Visit } from './host.ts';
import type { Catcher, Definition, State } from './language.ts';
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

/** The machine's own TimeoutSeconds is over. No state can catch this. */
export class ExecutionTimedOut extends Error {
  override readonly name = 'ExecutionTimedOut';
}

/**
 * Runs an execution to its end and returns its output.
 * @throws StateError if it failed; ExecutionTimedOut; the signal's reason if it was stopped
 */
export async function execute({ signal, ...run }: Run): Promise<unknown> {
  const { definition, context, host, resume } = run;
  const overall = new AbortController();
  const ended = new AbortController();
  if (definition.TimeoutSeconds !== undefined) {
    const end = Date.parse(context.Execution.StartTime) + definition.TimeoutSeconds * 1000;
    const timeOut = () => overall.abort(new ExecutionTimedOut());
    host.sleepUntil(end, ended.signal).then(timeOut, () => {});
  }
  // A task that was in flight runs again, with a new token and its full time: at least once, as on
  // AWS.
  if (resume && !resume.visit.submitted) Object.assign(resume.visit, { token: undefined, deadline: undefined });
  try {
    return await new Walker({ ...run, signal: AbortSignal.any([signal, overall.signal]) }).walk();
  } finally {
    ended.abort();
  }
}

class Walker {
  readonly #run: Run;
  #variables: Record<string, unknown>;
  /** The id of the previous event. */
  #previous: number;

  constructor(run: Run) {
    this.#run = run;
    this.#variables = run.resume?.visit.variables ?? {};
    this.#previous = run.resume?.lastEventId ?? 0;
  }

  async walk(): Promise<unknown> {
    const { definition, context, signal, resume } = this.#run;
    let visit = resume?.visit ?? this.#enter(definition.StartAt, context.Execution.Input);
    for (;;) {
      const state = definition.States[visit.state]!;
      const { output, assigned, next } = await this.#settle(this.#scope(state, visit));
      signal.throwIfAborted();
      this.#record(`${state.Type}StateExited`, exited(visit.state, output, assigned));
      this.#variables = { ...this.#variables, ...assigned };
      if (next === undefined) return output;
      visit = this.#enter(next, output);
    }
  }

  #scope(state: State, visit: Visit): Scope {
    const { context, host, signal } = this.#run;
    return {
      ...{ state, visit, variables: this.#variables, context, host, signal },
      record: (type, details) => void this.#record(type, details),
      save: () => host.save(visit),
    };
  }

  #enter(state: string, input: unknown): Visit {
    const { definition, host } = this.#run;
    const name = { name: state, input: JSON.stringify(input), inputDetails: { truncated: false } };
    const type = definition.States[state]!.Type;
    const enteredId = this.#record(`${type}StateEntered`, { stateEnteredEventDetails: name });
    const enteredAt = host.now();
    const visit: Visit = { state, input, variables: this.#variables, enteredAt, enteredId, retryCount: 0, retries: [] };
    host.save(visit);
    return visit;
  }

  /** Attempts until one succeeds, no retrier is left, or a catcher names the next state. */
  async #settle(scope: Scope): Promise<Outcome> {
    const { state, visit, signal, host } = scope;
    for (;;) {
      if (state.Retry && visit.until !== undefined) {
        await host.sleepUntil(visit.until, signal);
        delete visit.until;
      }
      try {
        return limited(visit.state, await attempt(scope));
      } catch (thrown) {
        if (!(thrown instanceof StateError) || signal.aborted) throw thrown;
        const error = evaluationFailed(thrown, scope);
        const delay = retryDelay(state.Retry, visit.retries, error, host.random);
        if (delay === undefined) return caught(state.Catch, error, scope);
        visit.retryCount += 1;
        visit.until = host.now() + delay;
        for (const field of ['deadline', 'token', 'submitted'] as const) delete visit[field];
        scope.save();
      }
    }
  }

  #record(type: string, details: Details = {}): number {
    this.#previous = this.#run.host.record(type, details, this.#previous);
    return this.#previous;
  }
}

async function caught(catchers: Catcher[] | undefined, error: StateError, scope: Scope): Promise<Outcome> {
  const index = catchers?.findIndex(catcher => matchesError(catcher.ErrorEquals, error)) ?? -1;
  if (index < 0) throw error;
  const catcher = catchers![index]!;
  try {
    return await complete(scope, {
      holder: catcher,
      next: catcher.Next,
      otherwise: error.output,
      states: { errorOutput: error.output },
      path: `Catch[${index}]/`,
    });
  } catch (thrown) {
    throw thrown instanceof StateError ? evaluationFailed(thrown, scope) : thrown;
  }
}

/**
 * As on AWS, a failed expression leaves an event of its own, and its cause says where it failed.
 */
function evaluationFailed(error: StateError, { visit, record }: Scope): StateError {
  if (error.location === undefined) return error;
  const cause = `An error occurred while executing the state '${visit.state}' (entered at the event id #${visit.enteredId}). ${error.errorCause}`;
  const details = { error: error.error, cause, location: error.location, state: visit.state };
  record('EvaluationFailed', { evaluationFailedEventDetails: details });
  return new StateError(error.error, cause);
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
