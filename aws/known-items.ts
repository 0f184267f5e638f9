/** Reads for a person: the whole table, or what is on record of one domain or server. */
import { paginateScan, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { serversOf, type DomainRecord } from '../core/record/domain.ts';
import type { Installed, ServerRecord, Work } from '../core/record/server.ts';
import type { IssuerRecord } from '../core/ports/issuer-store.ts';
import type { Known, KnownStore, OnServer } from '../core/status/known.ts';
import { asAcmUse } from './acm-items.ts';
import { asRecord } from './domain-items.ts';
import { domainKey, serverKey, type Key } from './keys.ts';
import { asOutside, outsideKey } from './outside-items.ts';
import { Table } from './table.ts';
import { unlessBusy } from './throttling.ts';

/** More than a server holds, which is 10,000 domains. */
const MOST_ON_A_SERVER = 100_000;

type Item = Record<string, unknown>;

export function knownItems(client: DynamoDBClient, tableName: string): KnownStore {
  const table = new Table(client, tableName);
  const get = async (key: Key): Promise<Item[]> => {
    const item = await table.get(key);
    return item ? [{ ...key, ...item }] : [];
  };

  return {
    all: () =>
      unlessBusy('DynamoDB', tableName, async () => {
        const items: Item[] = [];
        for await (const page of paginateScan({ client }, { TableName: tableName }))
          items.push(...(page.Items ?? []).map(item => unmarshall(item)));
        return sorted(items);
      }),

    async ofDomain(domain) {
      const [record] = await get(domainKey(domain));
      const { spec, servers = [] } = (record ?? {}) as Partial<DomainRecord>;
      const keys = [...new Set([...(spec ? serversOf(spec) : []), ...servers])].flatMap(server => {
        const { pk } = serverKey(server);
        return [serverKey(server), { pk, sk: `/W#${domain}` }, { pk, sk: `/P#${domain}` }];
      });
      const items = (await Promise.all(keys.map(get))).flat();
      return sorted(record ? [record, ...items] : items);
    },

    async ofServer(server) {
      const { pk } = serverKey(server);
      const items = await Promise.all([
        get(domainKey(server)),
        get(serverKey(server)),
        get(outsideKey(server)),
        table.query({ pk, prefix: '/W#' }, MOST_ON_A_SERVER),
        table.query({ pk, prefix: '/P#' }, MOST_ON_A_SERVER),
      ]);
      return sorted(items.flat());
    },
  };
}

/** Sorts items by the letters of their keys. Tokens and budgets are left out. */
function sorted(items: Item[]): Known {
  const known: Known = { domains: [], servers: new Map(), issuers: [] };
  for (const { pk, sk, ...item } of items) {
    const [kind, name] = (pk as string).split('#') as [string, string];
    if (kind === 'M' && sk === '/N') known.acm = asAcmUse(item, 0);
    if (kind === 'I' && sk === '/I') known.issuers.push({ directory: name, ...(item as IssuerRecord) });
    if (kind === 'D') known.domains.push(asRecord(item)!);
    if (kind !== 'S' && kind !== 'O') continue;
    const [part, domain] = (sk as string).split('#') as [string, string];
    const of = kind === 'S' ? name : domain;
    const server: OnServer = known.servers.get(of) ?? { work: new Map(), installed: new Map() };
    known.servers.set(of, server);
    if (part === '/O') server.outside = asOutside({ pk, sk, ...item });
    if (part === '/S' && item.node !== undefined) server.record = item as unknown as ServerRecord;
    if (part === '/W') server.work.set(domain, item as unknown as Work);
    if (part === '/P') server.installed.set(domain, item as unknown as Installed);
  }
  if (known.acm) known.acm.certificates = known.domains.filter(({ acm }) => acm?.arn !== undefined).length;
  return known;
}
