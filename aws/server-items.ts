/** A server and the claim on it: item `S#<server>` `/S`. */
import { LEASE_MS, WAKE_MS } from '../core/ports/lease.ts';
import type { ServerStore } from '../core/ports/server-store.ts';
import { deliveryExecutionName, type ServerRecord } from '../core/record/server.ts';
import { nodeKey, serverKey, shardOf } from './keys.ts';
import { changeOfServer, ownedServer } from './owned.ts';
import type { Table } from './table.ts';

export function serverItems(table: Table): ServerStore {
  const readServer = async (server: string): Promise<ServerRecord | undefined> => {
    const item = await table.get(serverKey(server));
    return item?.node === undefined ? undefined : asServer(item);
  };

  const changeByOwner = changeOfServer(table);
  const mine = ownedServer(table);

  return {
    readServer,

    // A delivery under way for the old node is lost with its claim, so that the new node is
    // inspected at once.
    async registerServer(
      { server, node, role, roleId, adopt, webmail, leaveOut, platform, servesByName },
      { at, now },
    ) {
      // What this registration leaves out is removed, also if an earlier registration said it.
      const optional = Object.entries({ role, webmail, leaveOut, platform, servesByName });
      const said = Object.fromEntries(optional.filter(([, value]) => value !== undefined));
      const unsaid = optional.filter(([, value]) => value === undefined).map(([name]) => name);
      const registered = await table.update(serverKey(server), {
        set: `SET #server = :server, #node = :node, #roleId = :roleId, #adopt = :adopt, #registeredAt = :at, #shard = :shard, #dueAt = :due, #done = if_not_exists(#done, :zero), #seq = if_not_exists(#seq, :zero)${Object.keys(
          said,
        )
          .map(name => `, #${name} = :${name}`)
          .join(
            '',
          )} REMOVE ${unsaid.map(name => `#${name}, `).join('')}#retiredAt, #capability, #inspectedAt, #hostSecuredAt, #audit, #auditAsked, #delivery, #held, #failures, #paged, #owner, #leaseUntil ADD #wanted :one`,
        condition:
          'attribute_not_exists(#registeredAt) OR #registeredAt < :at OR (#registeredAt = :at AND attribute_not_exists(#node))',
        values: {
          server,
          node,
          roleId,
          adopt,
          at,
          shard: shardOf(serverKey(server).pk),
          due: now + WAKE_MS,
          zero: 0,
          one: 1,
          ...said,
        },
      });
      return registered !== undefined;
    },

    async takeNode({ node, server, from }) {
      const to = { server };
      const key = nodeKey(node);
      const taken = await table.change(key, { to, when: { server: from } });
      return taken ? server : ((await table.get(key))!.server as string);
    },

    // `registeredAt` stays for events that come late, and `seq`, because it never goes back.
    async retireServer(server, at) {
      await table.update(serverKey(server), {
        set: 'SET #server = :server, #registeredAt = :at, #retiredAt = :at REMOVE #node, #role, #roleId, #adopt, #webmail, #leaveOut, #platform, #servesByName, #capability, #inspectedAt, #hostSecuredAt, #audit, #auditAsked, #delivery, #held, #failures, #paged, #owner, #leaseUntil, #dueAt',
        condition: 'attribute_not_exists(#registeredAt) OR #registeredAt < :at',
        values: { server, at },
      });
    },

    async wakeServer(server, now) {
      const record = await readServer(server);
      if (!record) return undefined;
      if (record.held !== undefined) {
        // Every sweep would find a due server. The registration that ends `held` makes it due
        // again.
        const condition = 'attribute_exists(#held) AND (attribute_not_exists(#owner) OR #leaseUntil < :now)';
        await table.update(serverKey(server), { set: 'REMOVE #dueAt', condition, values: { now } });
        return undefined;
      }
      const name = deliveryExecutionName(server, record.seq + 1);
      const woken = await table.update(serverKey(server), {
        set: 'SET #owner = :name, #leaseUntil = :lease, #dueAt = :lease, #seq = :next',
        condition:
          '#seq = :seq AND (attribute_not_exists(#owner) OR #leaseUntil < :now) AND (#wanted > #done OR #dueAt <= :now) AND attribute_not_exists(#held)',
        values: { name, now, lease: now + WAKE_MS, seq: record.seq, next: record.seq + 1 },
      });
      return woken && name;
    },

    renewServer: claim => mine(claim, { to: { leaseUntil: claim.now + LEASE_MS, dueAt: claim.now + LEASE_MS } }),

    async releaseServer(claim, { wanted, dueAt, failures, paged }) {
      const learnt = failures === undefined ? {} : { failures, paged: paged || undefined };
      const released = await changeByOwner(claim, {
        to: { done: wanted, dueAt, ...learnt, owner: undefined, leaseUntil: undefined },
        when: { wanted },
      });
      return released !== undefined;
    },

    async askAudit(server, now) {
      const asked = await table.update(serverKey(server), {
        set: 'SET #auditAsked = :now, #dueAt = :due ADD #wanted :one',
        condition: 'attribute_exists(#node)',
        values: { now, due: now + WAKE_MS, one: 1 },
      });
      return asked !== undefined;
    },
  };
}

function asServer(item: Record<string, unknown>): ServerRecord {
  return item as unknown as ServerRecord;
}
