/**
 * What servers should still install or remove, and what is installed: items `S#<server>`
 * `/W#<domain>` and `/P#<domain>`.
 */
import { SealpostError } from '../core/errors.ts';
import { FOUND_AFTER_MS, WAKE_MS } from '../core/ports/lease.ts';
import type { WorkStore } from '../core/ports/work-store.ts';
import type { Work } from '../core/record/server.ts';
import { SUPERSEDE } from './domain-items.ts';
import { domainKey, installedKey, serverKey, workKey } from './keys.ts';
import { asInstalled, guarded } from './served-items.ts';
import type { Table } from './table.ts';

/**
 * DynamoDB takes 100 items in a transaction. A server needs two, and the domain's item is one more.
 */
const SERVERS_IN_A_TRANSACTION = 40;
/** DynamoDB takes 100 items in a transaction. The server's item is one of them. */
const WORKS_IN_A_TRANSACTION = 99;
/** A staging issuer's certificate never replaces a trusted one. */
const NOT_TRUSTED = '(attribute_not_exists(#current) OR #current.#staging = :true)';

/** Work for a domain; `calm`: the servers where the work waits, each with the moment. */
interface Given extends Pick<Work, 'domain' | 'certificate' | 'provided'> {
  host?: boolean;
  calm?: Record<string, number>;
  now: number;
}

export function workItems(table: Table): WorkStore {
  /**
   * Work that replaces other work has a later version, whatever the clocks say: an answer to the
   * delivery of the other must not delete this one.
   */
  const nextVersion = async (server: string, { domain, now }: Given) => {
    const item = await table.get(workKey({ server, domain }));
    return Math.max(now, ((item?.v as number | undefined) ?? 0) + 1);
  };

  const giving = async (servers: string[], given: Given) => {
    const { domain, certificate, provided, host, calm = {}, now } = given;
    const versions = await Promise.all(servers.map(server => nextVersion(server, given)));
    return servers.flatMap((server, i) => {
      const notBefore = calm[server];
      const waits = notBefore !== undefined && { notBefore, calm: true };
      return [
        table.putting(workKey({ server, domain }), {
          ...{ domain, certificate, provided, v: versions[i] },
          ...(host && { host }),
          ...waits,
        }),
        table.updating(serverKey(server), {
          // Calm work delays nothing. A later `dueAt` is brought forward after the transaction.
          set: `SET #dueAt = ${waits ? 'if_not_exists(#dueAt, :due)' : ':due'} ADD #wanted :one`,
          condition: 'attribute_exists(#node)',
          values: { due: notBefore ?? now + FOUND_AFTER_MS, one: 1 },
        }),
      ];
    });
  };

  /** @throws SealpostError ServerNotRegistered */
  const give = async (servers: string[], given: Given) => {
    for (const some of batches(servers))
      requireCommitted(await table.transact(await giving(some, given)), given.domain);
  };

  /**
   * If the step is killed before this, the calm work goes with the server's next delivery, its
   * daily audit at the latest. An owner of the claim finds the work when the claim ends.
   */
  const bringForward = (server: string, at: number) =>
    table.update(serverKey(server), {
      set: 'SET #dueAt = :at',
      condition: '#dueAt > :at AND attribute_not_exists(#owner)',
      values: { at },
    });

  return {
    async commitCertificate(commit) {
      const { domain, me, seen, certificate, supersedes, servers, calm = {} } = commit;
      await give(servers.slice(0, -SERVERS_IN_A_TRANSACTION), commit);
      const current = table.updating(domainKey(domain), {
        set: `SET #current = :certificate${supersedes === undefined ? '' : `, ${SUPERSEDE}`} REMOVE #order, #reserved, #brake`,
        condition: `#owner = :me AND #wanted = :seen${certificate.staging ? ` AND ${NOT_TRUSTED}` : ''}`,
        values: {
          ...{ certificate, me, seen, ...(certificate.staging && { true: true }) },
          ...(supersedes !== undefined && { old: [supersedes], none: [] }),
        },
      });
      const items = [...(await giving(servers.slice(-SERVERS_IN_A_TRANSACTION), commit)), current];
      const lost = await table.transact(items);
      if (lost.includes(items.length - 1)) return false;
      requireCommitted(lost, domain);
      await Promise.all(Object.entries(calm).map(([server, at]) => bringForward(server, at)));
      return true;
    },

    commitWork: ({ servers, ...work }) => give(servers, work),

    async commitRemoval({ domain, wanted, servers, now }) {
      const unchanged = table.checking(domainKey(domain), { condition: '#wanted = :wanted', values: { wanted } });
      for (const some of batches(servers)) {
        const removal = await giving(some, { domain, certificate: 'REMOVE', now });
        const lost = await table.transact([unchanged, ...removal]);
        if (lost.length > 0) return false;
      }
      return true;
    },

    async giveAgain({ server, node }, works, now) {
      const registered = table.updating(serverKey(server), {
        set: 'SET #dueAt = :due ADD #wanted :one',
        condition: '#node = :node',
        values: { due: now + WAKE_MS, one: 1, node },
      });
      const putting = ({ over, ...work }: (typeof works)[number]) =>
        table.putting(
          workKey({ server, domain: work.domain }),
          { ...work, v: Math.max(now, (over ?? 0) + 1), node },
          over === undefined
            ? { condition: 'attribute_not_exists(#v)', values: {} }
            : { condition: '#v = :over', values: { over } },
        );
      for (let i = 0; i < works.length; i += WORKS_IN_A_TRANSACTION) {
        let left = works.slice(i, i + WORKS_IN_A_TRANSACTION);
        while (left.length > 0) {
          const lost = await table.transact([registered, ...left.map(putting)]);
          if (lost.includes(0)) return false;
          left = lost.length === 0 ? [] : left.filter((_, k) => !lost.includes(k + 1));
        }
      }
      return true;
    },

    async work(server, limit, after) {
      const last = after === undefined ? undefined : workKey({ server, domain: after });
      return (await table.query({ pk: serverKey(server).pk, prefix: '/W#' }, limit, last)).map(asWork);
    },

    async workFor({ server, domain }) {
      const item = await table.get(workKey({ server, domain }));
      return item && asWork(item);
    },

    async installed({ server, domain }) {
      const item = await table.get(installedKey({ server, domain }));
      return item && asInstalled(item);
    },

    async allInstalled(server) {
      const items = await table.query({ pk: serverKey(server).pk, prefix: '/P#' }, Number.POSITIVE_INFINITY);
      return items.map(asInstalled);
    },

    async recordInstalled(server, { domain, v }, installed) {
      const key = installedKey({ server, domain });
      await table.put(key, { ...installed, v, ...guarded(key, installed.life) });
    },

    async endWork(server, { domain, v }) {
      await table.remove(workKey({ server, domain }), '#v = :v', { v });
    },

    async recordRemoved(server, { domain, v }, { node, begun }) {
      const condition = 'attribute_not_exists(#node) OR #node = :node OR #seenAt < :begun';
      await table.remove(installedKey({ server, domain }), condition, { node, begun });
      await table.remove(workKey({ server, domain }), '#v = :v', { v });
    },

    async recordRetired(server, { domain, v }, { begun }) {
      await table.update(installedKey({ server, domain }), {
        set: 'REMOVE #node',
        condition: 'attribute_exists(#node) AND #seenAt < :begun',
        values: { begun },
      });
      await table.remove(workKey({ server, domain }), '#v = :v', { v });
    },

    async recordRefused(server, { domain, v }, notBefore, reason) {
      await table.update(workKey({ server, domain }), {
        set: 'SET #notBefore = :notBefore, #reason = :reason REMOVE #calm ADD #refusals :one',
        condition: '#v = :v',
        values: { v, notBefore, reason, one: 1 },
      });
    },
  };
}

function asWork({ pk: _, sk: __, ...work }: Record<string, unknown>): Work {
  return work as unknown as Work;
}

function batches(servers: string[]): string[][] {
  const size = SERVERS_IN_A_TRANSACTION;
  return Array.from({ length: Math.ceil(servers.length / size) }, (_, i) => servers.slice(i * size, (i + 1) * size));
}

function requireCommitted(lost: number[], domain: string): void {
  if (lost.length === 0) return;
  throw new SealpostError('ServerNotRegistered', {
    about: domain,
    message: `a server of ${domain} is not registered any more; put Mail Server Registered`,
  });
}
