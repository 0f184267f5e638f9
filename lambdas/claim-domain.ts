/** State ClaimDomain of secure-domain. */
import { claimItems } from '../aws/claim-items.ts';
import { domainItems } from '../aws/domain-items.ts';
import { issuerItems } from '../aws/issuer-items.ts';
import { serverItems } from '../aws/server-items.ts';
import { waitingItems } from '../aws/waiting-items.ts';
import { workItems } from '../aws/work-items.ts';
import { directoryOf } from '../core/acme/directory.ts';
import { claimDomain } from '../core/secure-domain/claim-domain.ts';
import { ClaimDomain } from '../statemachines/secure-domain.ts';
import { bus, certificates, clock, dns, executions, issuers, setting, storeOf, zones } from './environment.ts';

export const handler = ClaimDomain.handler(event =>
  claimDomain(event, {
    store: storeOf(domainItems, claimItems, workItems, serverItems, waitingItems, issuerItems),
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
