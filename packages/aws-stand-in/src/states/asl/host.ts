/** What the interpreter needs from its surroundings, and what it gives to be stored. */

/**
 * One stay in one state, as JSON. A killed process can resume from it. Times in milliseconds since
 * the epoch.
 */
export interface Visit {
  state: string;
  input: unknown;
  variables: Record<string, unknown>;
  enteredAt: number;
  enteredId: number;
  /** `$states.context.State.RetryCount`. */
  retryCount: number;
  retries: number[];
  /** When the Wait ends, or when the next attempt begins. */
  until?: number;
  deadline?: number;
  token?: string;
  /** The token was handed out and the call returned. The task now waits for the token's answer. */
  submitted?: boolean;
}

export interface TaskRequest {
  resource: string;
  arguments: unknown;
  timeoutSeconds?: number;
  token?: string;
  /** If true, wait for the token without another call. */
  submitted: boolean;
  onSubmitted(): void;
  /**
   * Aborted with a StateError when the task's time is over, and with another reason when its result
   * is not needed any more.
   */
  signal: AbortSignal;
  record(type: string, details?: Details): void;
}

export type Details = Record<string, unknown>;

export interface Host {
  now(): number;
  /** Rejects with the signal's reason when it is aborted. */
  sleepUntil(at: number, signal: AbortSignal): Promise<void>;
  random(): number;
  newToken(): string;
  /**
   * Rejects with a StateError if the task failed, and with the signal's reason as soon as it is
   * aborted.
   */
  task(request: TaskRequest): Promise<unknown>;
  record(type: string, details: Details, previousEventId: number): number;
  save(visit: Visit): void;
}

/** The part of `$states.context` that the execution determines. */
export interface ExecutionContext {
  Execution: { Id: string; Name: string; Input: unknown; RoleArn: string; StartTime: string; RedriveCount: number };
  StateMachine: { Id: string; Name: string };
}
