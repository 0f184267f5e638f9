/**
 * An error as the states language knows it: a name that Retry and Catch match on, and a cause.
 * Thrown by tasks and expressions; anything else that is thrown is a fault of this program, not of the machine.
 */
export class StateError extends Error {
  readonly error: string | undefined;
  readonly errorCause: string | undefined;
  /** Field of the state whose expression failed (`Output/result`); such an error also leaves an EvaluationFailed event. */
  readonly location: string | undefined;

  constructor(error: string | undefined, cause?: string, options: { location?: string } = {}) {
    super(`${error ?? 'no error name'}: ${cause ?? ''}`);
    this.name = 'StateError';
    this.error = error;
    this.errorCause = cause;
    this.location = options.location;
  }

  /** `$states.errorOutput`, and the default output of a catcher. */
  get output(): { Error?: string; Cause?: string } {
    return {
      ...(this.error !== undefined && { Error: this.error }),
      ...(this.errorCause !== undefined && { Cause: this.errorCause }),
    };
  }
}

/** States.ALL does not reach these two: an execution that outgrew its limits must not go on as if it had merely failed. */
const beyondAll = new Set(['States.DataLimitExceeded', 'States.Runtime']);

/** Whether a retrier's or catcher's `ErrorEquals` names this error, by itself or by one of the wildcards. */
export function matchesError(errorEquals: readonly string[], error: StateError): boolean {
  return errorEquals.some(name => {
    if (name === error.error) return name !== 'States.Runtime';
    if (name === 'States.ALL') return !beyondAll.has(error.error ?? '');
    return name === 'States.TaskFailed' && error.error !== 'States.Timeout' && !beyondAll.has(error.error ?? '');
  });
}
