/** The claim on a domain, and what its owner alone writes to item `D#<domain>`. */
import type { ClaimStore } from '../core/ports/claim-store.ts';
import { LEASE_MS } from '../core/ports/lease.ts';
import { asRecord, SUPERSEDE } from './domain-items.ts';
import { domainKey, serverKey, waitingKey } from './keys.ts';
import { changeOfDomain, lost, ownedDomain } from './owned.ts';
import type { Table } from './table.ts';

/** The attributes of the claim once it has ended. */
const CLAIM_ENDED = { owner: undefined, leaseUntil: undefined };

export function claimItems(table: Table): ClaimStore {
  const change = changeOfDomain(table);
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

    renewDomain: ({ now, ...owner }) => mine(owner, { to: { leaseUntil: now + LEASE_MS, dueAt: now + LEASE_MS } }),

    async recordReservation(owner, reserved) {
      await mine(owner, { to: { reserved } });
    },

    async recordOrder({ domain, me }, order, reserved) {
      const left = reserved ? ', #reserved = :reserved' : ' REMOVE #reserved';
      const item = await table.update(domainKey(domain), {
        set: `SET #order = if_not_exists(#order, :order)${left}`,
        condition: '#owner = :me',
        values: { me, order, ...(reserved && { reserved }) },
      });
      return (asRecord(item) ?? lost(domain)).order!;
    },

    async recordKeyed(owner, { url }) {
      await mine(owner, { to: { 'order.keyed': true }, when: { 'order.url': url } });
    },

    async forgetOrder({ domain, me }, { url, keyed, certificate }) {
      const joins = keyed && certificate !== undefined;
      await table.update(domainKey(domain), {
        set: `${joins ? `SET ${SUPERSEDE} ` : ''}REMOVE #order`,
        condition: '#owner = :me AND #order.#url = :url',
        values: { me, url, ...(joins && { old: [certificate], none: [] }) },
      });
    },

    async recordBrake(owner, brake) {
      await mine(owner, { to: { brake } });
    },

    async recordPublished(owner, published) {
      await mine(owner, { to: { published: published.length > 0 ? published : undefined } });
    },

    async recordServedUnder(owner, servedUnder) {
      await mine(owner, { to: { servedUnder: servedUnder.length > 0 ? servedUnder : undefined } });
    },

    async recordTold(owner, { use, id, days }) {
      const told = { to: { [`provided.${use}.told`]: days }, when: { [`provided.${use}.id`]: id } };
      // Another certificate is provided by now: only the claim is checked.
      if (!(await change(owner, told))) await mine(owner, { to: { domain: owner.domain } });
    },

    async recordRevoked(owner, revoked) {
      await mine(owner, { to: { revoked } });
    },

    async dropCurrent({ domain, me }, current) {
      const dropped = await table.update(domainKey(domain), {
        set: `SET ${SUPERSEDE} REMOVE #current`,
        condition: '#owner = :me',
        values: { me, old: [current], none: [] },
      });
      if (!dropped) lost(domain);
    },

    async releaseDomain({ seen, now, ...owner }, dueAt) {
      const ended = { done: seen, ...CLAIM_ENDED };
      const released = await change(owner, {
        to: { ...ended, dueAt, parked: undefined, retired: undefined },
        when: { wanted: seen },
      });
      if (released) return true;
      await mine(owner, { to: { ...ended, dueAt: now } });
      return false;
    },

    async parkDomain({ seen, ...owner }, parked, waitsFor) {
      for (const server of waitsFor)
        await table.put(waitingKey({ server, domain: owner.domain }), { domain: owner.domain });
      // A registration reads who waits after its own write, so that one of the two sees the other.
      const servers = await Promise.all(waitsFor.map(server => table.get(serverKey(server))));
      const hasCome = servers.some(server => server?.node !== undefined);
      const ended = { done: seen, parked, retired: undefined, ...CLAIM_ENDED };
      const isParked = await change(owner, {
        to: { ...ended, dueAt: hasCome ? parked.since : parked.nextTry },
        when: { wanted: seen },
      });
      // A newer wish came, perhaps the correction. Its execution found the domain claimed and
      // ended, so the domain is due at once.
      if (!isParked) await mine(owner, { to: { ...ended, dueAt: parked.since } });
    },

    async retireDomain({ seen, ...owner }, retired, dueAt) {
      const isRetired = await change(owner, {
        to: { done: seen, retired, dueAt, parked: undefined, ...CLAIM_ENDED },
        when: { wanted: seen },
      });
      return isRetired !== undefined;
    },

    forgetDomain: ({ domain, me, seen }) =>
      table.remove(domainKey(domain), '#owner = :me AND #wanted = :seen', { me, seen }),
  };
}
