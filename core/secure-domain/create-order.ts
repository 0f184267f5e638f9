/** CreateOrder: a new order at the CA (RFC 8555 §7.4), or the order on record, read again. */
import { accountTrouble, isAccountUnknown } from '../acme/account.ts';
import type { Acme } from '../acme/client.ts';
import type { Issuer } from '../acme/issuer.ts';
import { openOrder } from '../acme/order.ts';
import { isProblem } from '../acme/problem.ts';
import { openClaim } from '../claim/open-claim.ts';
import type { Clock } from '../clock.ts';
import { isSealpostError } from '../errors.ts';
import { budgetSpent, reservePlaces, withoutOrder } from '../issuer/budget.ts';
import type { ClaimStore } from '../ports/claim-store.ts';
import type { IssuerStore } from '../ports/issuer-store.ts';
import type { Plan } from '../record/plan.ts';
import { certificateId, idOf, type Ordered } from './ordered.ts';

export interface CreateOrderPorts {
  store: Pick<ClaimStore, 'renewDomain' | 'recordOrder' | 'recordReservation' | 'forgetOrder'> &
    Pick<IssuerStore, 'reserveOrder'>;
  acme: Acme;
  /** Registers the account again at a CA that does not know it any more. */
  registerAgain: () => Promise<void>;
  clock: Clock;
  /** The issuer of the plan; `acme` is our account there. */
  issuer: Issuer;
}

/**
 * @throws SealpostError BudgetSpent, AcmeRateLimited, AcmeRejected, AcmeUnavailable,
 *   IssuerUnusable, Throttled, ClaimLost
 */
export async function createOrder(input: Plan & { execution: string }, ports: CreateOrderPorts): Promise<Ordered> {
  const { store, acme, issuer } = ports;
  const { execution: _, ...plan } = input;
  const { claim, record } = await openClaim(input, ports);
  let { reserved } = record;
  // ClaimDomain reserves no slot for an order that `replaces` a certificate, nor where an order is
  // on record. The CA may refuse the one and have lost the other.
  const reserve = async () => {
    const asked = { claim, record: { ...record, reserved }, names: plan.names, latest: Infinity };
    const slot = await reservePlaces(issuer, asked, store);
    reserved = slot.reserved;
    if (slot.wait) throw budgetSpent(issuer, asked, slot.wait);
  };
  const ask = {
    names: plan.names,
    profile: plan.profile ?? issuer.profile,
    replaces: plan.replaces,
    now: ports.clock.now,
    beforeCounted: reserve,
  };
  const open = (existingUrl?: string) => openOrder(acme, { ...ask, existingUrl });
  const openAnyhow = (existingUrl?: string) =>
    open(existingUrl).catch(async (error: unknown) => {
      if (!isAccountUnknown(error)) throw error;
      await ports.registerAgain();
      return open(existingUrl);
    });
  if (record.order) {
    const order = await openAnyhow(record.order.url);
    if (order.status !== 'invalid') return { ...plan, order, certificateId: idOf(record.order) };
    // The order has expired, or the CA does not know it any more.
    await store.forgetOrder(claim, record.order);
  }
  const order = await openAnyhow().catch((error: unknown) => {
    throw isOfIssuer(error, plan) ? accountTrouble(error, issuer) : error;
  });
  const { names: planned, profile } = plan;
  const made = {
    ...{ url: order.url, planned, issuer: issuer.name, ...(profile && { profile }) },
    certificate: certificateId(order.url, claim.now),
  };
  const onRecord = await store.recordOrder(claim, made, withoutOrder(reserved, issuer.name));
  return {
    ...plan,
    order: onRecord.url === order.url ? order : await open(onRecord.url),
    certificateId: idOf(onRecord),
  };
}

/**
 * The CA refused the order because of the account (RFC 8555 §6.7, §7.3.3: deactivated, new terms),
 * or because of a profile that our own setting names.
 */
function isOfIssuer(error: unknown, { profile }: Plan): boolean {
  const ofAccount = ['unauthorized', 'accountDoesNotExist', 'userActionRequired', 'externalAccountRequired'];
  return isSealpostError(error) && isProblem(error.cause, ...ofAccount, ...(profile ? [] : ['invalidProfile']));
}
