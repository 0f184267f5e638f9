/** Deliveries, in memory, under the same conditions as aws/delivery-items.ts. */
import { COMMAND_DUE_AFTER_MS } from '../../core/ports/lease.ts';
import type { DeliveryStore } from '../../core/ports/delivery-store.ts';
import type { DeliveryUnderWay } from '../../core/record/server.ts';
import { copy, type Memory } from './memory.ts';
import { ownedServer } from './owned.ts';
import type { ServerClaim } from '../../core/record/claim.ts';

export function deliveryStore(memory: Memory): DeliveryStore {
  const { servers, tokens } = memory;

  /** The recorded delivery, if it has this hash; otherwise one that no record has. */
  function ofHash({ server }: ServerClaim, hash: string): DeliveryUnderWay {
    const delivery = servers.get(server)?.delivery;
    return delivery?.hash === hash ? delivery : ({ hash } as DeliveryUnderWay);
  }

  return {
    async startDelivery(claim, delivery) {
      const before = { seq: delivery.seq - 1, delivery: undefined };
      ownedServer(memory, claim, { to: { delivery, seq: delivery.seq }, when: before });
    },

    async recordCommand(claim, { hash, commandId, sentAt }) {
      const delivery = ofHash(claim, hash);
      const sent = { delivery: { ...delivery, commandId, sentAt } };
      ownedServer(memory, claim, { to: sent, when: { delivery } });
    },

    async endDelivery(claim, { hash, changes, forget = [] }) {
      const gone = Object.fromEntries(['delivery', ...forget].map(name => [name, undefined]));
      ownedServer(memory, claim, { to: { ...copy(changes), ...gone }, when: { delivery: ofHash(claim, hash) } });
      tokens.delete(hash);
    },

    async putToken({ hash, server, token }, now) {
      tokens.set(hash, { server, token, dueAt: now + COMMAND_DUE_AFTER_MS });
    },

    async forgetToken(hash) {
      tokens.delete(hash);
    },

    async token(hash) {
      const found = tokens.get(hash);
      return found && { server: found.server, token: found.token };
    },
  };
}
