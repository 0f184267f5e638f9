/** State ReleaseDomain of secure-domain. */
import { releaseDomain } from '../core/secure-domain/release-domain.ts';
import { ReleaseDomain } from '../statemachines/secure-domain.ts';
import { bus, clock, executions, store, zones } from './environment.ts';

export const handler = ReleaseDomain.handler(input =>
  releaseDomain(input, {
    store: store(),
    zones: zones(),
    bus: bus(),
    executions: executions(),
    clock,
    random: Math.random,
  }),
);
