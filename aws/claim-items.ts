/** The claim on a domain: item `D#<domain>`, written by its owner alone. */
import type { ClaimStore } from '../core/ports/claim-store.ts';
import { LEASE_MS } from '../core/ports/lease.ts';
import { asRecord, SUPERSEDE } from './domain-items.ts';
import { domainKey, serverKey, waitingKey } from './keys.ts';
import { ownedDomain } from './owned.ts';
import type { Table } from './table.ts';

export function claimItems(table: Table): ClaimStore {
  const mine = ownedDomain(table);

  return {
    async claimDomain({ domain, me, now }) {
      const item = await table.update(domainKey(domain), {
        set: 'SET #owner = :me, #leaseUntil = :lease, #dueAt = :lease, #seen = #wanted',
        condition:
          'attribute_exists(#spec) AND (#owner = :me OR ((attribute_not_exists(#owner) OR #leaseUntil < :now) AND (#wanted > #done OR #dueAt <= :now)))',
        values: { me, now, lease: now + LEASE_MS },
      });
      return asRecord(item);
    },

    renewDomain: ({ domain, me, now }) =>
      mine({ domain, me }, { set: 'SET #leaseUntil = :lease, #dueAt = :lease', values: { lease: now + LEASE_MS } }),

    async recordReservation(owner, reserved) {
      await mine(owner, { set: 'SET #reserved = :reserved', values: { reserved } });
    },

    async recordOrder(owner, order, reserved) {
      const left = reserved ? ', #reserved = :reserved' : ' REMOVE #reserved';
      const set = `SET #order = if_not_exists(#order, :order)${left}`;
      const item = await mine(owner, { set, values: { order, ...(reserved && { reserved }) } });
      return item.order!;
    },

    async forgetOrder({ domain, me }, url) {
      await table.update(domainKey(domain), {
        set: 'REMOVE #order',
        condition: '#owner = :me AND #order.#url = :url',
        values: { me, url },
      });
    },

    async recordPublished(owner, published) {
      if (published.length > 0) await mine(owner, { set: 'SET #published = :published', values: { published } });
      else await mine(owner, { set: 'REMOVE #published' });
    },

    async recordServedUnder(owner, servedUnder) {
      if (servedUnder.length > 0)
        await mine(owner, { set: 'SET #servedUnder = :servedUnder', values: { servedUnder } });
      else await mine(owner, { set: 'REMOVE #servedUnder' });
    },

    async recordTold({ domain, me }, { use, id, days }) {
      const told = await table.update(domainKey(domain), {
        set: `SET #provided.#${use}.#told = :days`,
        condition: `#owner = :me AND #provided.#${use}.#id = :id`,
        values: { me, id, days },
      });
      if (!told) await mine({ domain, me }, { set: 'SET #domain = :domain', values: { domain } });
    },

    async recordRevoked(owner, revoked) {
      await mine(owner, { set: 'SET #revoked = :revoked', values: { revoked } });
    },

    async dropCurrent(owner, current) {
      await mine(owner, { set: `SET ${SUPERSEDE} REMOVE #current`, values: { old: [current], none: [] } });
    },

    async releaseDomain({ domain, me, seen, now }, dueAt) {
      const released = await table.update(domainKey(domain), {
        set: 'SET #done = :seen, #dueAt = :dueAt REMOVE #owner, #leaseUntil, #parked, #retired',
        condition: '#owner = :me AND #wanted = :seen',
        values: { me, seen, dueAt },
      });
      if (released) return true;
      await mine(
        { domain, me },
        {
          set: 'SET #done = :seen, #dueAt = :now REMOVE #owner, #leaseUntil',
          values: { seen, now },
        },
      );
      return false;
    },

    async parkDomain({ domain, me }, parked, waitsFor) {
      for (const server of waitsFor) await table.put(waitingKey(server, domain), { domain });
      // Registered since they were found missing: whoever registers looks for those who wait after its own write.
      const servers = await Promise.all(waitsFor.map(server => table.get(serverKey(server))));
      const hasCome = servers.some(server => server?.node !== undefined);
      const park = 'SET #done = #seen, #parked = :parked, #dueAt = :due REMOVE #owner, #leaseUntil, #retired';
      const isParked = await table.update(domainKey(domain), {
        set: park,
        condition: '#owner = :me AND #wanted = #seen',
        values: { me, parked, due: hasCome ? parked.since : parked.nextTry },
      });
      // A wish came meanwhile, perhaps the very correction: its execution found the domain taken, so the sweep begins at once.
      if (!isParked) await mine({ domain, me }, { set: park, values: { parked, due: parked.since } });
    },

    async retireDomain({ domain, me }, retired, dueAt) {
      const gone = ['#owner', '#leaseUntil', '#parked', ...(dueAt === undefined ? ['#dueAt'] : [])];
      const due = dueAt === undefined ? '' : ', #dueAt = :dueAt';
      const item = await table.update(domainKey(domain), {
        set: `SET #done = #seen, #retired = :retired${due} REMOVE ${gone.join(', ')}`,
        condition: '#owner = :me AND #wanted = #seen',
        values: { me, retired, ...(dueAt !== undefined && { dueAt }) },
      });
      return item !== undefined;
    },

    forgetDomain: ({ domain, me, seen }) =>
      table.remove(domainKey(domain), '#owner = :me AND #wanted = :seen', { me, seen }),
  };
}
