/** The claim on a domain, in memory, under the same conditions as aws/claim-items.ts. */
import type { ClaimStore } from '../../core/ports/claim-store.ts';
import { LEASE_MS } from '../../core/ports/lease.ts';
import { copy, type Memory } from './memory.ts';
import { changeDomain, lost, ownedDomain } from './owned.ts';
import { areRegistered } from './server-store.ts';

/** The fields of a record without a claim. */
const CLAIM_ENDED = { owner: undefined, leaseUntil: undefined };

export function claimStore(memory: Memory): ClaimStore {
  const { domains, waiting } = memory;

  return {
    async claimDomain({ domain, me, now }) {
      const record = domains.get(domain);
      if (!record?.spec) return undefined;
      const isFree = record.owner === undefined || record.leaseUntil! < now;
      const isDue = record.wanted > record.done || (record.dueAt !== undefined && record.dueAt <= now);
      if (record.owner !== me && !(isFree && isDue)) return undefined;
      const lease = now + LEASE_MS;
      return copy(Object.assign(record, { owner: me, leaseUntil: lease, dueAt: lease, seen: record.wanted }));
    },

    async renewDomain({ now, ...owner }) {
      const lease = now + LEASE_MS;
      return copy(ownedDomain(memory, owner, { to: { leaseUntil: lease, dueAt: lease } }));
    },

    async recordReservation(owner, reserved) {
      ownedDomain(memory, owner, { to: { reserved } });
    },

    async recordOrder(owner, order, reserved) {
      const known = ownedDomain(memory, owner).order;
      return copy(ownedDomain(memory, owner, { to: { order: known ?? order, reserved } }).order!);
    },

    async recordKeyed(owner, { url }) {
      const { order } = ownedDomain(memory, owner);
      if (order?.url !== url) lost(owner.domain);
      ownedDomain(memory, owner, { to: { order: { ...order!, keyed: true } } });
    },

    async forgetOrder(owner, { url, keyed, certificate }) {
      const { order, superseded = [] } = domains.get(owner.domain) ?? {};
      const joins = keyed && certificate !== undefined;
      if (order?.url === url)
        changeDomain(memory, owner, {
          to: { order: undefined, ...(joins && { superseded: [...superseded, certificate] }) },
        });
    },

    async recordBrake(owner, brake) {
      ownedDomain(memory, owner, { to: { brake } });
    },

    async recordPublished(owner, published) {
      ownedDomain(memory, owner, { to: { published: published.length > 0 ? published : undefined } });
    },

    async recordServedUnder(owner, servedUnder) {
      ownedDomain(memory, owner, { to: { servedUnder: servedUnder.length > 0 ? servedUnder : undefined } });
    },

    async recordTold(owner, { use, id, days }) {
      const { provided } = ownedDomain(memory, owner);
      const one = provided?.[use];
      if (one?.id === id)
        ownedDomain(memory, owner, { to: { provided: { ...provided, [use]: { ...one, told: days } } } });
    },

    async recordRevoked(owner, revoked) {
      ownedDomain(memory, owner, { to: { revoked } });
    },

    async dropCurrent(owner, current) {
      const { superseded = [] } = ownedDomain(memory, owner);
      ownedDomain(memory, owner, { to: { superseded: [...superseded, current], current: undefined } });
    },

    async releaseDomain({ seen, now, ...owner }, dueAt) {
      const ended = { done: seen, ...CLAIM_ENDED };
      const to = { ...ended, dueAt, parked: undefined, retired: undefined };
      if (changeDomain(memory, owner, { to, when: { wanted: seen } })) return true;
      ownedDomain(memory, owner, { to: { ...ended, dueAt: now } });
      return false;
    },

    async parkDomain({ seen, ...owner }, parked, waitsFor) {
      for (const server of waitsFor) waiting.set(server, new Set(waiting.get(server)).add(owner.domain));
      const hasCome = waitsFor.some(server => areRegistered(memory, [server]));
      const ended = { done: seen, parked, retired: undefined, ...CLAIM_ENDED };
      const to = { ...ended, dueAt: hasCome ? parked.since : parked.nextTry };
      if (changeDomain(memory, owner, { to, when: { wanted: seen } })) return;
      ownedDomain(memory, owner, { to: { ...ended, dueAt: parked.since } });
    },

    async retireDomain({ seen, ...owner }, retired, dueAt) {
      const to = { done: seen, retired, dueAt, parked: undefined, ...CLAIM_ENDED };
      return changeDomain(memory, owner, { to, when: { wanted: seen } }) !== undefined;
    },

    async forgetDomain({ domain, me, seen }) {
      const record = domains.get(domain);
      return !record || (record.owner === me && record.wanted === seen && domains.delete(domain));
    },
  };
}
