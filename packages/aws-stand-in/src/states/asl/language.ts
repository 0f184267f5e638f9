/**
 * The states language in its JSONata dialect, as far as the interpreter knows it. `definition.ts`
 * refuses everything else.
 */

export interface Definition {
  Comment?: string;
  QueryLanguage: 'JSONata';
  StartAt: string;
  States: Record<string, State>;
  TimeoutSeconds?: number;
}

export interface Retrier {
  ErrorEquals: string[];
  IntervalSeconds?: number;
  MaxAttempts?: number;
  BackoffRate?: number;
  MaxDelaySeconds?: number;
  JitterStrategy?: 'FULL' | 'NONE';
}

export interface Result {
  Output?: unknown;
  Assign?: Record<string, unknown>;
}

export interface Catcher extends Result {
  ErrorEquals: string[];
  Next: string;
}

export interface Rule extends Result {
  Condition: string | boolean;
  Next: string;
}

interface Common extends Result {
  Next?: string;
  End?: boolean;
  Retry?: Retrier[];
  Catch?: Catcher[];
}

export interface TaskState extends Common {
  Type: 'Task';
  Resource: string;
  Arguments?: unknown;
  TimeoutSeconds?: number | string;
}
export interface ChoiceState extends Common {
  Type: 'Choice';
  Choices: Rule[];
  Default?: string;
}
export interface WaitState extends Common {
  Type: 'Wait';
  Seconds?: number | string;
  Timestamp?: string;
}
export interface FailState extends Common {
  Type: 'Fail';
  Error?: string;
  Cause?: string;
}
export interface PassState extends Common {
  Type: 'Pass' | 'Succeed';
}
export type State = TaskState | ChoiceState | WaitState | FailState | PassState;
