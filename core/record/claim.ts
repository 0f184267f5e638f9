/** A claim: the lease by which one execution of secure-domain, and no other, works for a domain. */
export interface Claim {
  domain: string;
  /** Name of the execution that owns the claim. */
  me: string;
  /**
   * The record's counter `wanted` when the plan was made; without a plan, when the claim was taken.
   * A higher one means that a newer wish came.
   */
  seen: number;
  /** When the step began, milliseconds since the epoch. */
  now: number;
}

/** The claim of one execution on a server, as a step opens it once and hands it on. */
export interface ServerClaim {
  server: string;
  /** Name of the execution. */
  me: string;
  /** When the step began. */
  now: number;
}
