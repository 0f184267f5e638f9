/** The road while it is walked: what its executions did last, for a person who looks on. */

/** A state that an execution came to, or its end. */
export interface RoadEvent {
  /** The execution's ARN. */
  execution: string;
  /** `secure-domain`, without the stack's name. */
  machine: string;
  /** The domain or server that it is for. */
  subject: string;
  at: number;
  state?: string;
  end?: 'done' | 'failed' | 'timed out' | 'stopped';
  /** What a failure was called, and what it said. */
  error?: string;
  cause?: string;
  /** The delivery that was assembled: what its server is being sent. */
  delivery?: { seq: number; mode: string; entries: number };
}

export interface Road {
  /** What has happened since the last look, the oldest first. */
  look(): Promise<RoadEvent[]>;
}
