/** State RevokeCertificate of secure-domain. */
import { claimItems } from '../aws/claim-items.ts';
import { domainIn } from '../core/events/domain-in.ts';
import { revokeCertificate } from '../core/secure-domain/revoke-certificate.ts';
import { RevokeCertificate } from '../statemachines/secure-domain.ts';
import { bus, certificates, clock, executions, storeOf } from './environment.ts';
import { acme, issuerNamed } from './issuer.ts';

export const handler = RevokeCertificate.handler(input =>
  revokeCertificate(
    { domain: domainIn(input), execution: input.execution },
    {
      store: storeOf(claimItems),
      certificates: certificates(),
      acmeAt: issuer => acme(issuerNamed(issuer)),
      bus: bus(),
      executions: executions(),
      clock,
    },
  ),
);
