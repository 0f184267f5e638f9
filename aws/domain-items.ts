/** The writes for domains, as docs/protocol.md lists them: item `D#<domain>`, and the work that a commit gives to servers. */
import { serversOf, type DomainRecord, type Wish } from '../core/record/domain.ts';
import { idsOf } from '../core/record/provided.ts';
import { SealpostError } from '../core/errors.ts';
import type { Work } from '../core/record/server.ts';
import { LEASE_MS, type DomainStore } from '../core/ports/store.ts';
import { shardOf, type Key, type Table } from './table.ts';
import { serverKey } from './server-items.ts';
import type { AcmQuotas, AcmUse } from '../core/record/acm.ts';

/** DynamoDB takes 100 items in a transaction; a server costs two, and the domain's own comes last. */
const SERVERS_IN_A_TRANSACTION = 40;
/** A server that was given work and not woken is found by the sweep after this. */
const FOUND_AFTER_MS = 60_000;
/** What a staging issuer gave never takes the place of a certificate that is trusted. */
const NOT_TRUSTED = '(attribute_not_exists(#current) OR #current.#staging = :true)';
/** Waiting domains that are looked at again at once: each is three writes. */
const BATCH = 25;

export const domainKey = (domain: string): Key => ({ pk: `D#${domain}`, sk: '/D' });
/** One partition, since they are counted, and ACM takes one import a second. */
const ACM = 'M#';
const arnKey = (arn: string): Key => ({ pk: ACM, sk: `/M#${arn}` });
const importsKey: Key = { pk: ACM, sk: '/N' };
/** Attributes of that one: an alias begins with a letter. */
const IMPORTS_IN = 'in';
/** A domain that hangs on what a server can do. */
const dependentKey = (server: string, domain: string): Key => ({ pk: serverKey(server).pk, sk: `/U#${domain}` });

const SUPERSEDE = '#superseded = list_append(if_not_exists(#superseded, :none), :old)';

export function domainItems(table: Table): DomainStore {
  /** A write that only the claim's owner may do. */
  const mine = async (
    domain: string,
    me: string,
    set: string,
    values: Record<string, unknown> = {},
    condition = '',
  ) => {
    const item = await table.update(domainKey(domain), {
      set,
      condition: `#owner = :me${condition}`,
      values: { me, ...values },
    });
    if (!item) throw new SealpostError('ClaimLost', domain, `another execution has taken ${domain} over`);
    return asRecord(item)!;
  };

  const workFor = (
    servers: string[],
    domain: string,
    { certificate, provided }: Pick<Work, 'certificate' | 'provided'>,
    host: boolean | undefined,
    now: number,
    calm: Record<string, number> = {},
  ) =>
    servers.flatMap(server => {
      const notBefore = calm[server];
      const waits = notBefore !== undefined && { notBefore, calm: true };
      return [
        table.putting(
          { pk: serverKey(server).pk, sk: `/W#${domain}` },
          { domain, certificate, provided, v: now, ...(host && { host }), ...waits },
        ),
        table.updating(serverKey(server), {
          // Calm work makes no earlier time later; a later one is brought forward after the transaction.
          set: `SET #dueAt = ${waits ? 'if_not_exists(#dueAt, :due)' : ':due'} ADD #wanted :one`,
          condition: 'attribute_exists(#node)',
          values: { due: notBefore ?? now + FOUND_AFTER_MS, one: 1 },
        }),
      ];
    });

  /** Killed before this, calm work waits for the server's next time, its audit at the latest. Who is at work there finds it by itself. */
  const bringForward = (server: string, at: number) =>
    table.update(serverKey(server), {
      set: 'SET #dueAt = :at',
      condition: '#dueAt > :at AND attribute_not_exists(#owner)',
      values: { at },
    });

  const requireCommitted = (lost: number[], domain: string) => {
    if (lost.length > 0)
      throw new SealpostError(
        'ServerNotRegistered',
        domain,
        `a server of ${domain} is not registered any more; put Mail Server Registered`,
      );
  };

  /** A domain that somebody works on keeps its lease's end as its time; that execution finds by itself what is new. */
  const dueNow = (domain: string, now: number) =>
    table.update(domainKey(domain), {
      set: 'SET #dueAt = :now',
      condition: 'attribute_not_exists(#owner) AND attribute_exists(#spec)',
      values: { now },
    });

  // The counter first: an owner that releases in between finds it changed.
  const lookAgain = async (domain: string, now: number) => {
    await table.update(domainKey(domain), {
      set: 'ADD #wanted :one',
      condition: 'attribute_exists(#spec)',
      values: { one: 1 },
    });
    await dueNow(domain, now);
  };

  return {
    async readDomain(domain) {
      return asRecord(await table.get(domainKey(domain)));
    },

    async acceptWish(spec: Wish, { at, version }, now, foreign) {
      const later = '#specAt < :at OR (#specAt = :at AND #spec <> :spec)';
      const isLater =
        version === undefined
          ? `attribute_not_exists(#specAt) OR ${later}`
          : `attribute_not_exists(#specAt) OR #specVersion < :version OR (attribute_not_exists(#specVersion) AND (${later}))`;
      const isAtWork = '#spec = :spec AND attribute_exists(#owner) AND #leaseUntil >= :now';
      const said = { spec, at, now, ...(version !== undefined && { version }) };
      const servers = serversOf(spec);
      const set = [
        '#spec = :spec, #specAt = :at, #domain = :domain, #shard = :shard, #dueAt = :due, #done = if_not_exists(#done, :zero)',
        ...(version === undefined ? [] : ['#specVersion = :version']),
        ...(spec.deleted ? ['#deletedAt = :now'] : []),
        ...(foreign ? ['#foreign = :foreign'] : []),
      ];
      // Whoever has the domain next shall not be served with the key of who had it before.
      const gone = [
        ...(version === undefined ? ['#specVersion'] : []),
        ...(foreign ? [] : ['#foreign']),
        spec.deleted ? '#provided' : '#deletedAt',
      ];
      const more = ['#wanted :one', ...(servers.length > 0 ? ['#servers :servers'] : [])];
      const accept = () =>
        table.update(domainKey(spec.domain), {
          set: `SET ${set.join(', ')} REMOVE ${gone.join(', ')} ADD ${more.join(', ')}`,
          condition: `(${isLater}) AND NOT (${isAtWork})`,
          values: {
            ...said,
            ...(servers.length > 0 && { servers: new Set(servers) }),
            ...(foreign && { foreign }),
            domain: spec.domain,
            shard: shardOf(domainKey(spec.domain).pk),
            due: now + FOUND_AFTER_MS,
            zero: 0,
            one: 1,
          },
        });
      const moveOn = () =>
        table.update(domainKey(spec.domain), {
          set: `SET #specAt = :at${version === undefined ? ' REMOVE #specVersion' : ', #specVersion = :version'}`,
          condition: `(${isLater}) AND ${isAtWork}`,
          values: said,
        });
      // Whoever was at work may have ended between the two.
      return ((await accept()) ?? (await moveOn()) ?? (await accept())) !== undefined;
    },

    async claimDomain(domain, me, now) {
      const item = await table.update(domainKey(domain), {
        set: 'SET #owner = :me, #leaseUntil = :lease, #dueAt = :lease, #seen = #wanted',
        condition:
          'attribute_exists(#spec) AND (#owner = :me OR ((attribute_not_exists(#owner) OR #leaseUntil < :now) AND (#wanted > #done OR #dueAt <= :now)))',
        values: { me, now, lease: now + LEASE_MS },
      });
      return asRecord(item);
    },

    renewDomain: (domain, me, now) =>
      mine(domain, me, 'SET #leaseUntil = :lease, #dueAt = :lease', { lease: now + LEASE_MS }),

    async recordReservation(domain, me, reserved) {
      await mine(domain, me, 'SET #reserved = :reserved', { reserved });
    },

    async recordOrder(domain, me, order, reserved) {
      const left = reserved ? ', #reserved = :reserved' : ' REMOVE #reserved';
      const set = `SET #order = if_not_exists(#order, :order)${left}`;
      const item = await mine(domain, me, set, { order, ...(reserved && { reserved }) });
      return item.order!;
    },

    async forgetOrder(domain, me, url) {
      await table.update(domainKey(domain), {
        set: 'REMOVE #order',
        condition: '#owner = :me AND #order.#url = :url',
        values: { me, url },
      });
    },

    async recordPublished(domain, me, published) {
      if (published.length > 0) await mine(domain, me, 'SET #published = :published', { published });
      else await mine(domain, me, 'REMOVE #published');
    },

    async commitCertificate({ domain, me, seen, certificate, supersedes, provided, servers, calm, host, now }) {
      const served = { certificate, provided };
      const before = servers.slice(0, -SERVERS_IN_A_TRANSACTION);
      const last = servers.slice(-SERVERS_IN_A_TRANSACTION);
      for (let i = 0; i < before.length; i += SERVERS_IN_A_TRANSACTION)
        requireCommitted(
          await table.transact(workFor(before.slice(i, i + SERVERS_IN_A_TRANSACTION), domain, served, host, now, calm)),
          domain,
        );
      const current = table.updating(domainKey(domain), {
        set: `SET #current = :certificate${supersedes === undefined ? '' : `, ${SUPERSEDE}`} REMOVE #order, #reserved`,
        condition: `#owner = :me AND #wanted = :seen${certificate.staging ? ` AND ${NOT_TRUSTED}` : ''}`,
        values: {
          ...{ certificate, me, seen, ...(certificate.staging && { true: true }) },
          ...(supersedes !== undefined && { old: [supersedes], none: [] }),
        },
      });
      const items = [...workFor(last, domain, served, host, now, calm), current];
      const lost = await table.transact(items);
      if (lost.includes(items.length - 1)) return false;
      requireCommitted(lost, domain);
      await Promise.all(Object.entries(calm ?? {}).map(([server, at]) => bringForward(server, at)));
      return true;
    },

    async commitWork({ domain, certificate, provided, servers, host, now }) {
      const served = { certificate, provided };
      for (let i = 0; i < servers.length; i += SERVERS_IN_A_TRANSACTION)
        requireCommitted(
          await table.transact(workFor(servers.slice(i, i + SERVERS_IN_A_TRANSACTION), domain, served, host, now)),
          domain,
        );
    },

    async commitRemoval({ domain, wanted, servers, now }) {
      const unchanged = table.checking(domainKey(domain), { condition: '#wanted = :wanted', values: { wanted } });
      for (let i = 0; i < servers.length; i += SERVERS_IN_A_TRANSACTION) {
        const work = workFor(
          servers.slice(i, i + SERVERS_IN_A_TRANSACTION),
          domain,
          { certificate: 'REMOVE' },
          undefined,
          now,
        );
        const lost = await table.transact([unchanged, ...work]);
        if (lost.length > 0) return false;
      }
      return true;
    },

    // The way from the ARN first: one that leads to a domain which does not know it yet does no harm.
    async recordAcm(domain, me, acm) {
      if (acm.arn !== undefined) await table.put(arnKey(acm.arn), { domain });
      await mine(domain, me, 'SET #acm = :acm', { acm });
    },

    async forgetAcm(domain, me, arn) {
      await mine(domain, me, 'REMOVE #acm');
      if (arn !== undefined) await table.remove(arnKey(arn), '#domain = :domain', { domain });
    },

    async countImport(month, quotas) {
      const set = `SET #quotas = :quotas ADD #${IMPORTS_IN}${month} :one`;
      await table.update(importsKey, { set, values: { quotas, one: 1 } });
    },

    async acmUse(withCertificates) {
      const counted = await table.get(importsKey);
      const arns = withCertificates ? await table.query(ACM, '/M#', Number.POSITIVE_INFINITY) : [];
      return asAcmUse(counted, arns.length);
    },

    async domainOfArn(arn) {
      return (await table.get(arnKey(arn)))?.domain as string | undefined;
    },

    async dropCurrent(domain, me, current) {
      await mine(domain, me, `SET ${SUPERSEDE} REMOVE #current`, { old: [current], none: [] });
    },

    async forgetSuperseded(domain, superseded) {
      const all = { condition: '#superseded = :superseded', values: { superseded } };
      await table.update(domainKey(domain), { set: 'REMOVE #superseded', ...all });
    },

    async recordRevoked(domain, me, revoked) {
      await mine(domain, me, 'SET #revoked = :revoked', { revoked });
    },

    async releaseDomain(domain, me, seen, dueAt, now) {
      const released = await table.update(domainKey(domain), {
        set: 'SET #done = :seen, #dueAt = :dueAt REMOVE #owner, #leaseUntil, #parked, #retired',
        condition: '#owner = :me AND #wanted = :seen',
        values: { me, seen, dueAt },
      });
      if (released) return true;
      await mine(domain, me, 'SET #done = :seen, #dueAt = :now REMOVE #owner, #leaseUntil', { seen, now });
      return false;
    },

    async parkDomain(domain, me, parked, waitsFor) {
      for (const server of waitsFor) await table.put({ pk: serverKey(server).pk, sk: `/A#${domain}` }, { domain });
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
      if (!isParked) await mine(domain, me, park, { parked, due: parked.since });
    },

    async recordServedUnder(domain, me, servedUnder) {
      if (servedUnder.length > 0) await mine(domain, me, 'SET #servedUnder = :servedUnder', { servedUnder });
      else await mine(domain, me, 'REMOVE #servedUnder');
    },

    async dependOn(domain, servers) {
      await Promise.all(servers.map(server => table.put(dependentKey(server, domain), { domain })));
    },

    async dependNoMore(domain, servers) {
      await Promise.all(servers.map(server => table.remove(dependentKey(server, domain))));
    },

    async wakeDependents(server, now, most) {
      const { pk } = serverKey(server);
      const items = await table.query(pk, '/U#', Number.POSITIVE_INFINITY);
      const domains = items.map(item => item.domain as string);
      for (let i = 0; i < domains.length; i += BATCH)
        await Promise.all(domains.slice(i, i + BATCH).map(domain => lookAgain(domain, now)));
      return { woken: domains.length, first: domains.slice(0, most) };
    },

    async retireDomain(domain, me, retired, dueAt) {
      const gone = ['#owner', '#leaseUntil', '#parked', ...(dueAt === undefined ? ['#dueAt'] : [])];
      const due = dueAt === undefined ? '' : ', #dueAt = :dueAt';
      const item = await table.update(domainKey(domain), {
        set: `SET #done = #seen, #retired = :retired${due} REMOVE ${gone.join(', ')}`,
        condition: '#owner = :me AND #wanted = #seen',
        values: { me, retired, ...(dueAt !== undefined && { dueAt }) },
      });
      return item !== undefined;
    },

    forgetDomain: (domain, me, seen) =>
      table.remove(domainKey(domain), '#owner = :me AND #wanted = :seen', { me, seen }),

    async provide(domain, provided, before, now) {
      const isSame = before ? '#provided = :before' : 'attribute_not_exists(#provided)';
      const isProvided = await table.update(domainKey(domain), {
        set: provided
          ? 'SET #provided = :provided ADD #wanted :one, #elsewhere :ids'
          : 'REMOVE #provided ADD #wanted :one',
        condition: `attribute_exists(#spec) AND attribute_not_exists(#deletedAt) AND ${isSame}`,
        values: { one: 1, ...(provided && { provided, ids: new Set(idsOf(provided)) }), ...(before && { before }) },
      });
      if (isProvided) await dueNow(domain, now);
      return isProvided !== undefined;
    },

    async forgetElsewhere(domain, ids) {
      const gone = { condition: 'attribute_exists(#elsewhere)', values: { ids: new Set(ids) } };
      await table.update(domainKey(domain), { set: 'DELETE #elsewhere :ids', ...gone });
    },

    async recordTold(domain, me, use, id, days) {
      const told = await table.update(domainKey(domain), {
        set: `SET #provided.#${use}.#told = :days`,
        condition: `#owner = :me AND #provided.#${use}.#id = :id`,
        values: { me, id, days },
      });
      if (!told) await mine(domain, me, 'SET #domain = :domain', { domain });
    },

    lookAgain,

    async wakeWaitingDomains(server, now, most) {
      const { pk } = serverKey(server);
      const first: string[] = [];
      for (let woken = 0; ;) {
        const domains = (await table.query(pk, '/A#', BATCH)).map(item => item.domain as string);
        if (domains.length === 0) return { woken, first };
        const wake = async (domain: string) => {
          await lookAgain(domain, now);
          await table.remove({ pk, sk: `/A#${domain}` });
        };
        await Promise.all(domains.map(wake));
        first.push(...domains.slice(0, most - first.length));
        woken += domains.length;
      }
    },
  };
}

export function asAcmUse(item: Record<string, unknown> | undefined, certificates: number): AcmUse {
  const imports = Object.entries(item ?? {}).flatMap(([name, count]) =>
    name.startsWith(IMPORTS_IN) ? [[name.slice(IMPORTS_IN.length), count as number]] : [],
  );
  const quotas = item?.quotas as AcmQuotas | undefined;
  return { certificates, imports: Object.fromEntries(imports), ...(quotas && { quotas }) };
}

/** A set of the table's is a list here. */
export function asRecord(item: Record<string, unknown> | undefined): DomainRecord | undefined {
  const lists = Object.entries(item ?? {}).flatMap(([name, value]) =>
    value instanceof Set ? [[name, [...(value as Set<string>)].sort()]] : [],
  );
  return item && ({ ...item, ...Object.fromEntries(lists) } as unknown as DomainRecord);
}
