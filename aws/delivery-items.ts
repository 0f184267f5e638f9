/** Deliveries: in item `S#<server>` `/S`, and `T#<hash>` (tokens). */
import type { DeliveryStore } from '../core/ports/delivery-store.ts';
import { tokenKey } from './keys.ts';
import { ownedServer } from './owned.ts';
import type { Table } from './table.ts';

/** A command without an answer is looked at by the sweep after this. */
const LOOK_AFTER_MS = 120_000;

export function deliveryItems(table: Table): DeliveryStore {
  const mine = ownedServer(table);

  return {
    async startDelivery({ server, me }, delivery) {
      await mine(server, me, {
        set: 'SET #delivery = :delivery, #seq = :seq',
        values: { delivery, seq: delivery.seq, before: delivery.seq - 1 },
        condition: '#seq = :before AND attribute_not_exists(#delivery)',
      });
    },

    async recordCommand({ server, me }, { hash, commandId, sentAt }) {
      await mine(server, me, {
        set: 'SET #delivery.#commandId = :commandId, #delivery.#sentAt = :sentAt, #dueAt = :look',
        values: { commandId, sentAt, look: sentAt + LOOK_AFTER_MS, hash },
        condition: '#delivery.#hash = :hash',
      });
    },

    async endDelivery({ server, me }, { hash, changes, forget = [] }) {
      const given = Object.entries(changes).filter(([, value]) => value !== undefined);
      const set = given.length > 0 ? `SET ${given.map(([name]) => `#${name} = :${name}`).join(', ')} ` : '';
      await mine(server, me, {
        set: `${set}REMOVE ${['delivery', ...forget].map(name => `#${name}`).join(', ')}`,
        values: { ...Object.fromEntries(given), hash },
        condition: '#delivery.#hash = :hash',
      });
      await table.remove(tokenKey(hash));
    },

    async putToken({ hash, server, token }) {
      await table.put(tokenKey(hash), { server, token });
    },

    async token(hash) {
      const item = await table.get(tokenKey(hash));
      return item && { server: item.server as string, token: item.token as string };
    },
  };
}
