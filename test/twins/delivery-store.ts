/** Deliveries, in memory, under the same conditions as aws/delivery-items.ts. */
import type { DeliveryStore } from '../../core/ports/delivery-store.ts';
import { copy, type Memory } from './memory.ts';
import { ownedServer } from './owned.ts';

const LOOK_AFTER_MS = 120_000;

export function deliveryStore(memory: Memory): DeliveryStore {
  const { tokens } = memory;

  return {
    async startDelivery({ server, me }, delivery) {
      const record = ownedServer(
        memory,
        server,
        me,
        ({ seq, delivery: other }) => seq === delivery.seq - 1 && other === undefined,
      );
      Object.assign(record, { delivery: copy(delivery), seq: delivery.seq });
    },

    async recordCommand({ server, me }, { hash, commandId, sentAt }) {
      const record = ownedServer(memory, server, me, ({ delivery }) => delivery?.hash === hash);
      Object.assign(record.delivery!, { commandId, sentAt });
      record.dueAt = sentAt + LOOK_AFTER_MS;
    },

    async endDelivery({ server, me }, { hash, changes, forget = [] }) {
      const record = ownedServer(memory, server, me, ({ delivery }) => delivery?.hash === hash);
      Object.assign(record, copy(changes));
      delete record.delivery;
      for (const name of forget) delete record[name];
      tokens.delete(hash);
    },

    async putToken({ hash, server, token }) {
      tokens.set(hash, { server, token });
    },

    async token(hash) {
      return copy(tokens.get(hash));
    },
  };
}
