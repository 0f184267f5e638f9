/** State ClaimDomain of secure-domain. */
import { caaIdentities } from '../core/acme/caa-identities.ts';
import { claimDomain } from '../core/domain/claim.ts';
import { ClaimDomain } from '../statemachines/secure-domain.ts';
import { budget, clock, dns, executions, issuer, setting, store, zones } from './environment.ts';

export const handler = ClaimDomain.handler(event =>
  claimDomain(event, {
    store: store(),
    zones: zones(),
    dns: dns(),
    executions: executions(),
    clock,
    challengeZone: { id: setting('CHALLENGE_ZONE_ID'), name: setting('CHALLENGE_ZONE_NAME') },
    budget: budget(),
    caaIdentities: () => caaIdentities(issuer(), clock.now()),
  }),
);
