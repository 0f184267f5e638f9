/** State FinalizeOrder of secure-domain. */
import { claimItems } from '../aws/claim-items.ts';
import { serverItems } from '../aws/server-items.ts';
import { workItems } from '../aws/work-items.ts';
import { finalizeOrder } from '../core/secure-domain/finalize-order.ts';
import { FinalizeOrder } from '../statemachines/secure-domain.ts';
import { certificates, clock, dns, quietHours, roots, storeOf } from './environment.ts';
import { acme, issuerNamed } from './issuer.ts';

export const handler = FinalizeOrder.handler(async input => {
  const issuer = issuerNamed(input.issuer);
  return finalizeOrder(input, {
    store: storeOf(claimItems, workItems, serverItems),
    certificates: certificates(),
    acme: await acme(issuer),
    dns: dns(),
    issuer,
    clock,
    random: Math.random,
    quietHours: quietHours(),
    roots: roots(),
  });
});
