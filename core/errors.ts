import type { EndName } from './ended.ts';

/**
 * Every way in which an execution can fail. Step Functions matches on the name; an alarm and a
 * heading of the runbook have that name, and a user reads it in `status`. A name without a remedy
 * does not compile.
 */

/** What happens after an error of this name. */
export type Remedy =
  /** The state machine retries with backoff. */
  | 'retry'
  /**
   * The domain is parked with the reason and the time of the next try. Something outside has to
   * change.
   */
  | 'park'
  /** The old certificate is served again, and was seen served. */
  | 'rolled back'
  /** The sender is told, and the error is counted. It pages nobody. */
  | 'tell the sender'
  /** A person is paged. */
  | 'page'
  /** Another execution has the claim on the domain or server, so this one stops. */
  | 'give way';

export const remedies = {
  AcmeUnavailable: 'retry',
  AuthorizationPending: 'retry',
  DnsNotPropagated: 'retry',
  ServerUnreachable: 'retry',
  Throttled: 'retry',
  AcmeRejected: 'park',
  AcmeRateLimited: 'park',
  BudgetSpent: 'park',
  CaaForbids: 'park',
  CertificateUnusable: 'park',
  ChallengeFailed: 'park',
  DomainNotManaged: 'park',
  ImportInUse: 'park',
  ImportQuotaSpent: 'park',
  ImportRefused: 'park',
  InstallRefused: 'park',
  IssuerUnusable: 'park',
  ServerFull: 'park',
  ServerNotInspected: 'park',
  ServerNotRegistered: 'park',
  TlsaMismatch: 'park',
  InstallRolledBack: 'rolled back',
  ServedCertificateMismatch: 'rolled back',
  InvalidStepInput: 'tell the sender',
  DocumentChanged: 'page',
  HostCertificateLost: 'page',
  InstallBroken: 'page',
  InvalidStepOutput: 'page',
  Unexpected: 'page',
  ClaimLost: 'give way',
} as const satisfies Record<string, Remedy>;

export type ErrorName = keyof typeof remedies;

/**
 * An error whose `name` is a literal of the table above: a minifier renames classes, and never this
 * string.
 */
export class SealpostError extends Error {
  override readonly name: ErrorName;
  /** The domain or server of the error. */
  readonly about: string;
  /**
   * Earliest sensible next try, milliseconds since the epoch, if the other side gave one
   * (Retry-After).
   */
  readonly retryAt?: number;

  /**
   * @param name a row of `remedies`
   * @param about the domain or server
   * @param message what happened and what to do next, for a person
   */
  constructor(
    name: ErrorName | EndName,
    about: string,
    message: string,
    options: { cause?: unknown; retryAt?: number } = {},
  ) {
    super(printable(message), { cause: options.cause });
    // An end is thrown by functions that do not return it yet.
    this.name = name as ErrorName;
    this.about = about;
    this.retryAt = options.retryAt;
  }
}

/** An error as a later step gets it, and as a domain is parked with it. */
export interface Failure {
  /** An ErrorName, or the name of an error of AWS or of our own code. */
  name: string;
  message: string;
  /** Earliest sensible next try, milliseconds since the epoch. */
  retryAt?: number;
}

export function isSealpostError(error: unknown, name?: ErrorName): error is SealpostError {
  return error instanceof SealpostError && (name === undefined || error.name === name);
}

/**
 * Replaces control and invisible characters. Text of other parties (a CAA record, a server's
 * answer, the CA's text) ends up on a person's terminal.
 */
export function printable(text: string): string {
  return text.replace(/\p{C}/gu, ' ');
}
