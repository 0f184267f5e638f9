/** State RevokeCertificate of secure-domain. */
import { domainIn } from '../core/events/domain-in.ts';
import { revokeCertificate } from '../core/secure-domain/revoke-certificate.ts';
import { RevokeCertificate } from '../statemachines/secure-domain.ts';
import { bus, certificates, clock, executions, store } from './environment.ts';
import { acme, issuerNamed } from './issuer.ts';

export const handler = RevokeCertificate.handler(input =>
  revokeCertificate(
    { domain: domainIn(input), execution: input.execution },
    {
      store: store(),
      certificates: certificates(),
      acmeAt: issuer => acme(issuerNamed(issuer)),
      bus: bus(),
      executions: executions(),
      clock,
    },
  ),
);
