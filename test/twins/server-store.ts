/** Servers, in memory, under the same conditions as aws/server-items.ts. */
import { LEASE_MS, WAKE_MS } from '../../core/ports/lease.ts';
import type { ServerStore } from '../../core/ports/server-store.ts';
import { deliveryExecutionName, type ServerRecord } from '../../core/record/server.ts';
import { copy, type Memory } from './memory.ts';
import { changeServer, ownedServer } from './owned.ts';

/**
 * Gives a server that has a node. A record without a node is a retired server, which counts as not
 * registered.
 */
export function registered({ servers }: Memory, server: string): ServerRecord | undefined {
  const record = servers.get(server);
  return record?.node === undefined ? undefined : record;
}

export const areRegistered = (memory: Memory, servers: string[]): boolean =>
  servers.every(server => registered(memory, server));

export function serverStore(memory: Memory): ServerStore {
  const { servers } = memory;

  return {
    async readServer(server) {
      return copy(registered(memory, server));
    },

    async registerServer(
      { server, node, role, roleId, adopt, webmail, leaveOut, platform, servesByName },
      { at, now },
    ) {
      const known = servers.get(server) ?? ({ server, wanted: 0, done: 0, seq: 0 } as unknown as ServerRecord);
      const isRetired = known.node === undefined;
      if (known.registeredAt > at || (known.registeredAt === at && !isRetired)) return false;
      const {
        capability,
        inspectedAt,
        role: _role,
        webmail: _webmail,
        leaveOut: _leaveOut,
        platform: _platform,
        servesByName: _,
        hostSecuredAt,
        audit,
        auditAsked,
        delivery,
        held,
        failures,
        paged,
        owner,
        leaseUntil,
        ...kept
      } = known;
      const can = {
        ...(role && { role }),
        ...(webmail && { webmail }),
        ...(leaveOut && { leaveOut }),
        ...(platform && { platform }),
        ...(servesByName === false && { servesByName }),
      };
      const said = { node, roleId, adopt, registeredAt: at, dueAt: now + WAKE_MS, ...can };
      servers.set(server, { ...kept, ...said, wanted: kept.wanted + 1 });
      return true;
    },

    async takeNode({ node, server, from }) {
      if (memory.nodes.get(node) === from) memory.nodes.set(node, server);
      return memory.nodes.get(node)!;
    },

    async retireServer(server, at) {
      const known = servers.get(server);
      if (known && known.registeredAt >= at) return;
      const { wanted = 0, done = 0, seq = 0 } = known ?? {};
      servers.set(server, { server, wanted, done, seq, registeredAt: at } as ServerRecord);
    },

    async wakeServer(server, now) {
      const record = registered(memory, server);
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

    async renewServer(claim) {
      const lease = claim.now + LEASE_MS;
      return copy(ownedServer(memory, claim, { to: { leaseUntil: lease, dueAt: lease } }));
    },

    async releaseServer(claim, { wanted, dueAt, failures, paged }) {
      const failed = failures !== undefined && { failures, paged: paged ? (true as const) : undefined };
      const learnt = { done: wanted, dueAt, ...failed };
      const to = { ...learnt, owner: undefined, leaseUntil: undefined };
      return changeServer(memory, claim, { to, when: { wanted } }) !== undefined;
    },

    async askAudit(server, now) {
      const record = registered(memory, server);
      if (!record) return false;
      Object.assign(record, { auditAsked: now, dueAt: now + WAKE_MS, wanted: record.wanted + 1 });
      return true;
    },
  };
}
