/** Step Functions, as the product uses it. */
export interface Executions {
  /** Starts an execution; one of that name that is there already is the same. */
  start(machine: 'secure-domain' | 'deliver-to-server', name: string, input: unknown): Promise<void>;
  /** Resumes a task; a token that is gone is ignored. */
  succeed(token: string, output: unknown): Promise<void>;
}
