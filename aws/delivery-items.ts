/** The delivery under way in item `S#<server>` `/S`, and its token in item `T#<hash>`. */
import { COMMAND_DUE_AFTER_MS } from '../core/ports/lease.ts';
import type { DeliveryStore } from '../core/ports/delivery-store.ts';
import { shardOf, tokenKey } from './keys.ts';
import { ownedServer } from './owned.ts';
import type { Table } from './table.ts';

export function deliveryItems(table: Table): DeliveryStore {
  const mine = ownedServer(table);

  return {
    async startDelivery(claim, delivery) {
      await mine(claim, {
        to: { delivery, seq: delivery.seq },
        when: { seq: delivery.seq - 1, delivery: undefined },
      });
    },

    async recordCommand(claim, { hash, commandId, sentAt }) {
      await mine(claim, {
        to: { 'delivery.commandId': commandId, 'delivery.sentAt': sentAt },
        when: { 'delivery.hash': hash },
      });
    },

    async endDelivery(claim, { hash, changes, forget = [] }) {
      const learnt = Object.entries(changes).filter(([, value]) => value !== undefined);
      const gone = ['delivery', ...forget].map(name => [name, undefined]);
      await mine(claim, { to: Object.fromEntries([...learnt, ...gone]), when: { 'delivery.hash': hash } });
      await table.remove(tokenKey(hash));
    },

    async putToken({ hash, server, token }, now) {
      const key = tokenKey(hash);
      await table.put(key, { server, token, shard: shardOf(key.pk), dueAt: now + COMMAND_DUE_AFTER_MS });
    },

    async forgetToken(hash) {
      await table.remove(tokenKey(hash));
    },

    async token(hash) {
      const item = await table.get(tokenKey(hash));
      return item && { server: item.server as string, token: item.token as string };
    },
  };
}
