/** States ParkIfClaimed, ParkForPerson and ParkDomain of secure-domain. */
import { acmItems } from '../aws/acm-items.ts';
import { claimItems } from '../aws/claim-items.ts';
import { issuerItems } from '../aws/issuer-items.ts';
import { serverItems } from '../aws/server-items.ts';
import { waitingItems } from '../aws/waiting-items.ts';
import { parkDomain } from '../core/secure-domain/park-domain.ts';
import { ParkDomain } from '../statemachines/secure-domain.ts';
import { bus, clock, executions, issuers, metrics, storeOf, zones } from './environment.ts';

export const handler = ParkDomain.handler(input =>
  parkDomain(input, {
    store: storeOf(claimItems, serverItems, acmItems, issuerItems, waitingItems),
    zones: zones(),
    bus: bus(),
    executions: executions(),
    issuers: issuers(),
    metrics: metrics(),
    clock,
    random: Math.random,
  }),
);
