/** Domains, in memory, under the same conditions as aws/domain-items.ts. */
import { isDeepStrictEqual } from 'node:util';
import type { DomainStore } from '../../core/ports/domain-store.ts';
import { WAKE_MS } from '../../core/ports/lease.ts';
import { serversOf, type DomainRecord } from '../../core/record/domain.ts';
import { idsOf } from '../../core/record/provided.ts';
import { copy, type Memory } from './memory.ts';
import { change } from './owned.ts';

export function domainStore(memory: Memory): DomainStore {
  const { domains } = memory;

  return {
    async readDomain(domain) {
      return copy(domains.get(domain));
    },

    async acceptWish(wish, { at, version }, now, foreign) {
      const record: DomainRecord = domains.get(wish.domain) ?? { domain: wish.domain, wanted: 0, done: 0 };
      const { spec, specAt, specVersion } = record;
      const isLater =
        specAt === undefined ||
        (version !== undefined && specVersion !== undefined
          ? specVersion < version
          : specAt < at || (specAt === at && !isDeepStrictEqual(spec, copy(wish))));
      if (!isLater) return false;
      const isAtWork = isDeepStrictEqual(spec, copy(wish)) && record.owner !== undefined && record.leaseUntil! >= now;
      if (isAtWork) {
        domains.set(wish.domain, copy({ ...record, specAt: at, specVersion: version }));
        return true;
      }
      const said = { spec: copy(wish), specAt: at, specVersion: version, dueAt: now + WAKE_MS };
      const named = [...new Set([...(record.servers ?? []), ...serversOf(wish)])].sort();
      const gone = wish.deleted ? { deletedAt: now, provided: undefined } : { deletedAt: undefined };
      const known = { ...(named.length > 0 && { servers: named }), ...gone };
      domains.set(wish.domain, copy({ ...record, ...said, ...known, foreign, wanted: record.wanted + 1 }));
      return true;
    },

    async askReEvaluation(domain, now) {
      askReEvaluation(memory, domain, now);
    },

    async provide(domain, { provided, before, now }) {
      const record = domains.get(domain);
      if (!record?.spec) return false;
      const elsewhere = [...new Set([...(record.elsewhere ?? []), ...idsOf(provided ?? {})])].sort();
      const to = { provided, ...(elsewhere.length > 0 && { elsewhere }) };
      const more = isDeepStrictEqual(record.provided, copy(before)) ? 1 : 0;
      if (!change(record, { to, when: { provided: before, deletedAt: undefined } })) return false;
      record.wanted += more;
      if (record.owner === undefined) record.dueAt = now;
      return true;
    },

    async forgetSuperseded(domain, superseded) {
      const record = domains.get(domain);
      if (isDeepStrictEqual(record?.superseded, superseded)) delete record!.superseded;
    },

    async forgetElsewhere(domain, ids) {
      const record = domains.get(domain);
      const left = record?.elsewhere?.filter(id => !ids.includes(id)) ?? [];
      if (left.length > 0) record!.elsewhere = left;
      else delete record?.elsewhere;
    },
  };
}

export function askReEvaluation({ domains }: Memory, domain: string, now: number): void {
  const record = domains.get(domain);
  if (!record?.spec) return;
  record.wanted += 1;
  if (record.owner === undefined) record.dueAt = now;
}
