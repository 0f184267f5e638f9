/** State PublishChallenges of secure-domain. */
import { publishChallenges } from '../core/secure-domain/publish-challenges.ts';
import { PublishChallenges } from '../statemachines/secure-domain.ts';
import { clock, setting, store, zones } from './environment.ts';

export const handler = PublishChallenges.handler(input =>
  publishChallenges(input, {
    store: store(),
    zones: zones(),
    clock,
    propagationMs: Number(setting('DNS_PROPAGATION_SECONDS')) * 1000,
  }),
);
