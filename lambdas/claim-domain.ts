/** State ClaimDomain of secure-domain. */
import { openConnection } from '../core/acme/transport.ts';
import { claimDomain } from '../core/domain/claim.ts';
import { ClaimDomain } from '../statemachines/secure-domain.ts';
import { budget, clock, dns, executions, issuer, setting, store, zones } from './environment.ts';

const caaIdentities = async () => (await openConnection(issuer()).directory()).meta?.caaIdentities ?? [];

export const handler = ClaimDomain.handler(event =>
  claimDomain(event, {
    store: store(),
    zones: zones(),
    dns: dns(),
    executions: executions(),
    clock,
    challengeZone: { id: setting('CHALLENGE_ZONE_ID'), name: setting('CHALLENGE_ZONE_NAME') },
    budget: budget(),
    caaIdentities,
  }),
);
