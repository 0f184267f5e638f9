/** Work of servers and what is installed there: items `S#<server>` `/W#<domain>` and `/P#<domain>`. */
import { SealpostError } from '../core/errors.ts';
import { FOUND_AFTER_MS, WAKE_MS } from '../core/ports/lease.ts';
import type { WorkStore } from '../core/ports/work-store.ts';
import type { Installed, Work } from '../core/record/server.ts';
import { SUPERSEDE } from './domain-items.ts';
import { domainKey, installedKey, serverKey, workKey } from './keys.ts';
import type { Table } from './table.ts';

/** DynamoDB takes 100 items in a transaction; a server costs two, and the domain's own comes last. */
const SERVERS_IN_A_TRANSACTION = 40;
/** DynamoDB takes 100 items in a transaction; one is the server's own. */
const WORKS_IN_A_TRANSACTION = 99;
/** What a staging issuer gave never takes the place of a certificate that is trusted. */
const NOT_TRUSTED = '(attribute_not_exists(#current) OR #current.#staging = :true)';

export function workItems(table: Table): WorkStore {
  const giving = (
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
        table.putting(workKey(server, domain), {
          domain,
          certificate,
          provided,
          v: now,
          ...(host && { host }),
          ...waits,
        }),
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
      throw new SealpostError('ServerNotRegistered', {
        about: domain,
        message: `a server of ${domain} is not registered any more; put Mail Server Registered`,
      });
  };

  return {
    async commitCertificate({ domain, me, seen, certificate, supersedes, provided, servers, calm, host, now }) {
      const served = { certificate, provided };
      const before = servers.slice(0, -SERVERS_IN_A_TRANSACTION);
      const last = servers.slice(-SERVERS_IN_A_TRANSACTION);
      for (let i = 0; i < before.length; i += SERVERS_IN_A_TRANSACTION)
        requireCommitted(
          await table.transact(giving(before.slice(i, i + SERVERS_IN_A_TRANSACTION), domain, served, host, now, calm)),
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
      const items = [...giving(last, domain, served, host, now, calm), current];
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
          await table.transact(giving(servers.slice(i, i + SERVERS_IN_A_TRANSACTION), domain, served, host, now)),
          domain,
        );
    },

    async commitRemoval({ domain, wanted, servers, now }) {
      const unchanged = table.checking(domainKey(domain), { condition: '#wanted = :wanted', values: { wanted } });
      for (let i = 0; i < servers.length; i += SERVERS_IN_A_TRANSACTION) {
        const work = giving(
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

    async giveAgain({ server, node }, works, now) {
      const registered = table.updating(serverKey(server), {
        set: 'SET #dueAt = :due ADD #wanted :one',
        condition: '#node = :node',
        values: { due: now + WAKE_MS, one: 1, node },
      });
      const putting = ({ over, ...work }: (typeof works)[number]) =>
        table.putting(
          workKey(server, work.domain),
          { ...work, v: now, node },
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
      const last = after === undefined ? undefined : workKey(server, after);
      return (await table.query(serverKey(server).pk, '/W#', limit, last)).map(asWork);
    },

    async workFor({ server, domain }) {
      const item = await table.get(workKey(server, domain));
      return item && asWork(item);
    },

    async installed({ server, domain }) {
      return (await table.get(installedKey(server, domain))) as Installed | undefined;
    },

    async allInstalled(server) {
      const items = await table.query(serverKey(server).pk, '/P#', Number.POSITIVE_INFINITY);
      return items.map(({ pk: _, sk: __, ...installed }) => installed as unknown as Installed);
    },

    async recordInstalled(server, { domain, v }, installed) {
      await table.put(installedKey(server, domain), { ...installed });
      await table.remove(workKey(server, domain), '#v = :v', { v });
    },

    async recordRemoved(server, { domain, v }, node) {
      if (node === undefined) await table.remove(installedKey(server, domain));
      else await table.remove(installedKey(server, domain), 'attribute_not_exists(#node) OR #node = :node', { node });
      await table.remove(workKey(server, domain), '#v = :v', { v });
    },

    async recordRefused(server, { domain, v }, notBefore, reason) {
      await table.update(workKey(server, domain), {
        set: 'SET #notBefore = :notBefore, #reason = :reason REMOVE #calm',
        condition: '#v = :v',
        values: { v, notBefore, reason },
      });
    },
  };
}

function asWork({ pk: _, sk: __, ...work }: Record<string, unknown>): Work {
  return work as unknown as Work;
}
