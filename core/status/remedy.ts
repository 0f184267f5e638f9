/** What a person can do, in one sentence for each error name: what `sealpost status` says after the reason. A name without one does not compile. */
import type { ErrorName } from '../errors.ts';

const OUR_FAULT =
  "This is a fault of sealpost, not of yours: the execution's history in Step Functions shows the step, and the runbook says how to go on.";

export const remedySentence: Record<ErrorName, string> = {
  AcmeUnavailable: "Wait, it is tried again by itself; if that lasts for hours, look at the CA's status page.",
  AuthorizationPending: 'Wait: the CA is still looking, and is asked again by itself.',
  DnsNotPropagated:
    "Wait, it is tried again by itself; if that lasts, see that each name server of the domain's zone answers, and that all answer alike.",
  ServerUnreachable:
    'See that the server runs and that Systems Manager shows its node online; what waits for it is then delivered by itself.',
  Throttled: 'Wait: AWS was busy, and is asked again by itself.',
  AcmeRejected: 'Remove what the CA names as its reason, then put Domain Changed, or wait for the next try.',
  AcmeRateLimited: "Wait until the CA's limit has passed; if it is met often, ask the CA for a higher one.",
  BudgetSpent:
    'Wait: the domain gets one of the next slots by itself; if many wait, ask the CA for a higher limit of new orders.',
  CaaForbids:
    "Have the domain's CAA records name the CA, or taken away, then put Domain Changed, or wait for the next try.",
  CertificateUnusable:
    'Read what does not fit: if it is the clock or the disk of the server, mend that; the certificate is then made or sent anew at the next try.',
  ChallengeFailed:
    "See that every name server of the domain's zone answers with the line that `sealpost dns` prints, then put Domain Changed, or wait for the next try.",
  DomainNotManaged:
    "Have the line that `sealpost dns` prints put into the domain's zone; the next try finds it, and Domain Changed makes one at once.",
  ImportInUse:
    'Take the certificate off the load balancer (or whatever ACM names) that uses it, or leave it there: it is deleted once nothing does, and ends by itself.',
  ImportQuotaSpent:
    'Mail is served as ever; for ACM ask AWS for a higher quota, delete certificates there that nobody needs, or leave "acm" out of the wish. It is tried again by itself.',
  ImportRefused:
    'Mail is served as ever; read what ACM does not like: mostly the kind of key, or a chain of your own CA. It is tried again by itself.',
  InstallRefused: 'Remove on the server what it gives as its reason; the certificate is offered again by itself.',
  IssuerUnusable:
    'Set right what is said of the issuer (its account, its external account, the setting Issuers); the next try finds it, and Domain Changed makes one at once.',
  ServerFull:
    'Give some of its domains to another mail server, or give the daemon that the reason names more room. The next delivery then offers the certificate again.',
  ServerNotInspected:
    'Wait: the server is being looked at; if that lasts, see that it runs and that Systems Manager shows its node online.',
  ServerNotRegistered: 'Put Mail Server Registered for the server that is named; the domain then goes on by itself.',
  TlsaMismatch:
    "Put the TLSA line that is given beside those of the host's zone; the next try finds it, and `sealpost renew` makes one at once. The old certificate is served until then.",
  InstallRolledBack:
    "The old certificate is served: see in the daemons' logs why the new one was not, and it is offered again by itself.",
  ServedCertificateMismatch:
    'See what else answers at that port (a proxy, a second configuration): it served another certificate than the one just installed.',
  InvalidStepInput: 'Correct the event as the message says, and put it again.',
  DocumentChanged:
    'Deploy the stack again, which brings its own document back, and find out who changed it; nothing is sent to any server before.',
  HostCertificateLost:
    "See in the daemons' configuration and logs on the server why they serve another certificate by default; the next audit delivers its own again.",
  InstallBroken:
    'Look at the server now, it may not serve what it did before; then put Mail Server Registered for it, and deliveries go on.',
  InvalidStepOutput: OUR_FAULT,
  Unexpected: OUR_FAULT,
  ClaimLost: 'Nothing needs doing: it goes on by itself.',
};
