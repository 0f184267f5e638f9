/** Step Functions, as the product uses it. */
export interface Executions {
  /**
   * Starts an execution. The call is idempotent: an execution of the same name is not started
   * twice.
   */
  start(machine: 'secure-domain' | 'deliver-to-server', name: string, input: unknown): Promise<void>;
  /** Resumes a waiting task. An unknown or used token is ignored. */
  succeed(token: string, output: unknown): Promise<void>;
}
