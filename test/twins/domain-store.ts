/** Domains in memory, under the same conditions as aws/domain-items.ts; test/aws/domain-store.suite.ts holds both to them. */
import { isDeepStrictEqual } from 'node:util';
import { serversOf, type DomainRecord } from '../../core/record/domain.ts';
import { idsOf } from '../../core/record/provided.ts';
import { SealpostError } from '../../core/errors.ts';
import type { Work } from '../../core/record/server.ts';
import { LEASE_MS, WAKE_MS, type DomainStore } from '../../core/ports/store.ts';
import { copy, inner, type Memory } from './memory.ts';

export function domainStore({ domains, servers, work, waiting, arns, imports, dependents }: Memory): DomainStore {
  function mine(domain: string, me: string): DomainRecord {
    const record = domains.get(domain);
    if (record?.owner === me) return record;
    throw new SealpostError('ClaimLost', domain, `another execution has taken ${domain} over`);
  }

  const areRegistered = (names: string[]) => names.every(name => servers.get(name)?.node !== undefined);

  function dueNow(domain: string, now: number): void {
    const record = domains.get(domain);
    if (record?.spec && record.owner === undefined) record.dueAt = now;
  }

  function lookAgain(domain: string, now: number): void {
    const record = domains.get(domain);
    if (record?.spec) record.wanted += 1;
    dueNow(domain, now);
  }

  function requireRegistered(names: string[], domain: string): void {
    if (areRegistered(names)) return;
    throw new SealpostError('ServerNotRegistered', domain, `a server of ${domain} is not registered any more`);
  }

  function giveWork(
    names: string[],
    domain: string,
    { certificate, provided }: Pick<Work, 'certificate' | 'provided'>,
    host: boolean | undefined,
    now: number,
    calm: Record<string, number> = {},
  ): void {
    for (const name of names) {
      const notBefore = calm[name];
      const waits = notBefore !== undefined && { notBefore, calm: true as const };
      inner(work, name).set(domain, copy({ domain, certificate, provided, v: now, ...(host && { host }), ...waits }));
      const server = servers.get(name)!;
      server.wanted += 1;
      if (notBefore === undefined) server.dueAt = now + WAKE_MS;
      else if (server.dueAt === undefined) server.dueAt = notBefore;
      else if (server.owner === undefined) server.dueAt = Math.min(server.dueAt, notBefore);
    }
  }

  function endClaim(record: DomainRecord): void {
    delete record.owner;
    delete record.leaseUntil;
  }

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

    async claimDomain(domain, me, now) {
      const record = domains.get(domain);
      if (!record?.spec) return undefined;
      const isFree = record.owner === undefined || record.leaseUntil! < now;
      const isDue = record.wanted > record.done || (record.dueAt !== undefined && record.dueAt <= now);
      if (record.owner !== me && !(isFree && isDue)) return undefined;
      const lease = now + LEASE_MS;
      return copy(Object.assign(record, { owner: me, leaseUntil: lease, dueAt: lease, seen: record.wanted }));
    },

    async renewDomain(domain, me, now) {
      const lease = now + LEASE_MS;
      return copy(Object.assign(mine(domain, me), { leaseUntil: lease, dueAt: lease }));
    },

    async recordReservation(domain, me, reserved) {
      mine(domain, me).reserved = copy(reserved);
    },

    async recordOrder(domain, me, order, reserved) {
      const record = mine(domain, me);
      if (reserved) record.reserved = copy(reserved);
      else delete record.reserved;
      return copy((record.order ??= copy(order)));
    },

    async forgetOrder(domain, me, url) {
      const record = domains.get(domain);
      if (record?.owner === me && record.order?.url === url) delete record.order;
    },

    async recordPublished(domain, me, published) {
      const record = mine(domain, me);
      if (published.length > 0) record.published = copy(published);
      else delete record.published;
    },

    async commitCertificate({ domain, me, seen, certificate, supersedes, provided, servers: names, calm, host, now }) {
      const record = domains.get(domain);
      if (record?.owner !== me || record.wanted !== seen) return false;
      if (certificate.staging && record.current && !record.current.staging) return false;
      requireRegistered(names, domain);
      giveWork(names, domain, { certificate, provided }, host, now, calm);
      record.current = copy(certificate);
      if (supersedes !== undefined) record.superseded = [...(record.superseded ?? []), supersedes];
      delete record.order;
      delete record.reserved;
      return true;
    },

    async commitWork({ domain, certificate, provided, servers: names, host, now }) {
      requireRegistered(names, domain);
      giveWork(names, domain, { certificate, provided }, host, now);
    },

    async commitRemoval({ domain, wanted, servers: names, now }) {
      if (domains.get(domain)?.wanted !== wanted || !areRegistered(names)) return false;
      giveWork(names, domain, { certificate: 'REMOVE' }, undefined, now);
      return true;
    },

    async recordAcm(domain, me, acm) {
      if (acm.arn !== undefined) arns.set(acm.arn, domain);
      mine(domain, me).acm = copy(acm);
    },

    async forgetAcm(domain, me, arn) {
      delete mine(domain, me).acm;
      if (arn !== undefined && arns.get(arn) === domain) arns.delete(arn);
    },

    async countImport(month, quotas) {
      imports.byMonth[month] = (imports.byMonth[month] ?? 0) + 1;
      imports.quotas = quotas;
    },

    async acmUse(withCertificates) {
      const { byMonth, quotas } = imports;
      return copy({ certificates: withCertificates ? arns.size : 0, imports: byMonth, quotas });
    },

    async domainOfArn(arn) {
      return arns.get(arn);
    },

    async dropCurrent(domain, me, current) {
      const record = mine(domain, me);
      record.superseded = [...(record.superseded ?? []), current];
      delete record.current;
    },

    async forgetSuperseded(domain, superseded) {
      const record = domains.get(domain);
      if (isDeepStrictEqual(record?.superseded, superseded)) delete record!.superseded;
    },

    async recordRevoked(domain, me, certificate) {
      mine(domain, me).revoked = certificate;
    },

    async releaseDomain(domain, me, seen, dueAt, now) {
      const record = mine(domain, me);
      const isSame = record.wanted === seen;
      Object.assign(record, { done: seen, dueAt: isSame ? dueAt : now });
      endClaim(record);
      if (isSame) {
        delete record.parked;
        delete record.retired;
      }
      return isSame;
    },

    async parkDomain(domain, me, parked, waitsFor) {
      const record = mine(domain, me);
      for (const server of waitsFor) waiting.set(server, new Set(waiting.get(server)).add(domain));
      const hasCome = waitsFor.some(server => areRegistered([server]));
      const isSame = record.wanted === record.seen && !hasCome;
      Object.assign(record, {
        done: record.seen,
        parked: copy(parked),
        dueAt: isSame ? parked.nextTry : parked.since,
      });
      delete record.retired;
      endClaim(record);
    },

    async recordServedUnder(domain, me, servedUnder) {
      const record = mine(domain, me);
      if (servedUnder.length > 0) record.servedUnder = copy(servedUnder);
      else delete record.servedUnder;
    },

    async dependOn(domain, names) {
      for (const name of names) dependents.set(name, new Set(dependents.get(name)).add(domain));
    },

    async dependNoMore(domain, names) {
      for (const name of names) dependents.get(name)?.delete(domain);
    },

    async wakeDependents(server, now, most) {
      const names = [...(dependents.get(server) ?? [])].sort();
      for (const name of names) lookAgain(name, now);
      return { woken: names.length, first: names.slice(0, most) };
    },

    async retireDomain(domain, me, retired, dueAt) {
      const record = domains.get(domain);
      if (record?.owner !== me || record.wanted !== record.seen) return false;
      Object.assign(record, { done: record.seen, retired: copy(retired), dueAt });
      if (dueAt === undefined) delete record.dueAt;
      delete record.parked;
      endClaim(record);
      return true;
    },

    async forgetDomain(domain, me, seen) {
      const record = domains.get(domain);
      return record?.owner === me && record.wanted === seen && domains.delete(domain);
    },

    async provide(domain, provided, before, now) {
      const record = domains.get(domain);
      const isSame = isDeepStrictEqual(record?.provided, copy(before));
      if (!record?.spec || record.deletedAt !== undefined || !isSame) return false;
      if (provided) record.provided = copy(provided);
      else delete record.provided;
      if (provided) record.elsewhere = [...new Set([...(record.elsewhere ?? []), ...idsOf(provided)])].sort();
      lookAgain(domain, now);
      return true;
    },

    async forgetElsewhere(domain, ids) {
      const record = domains.get(domain);
      const left = record?.elsewhere?.filter(id => !ids.includes(id)) ?? [];
      if (left.length > 0) record!.elsewhere = left;
      else delete record?.elsewhere;
    },

    async recordTold(domain, me, use, id, days) {
      const one = mine(domain, me).provided?.[use];
      if (one?.id === id) one.told = days;
    },

    async lookAgain(domain, now) {
      lookAgain(domain, now);
    },

    async wakeWaitingDomains(server, now, most) {
      const names = [...(waiting.get(server) ?? [])].sort();
      waiting.delete(server);
      for (const name of names) lookAgain(name, now);
      return { woken: names.length, first: names.slice(0, most) };
    },
  };
}
