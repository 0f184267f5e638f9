/** State FinalizeOrder of secure-domain. */
import { finalizeOrder } from '../core/domain/finalize.ts';
import { FinalizeOrder } from '../statemachines/secure-domain.ts';
import { certificates, clock, roots, store } from './environment.ts';
import { acme } from './issuer.ts';

export const handler = FinalizeOrder.handler(async input =>
  finalizeOrder(input, {
    store: store(),
    certificates: certificates(),
    acme: await acme(),
    clock,
    random: Math.random,
    roots: roots(),
  }),
);
