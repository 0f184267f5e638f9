/** States ParkIfClaimed, ParkForPerson and ParkDomain of secure-domain. */
import { parkDomain } from '../core/secure-domain/park-domain.ts';
import { ParkDomain } from '../statemachines/secure-domain.ts';
import { bus, clock, executions, issuers, metrics, store, zones } from './environment.ts';

export const handler = ParkDomain.handler(input =>
  parkDomain(input, {
    store: store(),
    zones: zones(),
    bus: bus(),
    executions: executions(),
    issuers: issuers(),
    metrics: metrics(),
    clock,
    random: Math.random,
  }),
);
