/**
 * An error in the states language: a name that Retry and Catch match, and a cause. Tasks and
 * expressions throw it. Any other error is a fault of this program, not of the machine.
 */
export class StateError extends Error {
  readonly error: string | undefined;
  readonly errorCause: string | undefined;
  /**
   * The field of the state whose expression failed (`Output/result`). Such an error also leaves an
   * EvaluationFailed event.
   */
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

/**
 * States.ALL does not match these two: an execution that exceeded its limits must not continue like
 * one that failed.
 */
const beyondAll = new Set(['States.DataLimitExceeded', 'States.Runtime']);

/**
 * True if the `ErrorEquals` of a retrier or catcher names this error, directly or by a wildcard.
 */
export function matchesError(errorEquals: readonly string[], error: StateError): boolean {
  return errorEquals.some(name => {
    if (name === error.error) return name !== 'States.Runtime';
    if (name === 'States.ALL') return !beyondAll.has(error.error ?? '');
    return name === 'States.TaskFailed' && error.error !== 'States.Timeout' && !beyondAll.has(error.error ?? '');
  });
}
