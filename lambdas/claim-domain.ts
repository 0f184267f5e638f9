/** State ClaimDomain of secure-domain. */
import { asSealpostError } from '../core/acme/problem.ts';
import { openConnection } from '../core/acme/transport.ts';
import { claimDomain } from '../core/domain/claim.ts';
import { ClaimDomain } from '../statemachines/secure-domain.ts';
import { budget, clock, dns, executions, issuer, setting, store, zones } from './environment.ts';

const caaIdentities = async () => {
  const { directoryUrl } = issuer();
  const directory = await openConnection(issuer())
    .directory()
    .catch((error: unknown) => Promise.reject(asSealpostError(error, directoryUrl, clock.now())));
  return directory.meta?.caaIdentities ?? [];
};

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
