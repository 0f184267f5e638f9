/**
 * Work of servers and what is installed there, in memory, under the same conditions as
 * aws/work-items.ts.
 */
import { SealpostError } from '../../core/errors.ts';
import { FOUND_AFTER_MS, WAKE_MS } from '../../core/ports/lease.ts';
import type { WorkStore } from '../../core/ports/work-store.ts';
import type { Work } from '../../core/record/server.ts';
import { copy, inner, type Memory } from './memory.ts';
import { areRegistered, registered } from './server-store.ts';

/**
 * Work for a domain. `calm` has, for each server where the work waits, the moment at which the wait
 * ends.
 */
interface Given extends Pick<Work, 'domain' | 'certificate' | 'provided'> {
  host?: boolean;
  calm?: Record<string, number>;
  now: number;
}

export function workStore(memory: Memory): WorkStore {
  const { domains, servers, work, installed } = memory;

  function requireRegistered(names: string[], domain: string): void {
    if (areRegistered(memory, names)) return;
    throw new SealpostError('ServerNotRegistered', {
      about: domain,
      message: `a server of ${domain} is not registered any more`,
    });
  }

  function giveWork(names: string[], given: Given): void {
    const { domain, certificate, provided, host, calm = {}, now } = given;
    for (const name of names) {
      const notBefore = calm[name];
      const waits = notBefore !== undefined && { notBefore, calm: true as const };
      const v = Math.max(now, (inner(work, name).get(domain)?.v ?? 0) + 1);
      inner(work, name).set(domain, copy({ domain, certificate, provided, v, ...(host && { host }), ...waits }));
      const server = servers.get(name)!;
      server.wanted += 1;
      if (notBefore === undefined) server.dueAt = now + FOUND_AFTER_MS;
      else if (server.dueAt === undefined) server.dueAt = notBefore;
      else if (server.owner === undefined) server.dueAt = Math.min(server.dueAt, notBefore);
    }
  }

  function takeWorkAway(server: string, { domain, v }: { domain: string; v: number }): void {
    const items = inner(work, server);
    if (items.get(domain)?.v === v) items.delete(domain);
  }

  return {
    async commitCertificate(commit) {
      const { domain, me, seen, certificate, supersedes, servers: names } = commit;
      const record = domains.get(domain);
      if (record?.owner !== me || record.wanted !== seen) return false;
      if (certificate.staging && record.current && !record.current.staging) return false;
      requireRegistered(names, domain);
      giveWork(names, commit);
      record.current = copy(certificate);
      if (supersedes !== undefined) record.superseded = [...(record.superseded ?? []), supersedes];
      delete record.order;
      delete record.reserved;
      delete record.brake;
      return true;
    },

    async commitWork({ servers: names, ...given }) {
      requireRegistered(names, given.domain);
      giveWork(names, given);
    },

    async commitRemoval({ domain, wanted, servers: names, now }) {
      if (domains.get(domain)?.wanted !== wanted || !areRegistered(memory, names)) return false;
      giveWork(names, { domain, certificate: 'REMOVE', now });
      return true;
    },

    async giveAgain({ server, node }, works, now) {
      const record = registered(memory, server);
      if (record?.node !== node) return false;
      const there = inner(work, server);
      const given = works.filter(({ domain, over }) => there.get(domain)?.v === over);
      for (const { over = 0, ...one } of given)
        there.set(one.domain, copy({ ...one, v: Math.max(now, over + 1), node }));
      if (given.length > 0) Object.assign(record, { wanted: record.wanted + 1, dueAt: now + WAKE_MS });
      return true;
    },

    async work(server, limit, after = '') {
      const items = [...inner(work, server).values()].filter(one => one.domain > after);
      return copy(items.sort((a, b) => (a.domain < b.domain ? -1 : 1)).slice(0, limit));
    },

    async workFor({ server, domain }) {
      return copy(inner(work, server).get(domain));
    },

    async installed({ server, domain }) {
      return copy(inner(installed, server).get(domain));
    },

    async allInstalled(server) {
      return copy([...inner(installed, server).values()]);
    },

    async recordInstalled(server, entry, seen) {
      inner(installed, server).set(entry.domain, copy({ ...seen, v: entry.v }));
    },

    async endWork(server, entry) {
      takeWorkAway(server, entry);
    },

    async recordRemoved(server, entry, { node, begun }) {
      const there = inner(installed, server);
      const one = there.get(entry.domain);
      if (one && ([undefined, node].includes(one.node) || one.seenAt < begun)) there.delete(entry.domain);
      takeWorkAway(server, entry);
    },

    async recordRetired(server, entry, { begun }) {
      const one = inner(installed, server).get(entry.domain);
      if (one && one.seenAt < begun) delete one.node;
      takeWorkAway(server, entry);
    },

    async recordRefused(server, { domain, v }, notBefore, reason) {
      const item = inner(work, server).get(domain);
      if (item?.v !== v) return;
      Object.assign(item, { notBefore, reason, refusals: (item.refusals ?? 0) + 1 });
      delete item.calm;
    },
  };
}
