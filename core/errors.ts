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
  /** Not a failure: the road ends here because there is nothing (more) to do. */
  | 'end';

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
  ClaimLost: 'end',
  ClaimedByAnother: 'end',
  DomainDeleted: 'end',
  ImportWanted: 'end',
  MoreWork: 'end',
  NothingToDeliver: 'end',
  RevocationWanted: 'end',
  ServedUnderServer: 'end',
  StillFresh: 'end',
  WishChanged: 'end',
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
  constructor(name: ErrorName, about: string, message: string, options: { cause?: unknown; retryAt?: number } = {}) {
    // Step Functions hands on a message and nothing else, so the time travels in it; release.ts reads it there.
    super(
      options.retryAt === undefined
        ? printable(message)
        : `${printable(message)} [retry at ${new Date(options.retryAt).toISOString()}]`,
      { cause: options.cause },
    );
    this.name = name;
    this.about = about;
    this.retryAt = options.retryAt;
  }
}

export function isSealpostError(error: unknown, name?: ErrorName): error is SealpostError {
  return error instanceof SealpostError && (name === undefined || error.name === name);
}

/** What others wrote (a CAA record, a server's answer, the CA's words) ends on a person's terminal: no control or invisible characters. */
export function printable(text: string): string {
  return text.replace(/\p{C}/gu, ' ');
}
