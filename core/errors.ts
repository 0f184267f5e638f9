import type { EndName } from './ended.ts';

/**
 * Every way in which the road can end otherwise than well. The name is what Step Functions matches on, what an alarm
 * and a runbook heading are called, and what a user reads in `status`; a name without a remedy does not compile.
 */

/** What happens after an error of this name. */
export type Remedy =
  /** Tried again by the state machine, with backoff. */
  | 'retry'
  /** The domain is parked with its reason and a next try; somebody or something outside has to change. */
  | 'park'
  /** The old certificate is served again and was seen. */
  | 'rolled back'
  /** The sender is told and it is counted; it pages nobody. */
  | 'tell the sender'
  /** A person is paged. */
  | 'page'
  /** Another execution has taken the domain or server over, and this one stops. */
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

/** An error whose `name` is a literal of the table above: a minifier renames classes, never this string. */
export class SealpostError extends Error {
  override readonly name: ErrorName;
  /** The domain or server that it is about. */
  readonly about: string;
  /** Earliest sensible next try, in milliseconds since the epoch, where the other side said so (Retry-After). */
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

/** An error as a later step is told of it, and as a domain is parked with it. */
export interface Failure {
  /** An ErrorName, or the name of an error of AWS's or of our code. */
  name: string;
  message: string;
  /** Earliest sensible next try, in milliseconds since the epoch. */
  retryAt?: number;
}

export function isSealpostError(error: unknown, name?: ErrorName): error is SealpostError {
  return error instanceof SealpostError && (name === undefined || error.name === name);
}

/** What others wrote (a CAA record, a server's answer, the CA's words) ends on a person's terminal: no control or invisible characters. */
export function printable(text: string): string {
  return text.replace(/\p{C}/gu, ' ');
}
