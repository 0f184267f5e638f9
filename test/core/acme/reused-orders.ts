/**
 * A CA that hands an order out again. Boulder answers newOrder with the account's pending or ready
 * order for the same names, if there is one; Pebble makes a new one each time.
 */
import type { Acme } from '../../../core/acme/client.ts';

/** The orders that the CA has made, by their names. */
export type MadeOrders = Map<string, string>;

export function reusingOrders(acme: Acme, made: MadeOrders): Acme {
  const newOrder: Acme['newOrder'] = async wish => {
    const names = [...wish.names].sort().join(' ');
    const known = made.get(names);
    const order = known === undefined ? undefined : await acme.order(known);
    if (order && ['pending', 'ready'].includes(order.status)) return order;
    const fresh = await acme.newOrder(wish);
    made.set(names, fresh.url);
    return fresh;
  };
  return Object.assign(Object.create(acme) as Acme, { newOrder });
}
