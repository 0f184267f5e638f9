/** The claim on a domain, in memory, under the same conditions as aws/claim-items.ts. */
import type { ClaimStore } from '../../core/ports/claim-store.ts';
import { LEASE_MS } from '../../core/ports/lease.ts';
import { copy, type Memory } from './memory.ts';
import { endClaim, ownedDomain } from './owned.ts';
import { areRegistered } from './server-store.ts';

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

    async renewDomain({ domain, me, now }) {
      const lease = now + LEASE_MS;
      return copy(Object.assign(ownedDomain(memory, domain, me), { leaseUntil: lease, dueAt: lease }));
    },

    async recordReservation({ domain, me }, reserved) {
      ownedDomain(memory, domain, me).reserved = copy(reserved);
    },

    async recordOrder({ domain, me }, order, reserved) {
      const record = ownedDomain(memory, domain, me);
      if (reserved) record.reserved = copy(reserved);
      else delete record.reserved;
      return copy((record.order ??= copy(order)));
    },

    async forgetOrder({ domain, me }, url) {
      const record = domains.get(domain);
      if (record?.owner === me && record.order?.url === url) delete record.order;
    },

    async recordPublished({ domain, me }, published) {
      const record = ownedDomain(memory, domain, me);
      if (published.length > 0) record.published = copy(published);
      else delete record.published;
    },

    async recordServedUnder({ domain, me }, servedUnder) {
      const record = ownedDomain(memory, domain, me);
      if (servedUnder.length > 0) record.servedUnder = copy(servedUnder);
      else delete record.servedUnder;
    },

    async recordTold({ domain, me }, { use, id, days }) {
      const one = ownedDomain(memory, domain, me).provided?.[use];
      if (one?.id === id) one.told = days;
    },

    async recordRevoked({ domain, me }, certificate) {
      ownedDomain(memory, domain, me).revoked = certificate;
    },

    async dropCurrent({ domain, me }, current) {
      const record = ownedDomain(memory, domain, me);
      record.superseded = [...(record.superseded ?? []), current];
      delete record.current;
    },

    async releaseDomain({ domain, me, seen, now }, dueAt) {
      const record = ownedDomain(memory, domain, me);
      const isSame = record.wanted === seen;
      Object.assign(record, { done: seen, dueAt: isSame ? dueAt : now });
      endClaim(record);
      if (isSame) {
        delete record.parked;
        delete record.retired;
      }
      return isSame;
    },

    async parkDomain({ domain, me }, parked, waitsFor) {
      const record = ownedDomain(memory, domain, me);
      for (const server of waitsFor) waiting.set(server, new Set(waiting.get(server)).add(domain));
      const hasCome = waitsFor.some(server => areRegistered(memory, [server]));
      const isSame = record.wanted === record.seen && !hasCome;
      Object.assign(record, {
        done: record.seen,
        parked: copy(parked),
        dueAt: isSame ? parked.nextTry : parked.since,
      });
      delete record.retired;
      endClaim(record);
    },

    async retireDomain({ domain, me }, retired, dueAt) {
      const record = domains.get(domain);
      if (record?.owner !== me || record.wanted !== record.seen) return false;
      Object.assign(record, { done: record.seen, retired: copy(retired), dueAt });
      if (dueAt === undefined) delete record.dueAt;
      delete record.parked;
      endClaim(record);
      return true;
    },

    async forgetDomain({ domain, me, seen }) {
      const record = domains.get(domain);
      return record?.owner === me && record.wanted === seen && domains.delete(domain);
    },
  };
}
