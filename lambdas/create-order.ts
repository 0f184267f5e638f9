/** State CreateOrder of secure-domain. */
import { createOrder } from '../core/domain/order.ts';
import { CreateOrder } from '../statemachines/secure-domain.ts';
import { clock, setting, store } from './environment.ts';
import { newAcme, registerAgain } from './issuer.ts';

export const handler = CreateOrder.handler(async input =>
  createOrder(input, { store: store(), acme: await newAcme(), registerAgain, clock, profile: setting('ACME_PROFILE') }),
);
