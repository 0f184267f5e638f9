/** What executions do while they run, for a person who watches them. */

/** An execution entered a state, or ended. */
export interface RoadEvent {
  /** The execution's ARN. */
  execution: string;
  /** `secure-domain`, without the stack's name. */
  machine: string;
  /** The domain or server that the execution is for. */
  subject: string;
  at: number;
  state?: string;
  end?: 'done' | 'failed' | 'timed out' | 'stopped';
  /** Name and message of a failure. */
  error?: string;
  cause?: string;
  /** The delivery that was assembled for the server. */
  delivery?: { seq: number; mode: string; entries: number };
}

export interface Road {
  /** @returns what has happened since the last call, oldest first */
  newEvents(): Promise<RoadEvent[]>;
}
