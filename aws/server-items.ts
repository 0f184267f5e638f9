/** The writes for servers: items `S#<server>` `/S`, `/W#<domain>` (work), `/P#<domain>` (installed), and `T#<hash>` (tokens). */
import { SealpostError } from '../core/errors.ts';
import { deliveryExecutionName, type Installed, type ServerRecord, type Work } from '../core/record/server.ts';
import { LEASE_MS, WAKE_MS, type ServerStore } from '../core/ports/store.ts';
import { shardOf, type Key, type Table } from './table.ts';

/** A command without an answer is looked at by the sweep after this. */
const LOOK_AFTER_MS = 120_000;
/** DynamoDB takes 100 items in a transaction; one is the server's own. */
const WORKS_IN_A_TRANSACTION = 99;

export const serverKey = (server: string): Key => ({ pk: `S#${server}`, sk: '/S' });
const workKey = (server: string, domain: string): Key => ({ pk: `S#${server}`, sk: `/W#${domain}` });
const installedKey = (server: string, domain: string): Key => ({ pk: `S#${server}`, sk: `/P#${domain}` });
const tokenKey = (hash: string): Key => ({ pk: `T#${hash}`, sk: '/T' });

export function serverItems(table: Table): ServerStore {
  const readServer = async (server: string): Promise<ServerRecord | undefined> => {
    const item = await table.get(serverKey(server));
    return item?.node === undefined ? undefined : asRecord(item);
  };

  const mine = async (
    server: string,
    me: string,
    set: string,
    values: Record<string, unknown> = {},
    condition = '',
  ) => {
    const item = await table.update(serverKey(server), {
      set,
      condition: `#owner = :me${condition}`,
      values: { me, ...values },
    });
    if (!item) throw new SealpostError('ClaimLost', server, `another execution has taken ${server} over`);
    return asRecord(item);
  };

  return {
    readServer,

    // Whoever has a delivery under way on the node as it was has lost it, and the claim with it: the new one is inspected at once.
    async registerServer({ server, node, roleId, adopt, platform, servesByName }, at, now) {
      // What it says not is removed, where an earlier one said it.
      const said = { ...(platform && { platform }), ...(servesByName === false && { servesByName }) };
      const unsaid = ['platform', 'servesByName'].filter(name => !(name in said));
      const registered = await table.update(serverKey(server), {
        set: `SET #server = :server, #node = :node, #roleId = :roleId, #adopt = :adopt, #registeredAt = :at, #shard = :shard, #dueAt = :due, #done = if_not_exists(#done, :zero), #seq = if_not_exists(#seq, :zero)${Object.keys(
          said,
        )
          .map(name => `, #${name} = :${name}`)
          .join(
            '',
          )} REMOVE ${unsaid.map(name => `#${name}, `).join('')}#retiredAt, #capability, #hostSecuredAt, #audit, #auditAsked, #delivery, #held, #owner, #leaseUntil ADD #wanted :one`,
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

    // Without a node there is no such server, whoever asks; what was said later still counts, and its sequence never goes back.
    async retireServer(server, at) {
      await table.update(serverKey(server), {
        set: 'SET #server = :server, #registeredAt = :at, #retiredAt = :at REMOVE #node, #roleId, #adopt, #platform, #servesByName, #capability, #hostSecuredAt, #audit, #auditAsked, #delivery, #held, #failures, #owner, #leaseUntil, #dueAt',
        condition: 'attribute_not_exists(#registeredAt) OR #registeredAt < :at',
        values: { server, at },
      });
    },

    async wakeServer(server, now) {
      const record = await readServer(server);
      if (!record) return undefined;
      if (record.held !== undefined) {
        // Due, it would be found by every sweep; whoever ends its being held makes it due again.
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

    renewServer: (server, me, now) =>
      mine(server, me, 'SET #leaseUntil = :lease, #dueAt = :lease', { lease: now + LEASE_MS }),

    async work(server, limit, after) {
      const last = after === undefined ? undefined : workKey(server, after);
      return (await table.query(serverKey(server).pk, '/W#', limit, last)).map(asWork);
    },

    async giveAgain(server, node, works, now) {
      const registered = table.updating(serverKey(server), {
        set: 'SET #dueAt = :due ADD #wanted :one',
        condition: '#node = :node',
        values: { due: now + WAKE_MS, one: 1, node },
      });
      const putting = ({ over, ...work }: (typeof works)[number]) =>
        table.putting(
          workKey(server, work.domain),
          { ...work, v: now, node },
          over === undefined
            ? { condition: 'attribute_not_exists(#v)', values: {} }
            : { condition: '#v = :over', values: { over } },
        );
      for (let i = 0; i < works.length; i += WORKS_IN_A_TRANSACTION) {
        let left = works.slice(i, i + WORKS_IN_A_TRANSACTION);
        while (left.length > 0) {
          const lost = await table.transact([registered, ...left.map(putting)]);
          if (lost.includes(0)) return false;
          left = lost.length === 0 ? [] : left.filter((_, k) => !lost.includes(k + 1));
        }
      }
      return true;
    },

    async workFor(server, domain) {
      const item = await table.get(workKey(server, domain));
      return item && asWork(item);
    },

    async installed(server, domain) {
      return (await table.get(installedKey(server, domain))) as Installed | undefined;
    },

    async allInstalled(server) {
      const items = await table.query(serverKey(server).pk, '/P#', Number.POSITIVE_INFINITY);
      return items.map(({ pk: _, sk: __, ...installed }) => installed as unknown as Installed);
    },

    async startDelivery(server, me, delivery) {
      await mine(
        server,
        me,
        'SET #delivery = :delivery, #seq = :seq',
        { delivery, seq: delivery.seq, before: delivery.seq - 1 },
        ' AND #seq = :before AND attribute_not_exists(#delivery)',
      );
    },

    async recordCommand(server, me, hash, commandId, now) {
      await mine(
        server,
        me,
        'SET #delivery.#commandId = :commandId, #delivery.#sentAt = :now, #dueAt = :look',
        { commandId, now, look: now + LOOK_AFTER_MS, hash },
        ' AND #delivery.#hash = :hash',
      );
    },

    async recordInstalled(server, { domain, v }, installed) {
      await table.put(installedKey(server, domain), { ...installed });
      await table.remove(workKey(server, domain), '#v = :v', { v });
    },

    async recordRemoved(server, { domain, v }, node) {
      if (node === undefined) await table.remove(installedKey(server, domain));
      else await table.remove(installedKey(server, domain), 'attribute_not_exists(#node) OR #node = :node', { node });
      await table.remove(workKey(server, domain), '#v = :v', { v });
    },

    async recordRefused(server, { domain, v }, notBefore, reason) {
      await table.update(workKey(server, domain), {
        set: 'SET #notBefore = :notBefore, #reason = :reason REMOVE #calm',
        condition: '#v = :v',
        values: { v, notBefore, reason },
      });
    },

    async askAudit(server, at, now) {
      const asked = await table.update(serverKey(server), {
        set: 'SET #auditAsked = :at, #dueAt = :due ADD #wanted :one',
        condition: 'attribute_exists(#node)',
        values: { at, due: now + WAKE_MS, one: 1 },
      });
      return asked !== undefined;
    },

    async endDelivery(server, me, hash, changes, forget = []) {
      const given = Object.entries(changes).filter(([, value]) => value !== undefined);
      const set = given.length > 0 ? `SET ${given.map(([name]) => `#${name} = :${name}`).join(', ')} ` : '';
      await mine(
        server,
        me,
        `${set}REMOVE ${['delivery', ...forget].map(name => `#${name}`).join(', ')}`,
        { ...Object.fromEntries(given), hash },
        ' AND #delivery.#hash = :hash',
      );
      await table.remove(tokenKey(hash));
    },

    async releaseServer(server, me, wanted, dueAt, failures) {
      const learnt = { ...(dueAt !== undefined && { dueAt }), ...(failures !== undefined && { failures }) };
      const set = ['#done = :wanted', ...Object.keys(learnt).map(name => `#${name} = :${name}`)];
      const gone = ['#owner', '#leaseUntil', ...(dueAt === undefined ? ['#dueAt'] : [])];
      const released = await table.update(serverKey(server), {
        set: `SET ${set.join(', ')} REMOVE ${gone.join(', ')}`,
        condition: '#owner = :me AND #wanted = :wanted',
        values: { me, wanted, ...learnt },
      });
      return released !== undefined;
    },

    async putToken(hash, server, token) {
      await table.put(tokenKey(hash), { server, token });
    },

    async token(hash) {
      const item = await table.get(tokenKey(hash));
      return item && { server: item.server as string, token: item.token as string };
    },
  };
}

function asWork({ pk: _, sk: __, ...work }: Record<string, unknown>): Work {
  return work as unknown as Work;
}

function asRecord(item: Record<string, unknown>): ServerRecord {
  return item as unknown as ServerRecord;
}
