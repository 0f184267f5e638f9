/** State CreateOrder of secure-domain. */
import { claimItems } from '../aws/claim-items.ts';
import { issuerItems } from '../aws/issuer-items.ts';
import { createOrder } from '../core/secure-domain/create-order.ts';
import { CreateOrder } from '../statemachines/secure-domain.ts';
import { clock, storeOf } from './environment.ts';
import { issuerNamed, newAcme, registerAgain } from './issuer.ts';

export const handler = CreateOrder.handler(async input => {
  const issuer = issuerNamed(input.issuer);
  const acme = await newAcme(issuer);
  return createOrder(input, {
    store: storeOf(claimItems, issuerItems),
    acme,
    registerAgain: () => registerAgain(issuer),
    clock,
    issuer,
  });
});
