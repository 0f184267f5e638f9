/** State ClaimDomain of secure-domain. */
import { directoryOf } from '../core/acme/directory.ts';
import { claimDomain } from '../core/secure-domain/claim-domain.ts';
import { ClaimDomain } from '../statemachines/secure-domain.ts';
import { bus, certificates, clock, dns, executions, issuers, setting, store, zones } from './environment.ts';

export const handler = ClaimDomain.handler(event =>
  claimDomain(event, {
    store: store(),
    zones: zones(),
    dns: dns(),
    bus: bus(),
    executions: executions(),
    certificates: certificates(),
    clock,
    challengeZone: { id: setting('CHALLENGE_ZONE_ID'), name: setting('CHALLENGE_ZONE_NAME') },
    issuers: issuers(),
    directoryOf: issuer => directoryOf(issuer, clock.now()),
  }),
);
