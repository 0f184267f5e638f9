/** The table of a universe, with its backups: in memory, or in the stand-in's DynamoDB. */
import {
  DeleteItemCommand,
  paginateScan,
  PutItemCommand,
  type AttributeValue,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { asRecord } from '../../aws/domain-items.ts';
import { store as storeOn } from '../../aws/store.ts';
import { Table } from '../../aws/table.ts';
import type { Installed, ServerRecord, Work } from '../../core/record/server.ts';
import { emptyMemory, inner, type Memory } from '../twins/memory.ts';
import type { Universe } from '../model/universe.ts';

export interface Backups {
  take(): Promise<void>;
  /** Point-in-time recovery: the table as it was at the backup. Everything else stays. */
  restore(): Promise<void>;
  /** The universe's memory shows what the table has. */
  show(): Promise<void>;
}

export function twin({ world }: Universe): Backups {
  let backup = emptyMemory();
  return {
    take: async () => void (backup = structuredClone(world.memory)),
    restore: async () => fill(world.memory, structuredClone(backup)),
    show: async () => {},
  };
}

type Item = Record<string, AttributeValue>;

/** From now on the universe's store is this table, which is empty. */
export function inDynamoDb({ world }: Universe, client: DynamoDBClient, name: string): Backups {
  let backup: Item[] = [];
  world.store = storeOn(new Table(client, name));
  const all = async () => {
    const items: Item[] = [];
    for await (const page of paginateScan({ client }, { TableName: name, ConsistentRead: true }))
      items.push(...(page.Items ?? []));
    return items;
  };
  const show = async () => fill(world.memory, asMemory(await all()));
  return {
    take: async () => void (backup = await all()),
    async restore() {
      for (const { pk, sk } of await all())
        await client.send(new DeleteItemCommand({ TableName: name, Key: { pk: pk!, sk: sk! } }));
      for (const Item of backup) await client.send(new PutItemCommand({ TableName: name, Item }));
      await show();
    },
    show,
  };
}

function fill(memory: Memory, from: Memory): void {
  for (const part of Object.keys(from) as (keyof Memory)[]) {
    const [now, then] = [memory[part], from[part]];
    if (!(now instanceof Map)) Object.assign(now, then);
    else {
      now.clear();
      for (const [key, value] of then as Map<string, never>) (now as Map<string, unknown>).set(key, value);
    }
  }
}

/** The items that a universe and its sentences read. */
function asMemory(items: Item[]): Memory {
  const memory = emptyMemory();
  for (const { pk, sk, ...item } of items.map(one => unmarshall(one) as Record<string, unknown>)) {
    const [kind, name] = (pk as string).split('#') as [string, string];
    const [part, domain] = (sk as string).split('#') as [string, string];
    if (kind === 'D') memory.domains.set(name, asRecord(item)!);
    if (kind === 'T') memory.tokens.set(name, item as unknown as { server: string; token: string; dueAt: number });
    if (kind !== 'S') continue;
    if (part === '/S') memory.servers.set(name, item as unknown as ServerRecord);
    if (part === '/W') inner(memory.work, name).set(domain, item as unknown as Work);
    if (part === '/P') inner(memory.installed, name).set(domain, item as unknown as Installed);
  }
  return memory;
}
