/** What the interpreter needs of the world, and what it gives to be kept. */

/** One stay in one state: JSON, and enough to go on from after the process was killed. Times in milliseconds since the epoch. */
export interface Visit {
  state: string;
  input: unknown;
  variables: Record<string, unknown>;
  enteredAt: number;
  /** Id of the StateEntered event. */
  enteredId: number;
  /** `$states.context.State.RetryCount`. */
  retryCount: number;
  /** How often each retrier was used. */
  retries: number[];
  /** When the Wait ends, or when the next attempt begins. */
  until?: number;
  /** When the task times out. */
  deadline?: number;
  token?: string;
  /** The token was handed out and the call returned: what remains is to wait for it. */
  submitted?: boolean;
}

export interface TaskRequest {
  resource: string;
  arguments: unknown;
  timeoutSeconds?: number;
  /** For `.waitForTaskToken`. */
  token?: string;
  /** Do not call again, only wait for the token. */
  submitted: boolean;
  onSubmitted(): void;
  /** Aborted with a StateError when the task's time is over, with anything else when its result is no longer wanted. */
  signal: AbortSignal;
  record(type: string, details?: Details): void;
}

export type Details = Record<string, unknown>;

export interface Host {
  now(): number;
  /** Rejects with the signal's reason when it is aborted. */
  sleepUntil(at: number, signal: AbortSignal): Promise<void>;
  /** From 0 to 1, for jitter. */
  random(): number;
  newToken(): string;
  /** Rejects with a StateError when the task failed, and with the signal's reason as soon as it is aborted. */
  task(request: TaskRequest): Promise<unknown>;
  /** Appends to the history; returns the event's id. */
  record(type: string, details: Details, previousEventId: number): number;
  save(visit: Visit): void;
}

/** `$states.context` as far as the execution determines it. */
export interface ExecutionContext {
  Execution: { Id: string; Name: string; Input: unknown; RoleArn: string; StartTime: string; RedriveCount: number };
  StateMachine: { Id: string; Name: string };
}
