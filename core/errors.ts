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
  /** The sender is told, and the error is counted; the error pages nobody. */
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
  RoleOpen: 'page',
  Unexpected: 'page',
  ClaimLost: 'give way',
} as const satisfies Record<string, Remedy>;

export type ErrorName = keyof typeof remedies;

const OUR_FAULT =
  "This is a fault of sealpost. The execution's history in Step Functions shows the step, and the runbook says how to continue.";

/** What a person can do: `sealpost status` shows the sentence after the reason. */
export const remedySentence: Record<ErrorName, string> = {
  AcmeUnavailable: "Wait: the order is retried by itself. If the error lasts for hours, read the CA's status page.",
  AuthorizationPending: 'Wait: the CA still validates, and is asked again by itself.',
  DnsNotPropagated:
    "Wait: the lookup is retried by itself. If the error lasts, make sure that each name server of the domain's zone answers, all with the same values.",
  ServerUnreachable:
    'Make sure that the server runs and that Systems Manager shows its node online. The work that waits is then delivered by itself.',
  Throttled: 'Wait: AWS was busy or did not answer, and is asked again by itself.',
  AcmeRejected: 'Remove the reason that the CA names. Then send Domain Changed, or wait for the next try.',
  AcmeRateLimited:
    "Wait until the CA's limit has passed. If orders reach the limit often, ask the CA for a higher one.",
  BudgetSpent:
    'Wait: the domain gets one of the next slots by itself. If many domains wait, ask the CA for a higher limit of new orders.',
  CaaForbids:
    "Have the CA named in the domain's CAA records, or have the records removed. Then send Domain Changed, or wait for the next try.",
  CertificateUnusable:
    'Read what does not fit. If the cause is the clock or the disk of the server, correct the server. The next try orders or delivers the certificate again.',
  ChallengeFailed:
    "Make sure that every name server of the domain's zone answers with the line that `sealpost dns` prints. Then send Domain Changed, or wait for the next try.",
  DomainNotManaged:
    "Have the line that `sealpost dns` prints added to the domain's zone. The next try finds the line; Domain Changed makes a try at once.",
  ImportInUse:
    'Remove the certificate from the load balancer that uses the certificate (or from what else ACM names), or leave it: sealpost deletes the certificate once nothing uses it.',
  ImportQuotaSpent:
    'Mail is served. For ACM, ask AWS for a higher quota, delete certificates in ACM that nobody needs, or leave "acm" out of the wish. The import is retried by itself.',
  ImportRefused:
    'Mail is served. Read what ACM refuses: usually the kind of key, or a chain of your own CA. The import is retried by itself.',
  InstallRefused:
    "Remove the reason on the server, which the server's answer names. The certificate is delivered again by itself.",
  IssuerUnusable:
    "Correct the issuer's account, its external account or its entry in the setting Issuers. The next try uses the correction; Domain Changed makes a try at once.",
  ServerFull:
    'Move some of its domains to another mail server, or give the daemon that the reason names more memory. The next delivery then includes the certificate again.',
  ServerNotInspected:
    'Wait: the server is being inspected. If the error lasts, make sure that the server runs and that Systems Manager shows its node online.',
  ServerNotRegistered:
    'Send Mail Server Registered for the server that the message names. The domain then continues by itself.',
  TlsaMismatch:
    "Add the TLSA line that the message names to the host's zone, beside the present lines. The next try finds the line; `sealpost renew` makes a try at once. The old certificate is served until then.",
  InstallRolledBack:
    "The old certificate is served. Find in the daemons' logs why the new certificate was not served; it is delivered again by itself.",
  ServedCertificateMismatch:
    'Find what else answers at that port (a proxy, a second configuration): it served another certificate than the one just installed.',
  InvalidStepInput: 'Correct the event as the message says, and send the event again.',
  DocumentChanged:
    'Deploy the stack again, which restores its document, and find out who changed the document. Until then nothing is sent to any server.',
  HostCertificateLost:
    "Find in the daemons' configuration and logs on the server why they serve another certificate by default. The next audit delivers the host's certificate again.",
  InstallBroken:
    'Check the server now: it may not serve what it served before. Then send Mail Server Registered for the server, and deliveries continue.',
  InvalidStepOutput: OUR_FAULT,
  RoleOpen:
    "Let the role's trust policy name ec2.amazonaws.com and ssm.amazonaws.com alone, and find out who changed it. Until then this server gets no delivery.",
  Unexpected: OUR_FAULT,
  ClaimLost: 'Nothing needs to be done: the other execution continues.',
};

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
   * @param why.about the domain or server
   * @param why.message what happened and what to do next, for a person
   * @param why.retryAt as the property
   */
  constructor(
    name: ErrorName,
    { about, message, cause, retryAt }: { about: string; message: string; cause?: unknown; retryAt?: number },
  ) {
    super(shortened(printable(message)), { cause });
    this.name = name;
    this.about = about;
    this.retryAt = retryAt;
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

/** True if the sweep mends what the error left undone, within minutes: nobody is paged for it. */
export function passesByItself(error: unknown): boolean {
  return isSealpostError(error, 'ServerUnreachable') || isSealpostError(error, 'Throttled');
}

/**
 * Bytes of a message. A message is stored with its domain, published and shown; a CA, a name server
 * or a mail server may write any amount into one.
 */
const MESSAGE_BYTES = 2_048;

function shortened(text: string): string {
  if (Buffer.byteLength(text) <= MESSAGE_BYTES) return text;
  // A character that is cut in the middle decodes as U+FFFD and is dropped.
  const cut = Buffer.from(text)
    .subarray(0, MESSAGE_BYTES - 3)
    .toString();
  return `${cut.replace(/\ufffd$/, '')}…`;
}

/**
 * Replaces control and invisible characters. Text of other parties (a CAA record, a server's
 * answer, the CA's text) ends up on a person's terminal.
 */
export function printable(text: string): string {
  return text.replace(/\p{C}/gu, ' ');
}
