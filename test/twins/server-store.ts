/** Servers in memory, under the same conditions as aws/server-items.ts; test/aws/server-store.suite.ts holds both to them. */
import { SealpostError } from '../../core/errors.ts';
import { deliveryExecutionName, type ServerRecord } from '../../core/record/server.ts';
import { LEASE_MS, WAKE_MS, type ServerStore } from '../../core/ports/store.ts';
import { copy, inner, type Memory } from './memory.ts';

const LOOK_AFTER_MS = 120_000;

export function serverStore({ servers, work, installed, tokens }: Memory): ServerStore {
  function mine(server: string, me: string, holds: (record: ServerRecord) => boolean = () => true): ServerRecord {
    const record = servers.get(server);
    if (record?.owner === me && holds(record)) return record;
    throw new SealpostError('ClaimLost', server, `another execution has taken ${server} over`);
  }

  function registered(server: string): ServerRecord | undefined {
    const record = servers.get(server);
    return record?.node === undefined ? undefined : record;
  }

  function takeWorkAway(server: string, { domain, v }: { domain: string; v: number }): void {
    const items = inner(work, server);
    if (items.get(domain)?.v === v) items.delete(domain);
  }

  return {
    async readServer(server) {
      return copy(registered(server));
    },

    async registerServer({ server, node, roleId, adopt, platform, servesByName }, at, now) {
      const known = servers.get(server) ?? ({ server, wanted: 0, done: 0, seq: 0 } as unknown as ServerRecord);
      const isRetired = known.node === undefined;
      if (known.registeredAt > at || (known.registeredAt === at && !isRetired)) return false;
      const {
        capability,
        platform: _platform,
        servesByName: _,
        hostSecuredAt,
        audit,
        auditAsked,
        delivery,
        held,
        owner,
        leaseUntil,
        ...kept
      } = known;
      const can = { ...(platform && { platform }), ...(servesByName === false && { servesByName }) };
      const said = { node, roleId, adopt, registeredAt: at, dueAt: now + WAKE_MS, ...can };
      servers.set(server, { ...kept, ...said, wanted: kept.wanted + 1 });
      return true;
    },

    async retireServer(server, at) {
      const known = servers.get(server);
      if (known && known.registeredAt >= at) return;
      const { wanted = 0, done = 0, seq = 0 } = known ?? {};
      servers.set(server, { server, wanted, done, seq, registeredAt: at } as ServerRecord);
    },

    async wakeServer(server, now) {
      const record = registered(server);
      if (!record) return undefined;
      const isFree = record.owner === undefined || record.leaseUntil! < now;
      const isDue = record.wanted > record.done || (record.dueAt !== undefined && record.dueAt <= now);
      if (isFree && record.held !== undefined) delete record.dueAt;
      if (!isFree || !isDue || record.held !== undefined) return undefined;
      const name = deliveryExecutionName(server, record.seq + 1);
      const lease = now + WAKE_MS;
      Object.assign(record, { owner: name, leaseUntil: lease, dueAt: lease, seq: record.seq + 1 });
      return name;
    },

    async renewServer(server, me, now) {
      const lease = now + LEASE_MS;
      return copy(Object.assign(mine(server, me), { leaseUntil: lease, dueAt: lease }));
    },

    async work(server, limit, after = '') {
      const items = [...inner(work, server).values()].filter(one => one.domain > after);
      return copy(items.sort((a, b) => (a.domain < b.domain ? -1 : 1)).slice(0, limit));
    },

    async giveAgain(server, node, works, now) {
      const record = registered(server);
      if (record?.node !== node) return false;
      const there = inner(work, server);
      const given = works.filter(({ domain, over }) => there.get(domain)?.v === over);
      for (const { over, ...one } of given) there.set(one.domain, copy({ ...one, v: now, node }));
      if (given.length > 0) Object.assign(record, { wanted: record.wanted + 1, dueAt: now + WAKE_MS });
      return true;
    },

    async workFor(server, domain) {
      return copy(inner(work, server).get(domain));
    },

    async installed(server, domain) {
      return copy(inner(installed, server).get(domain));
    },

    async allInstalled(server) {
      return copy([...inner(installed, server).values()]);
    },

    async startDelivery(server, me, delivery) {
      const record = mine(server, me, ({ seq, delivery: other }) => seq === delivery.seq - 1 && other === undefined);
      Object.assign(record, { delivery: copy(delivery), seq: delivery.seq });
    },

    async recordCommand(server, me, hash, commandId, now) {
      const record = mine(server, me, ({ delivery }) => delivery?.hash === hash);
      Object.assign(record.delivery!, { commandId, sentAt: now });
      record.dueAt = now + LOOK_AFTER_MS;
    },

    async recordInstalled(server, entry, seen) {
      inner(installed, server).set(entry.domain, copy(seen));
      takeWorkAway(server, entry);
    },

    async recordRemoved(server, entry, node) {
      const there = inner(installed, server);
      if (node === undefined || [undefined, node].includes(there.get(entry.domain)?.node)) there.delete(entry.domain);
      takeWorkAway(server, entry);
    },

    async recordRefused(server, { domain, v }, notBefore, reason) {
      const item = inner(work, server).get(domain);
      if (item?.v !== v) return;
      Object.assign(item, { notBefore, reason });
      delete item.calm;
    },

    async askAudit(server, at, now) {
      const record = registered(server);
      if (!record) return false;
      Object.assign(record, { auditAsked: at, dueAt: now + WAKE_MS, wanted: record.wanted + 1 });
      return true;
    },

    async endDelivery(server, me, hash, changes, forget = []) {
      const record = mine(server, me, ({ delivery }) => delivery?.hash === hash);
      Object.assign(record, copy(changes));
      delete record.delivery;
      for (const name of forget) delete record[name];
      tokens.delete(hash);
    },

    async releaseServer(server, me, wanted, dueAt, failures) {
      const record = servers.get(server);
      if (record?.owner !== me || record.wanted !== wanted) return false;
      record.done = wanted;
      if (failures !== undefined) record.failures = failures;
      delete record.owner;
      delete record.leaseUntil;
      if (dueAt === undefined) delete record.dueAt;
      else record.dueAt = dueAt;
      return true;
    },

    async putToken(hash, server, token) {
      tokens.set(hash, { server, token });
    },

    async token(hash) {
      return copy(tokens.get(hash));
    },
  };
}
