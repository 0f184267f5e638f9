/** State ReleaseDomain of secure-domain. */
import { claimItems } from '../aws/claim-items.ts';
import { serverItems } from '../aws/server-items.ts';
import { releaseDomain } from '../core/secure-domain/release-domain.ts';
import { ReleaseDomain } from '../statemachines/secure-domain.ts';
import { bus, clock, executions, storeOf, zones } from './environment.ts';

export const handler = ReleaseDomain.handler(input =>
  releaseDomain(input, {
    store: storeOf(claimItems, serverItems),
    zones: zones(),
    bus: bus(),
    executions: executions(),
    clock,
    random: Math.random,
  }),
);
