/** State Validate of secure-domain. */
import { claimItems } from '../aws/claim-items.ts';
import { validate } from '../core/secure-domain/validate.ts';
import { Validate } from '../statemachines/secure-domain.ts';
import { clock, dns, storeOf } from './environment.ts';
import { acme, issuerNamed } from './issuer.ts';

export const handler = Validate.handler(async input =>
  validate(input, { store: storeOf(claimItems), acme: await acme(issuerNamed(input.issuer)), dns: dns(), clock }),
);
