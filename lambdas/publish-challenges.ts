/** State PublishChallenges of secure-domain. */
import { claimItems } from '../aws/claim-items.ts';
import { publishChallenges } from '../core/secure-domain/publish-challenges.ts';
import { PublishChallenges } from '../statemachines/secure-domain.ts';
import { clock, setting, storeOf, zones } from './environment.ts';

export const handler = PublishChallenges.handler(input =>
  publishChallenges(input, {
    store: storeOf(claimItems),
    zones: zones(),
    clock,
    propagationMs: Number(setting('DNS_PROPAGATION_SECONDS')) * 1000,
  }),
);
