/** A plan with its order, and where the order's key and chain lie. */
import { createHash } from 'node:crypto';
import type { OrderState } from '../acme/order.ts';
import type { OrderOnRecord } from '../record/domain.ts';
import type { Plan } from '../record/plan.ts';

/** What the steps after CreateOrder hand on. */
export type Ordered = Plan & {
  order: OrderState;
  /** `OrderOnRecord.certificate`; absent in an execution that an earlier version began. */
  certificateId?: string;
};

/**
 * Where an order's key and chain lie. A CA hands a pending or ready order of the same names out
 * again (Boulder does), so an order that was forgotten comes back under its URL. Its key must not
 * come back: it may be refused, or in wrong hands. So the id has the moment of the record, too.
 */
export function certificateId(orderUrl: string, recordedAt?: number): string {
  const text = recordedAt === undefined ? orderUrl : `${orderUrl} ${recordedAt}`;
  return createHash('sha256').update(text).digest('hex');
}

/** @returns the id of the certificate that the order makes */
export function idOf({ url, certificate = certificateId(url) }: OrderOnRecord): string {
  return certificate;
}
