/**
 * The DynamoDB table: how to read and how to write on a condition. What is written is in
 * *-items.ts.
 */
import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  UpdateItemCommand,
  type AttributeValue,
  type QueryCommandInput,
  type TransactWriteItem,
} from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { isDeepStrictEqual } from 'node:util';
import { SealpostError } from '../core/errors.ts';
import { isDone, stored, writeOf, type Change, type Write } from './change.ts';
import { DUE_INDEX, type Key } from './keys.ts';
import { unlessBusy } from './throttling.ts';

/** Items that one Query asks for. A page ends at 1 MB anyway. */
const PAGE = 1_000;

type Item = Record<string, unknown>;

/**
 * A refusal shows the item as it was at that moment: a read would come later, and need a right.
 */
const SHOW_ITEM = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const;

export class Table {
  readonly #client: DynamoDBClient;
  readonly #name: string;

  constructor(client: DynamoDBClient, name: string) {
    this.#client = client;
    this.#name = name;
  }

  async get(key: Key): Promise<Item | undefined> {
    const { Item } = await unlessBusy('DynamoDB', key.pk, () =>
      this.#client.send(new GetItemCommand({ TableName: this.#name, Key: marshall(key), ConsistentRead: true })),
    );
    return Item && unmarshall(Item);
  }

  /** @returns the whole new item; undefined if the condition is false */
  update(key: Key, write: Write): Promise<Item | undefined> {
    return this.#updated(key, write, () => undefined);
  }

  /** @returns the whole item, changed now or before; undefined if the condition is false */
  change(key: Key, change: Change): Promise<Item | undefined> {
    return this.#updated(key, writeOf(change), item => (item && isDone(item, change) ? item : undefined));
  }

  /** @returns true if the item is gone, now or before; false if the condition is false */
  async remove(key: Key, condition?: string, values: Record<string, unknown> = {}): Promise<boolean> {
    const deletion = {
      TableName: this.#name,
      Key: marshall(key),
      ...(condition && expression({ ConditionExpression: condition }, values)),
    };
    return unlessRefused(
      key,
      async () => {
        await this.#client.send(new DeleteItemCommand({ ...deletion, ...SHOW_ITEM }));
        return true;
      },
      item => item === undefined,
    );
  }

  async put(key: Key, item: Item): Promise<void> {
    await unlessBusy('DynamoDB', key.pk, () => this.#client.send(new PutItemCommand(this.#put(key, item))));
  }

  /** @returns true if the item stands there, put now or before; false if the condition is false */
  replace(key: Key, { item, when }: { item: Item; when: Change['when'] }): Promise<boolean> {
    const { condition, values } = writeOf({ to: {}, when });
    const put = { ...this.#put(key, item), ...expression({ ConditionExpression: condition! }, values!) };
    return unlessRefused(
      key,
      async () => {
        await this.#client.send(new PutItemCommand({ ...put, ...SHOW_ITEM }));
        return true;
      },
      known => isDeepStrictEqual(known, stored({ ...key, ...item })),
    );
  }

  updating(key: Key, write: Write): TransactWriteItem {
    return { Update: this.#update(key, write) };
  }

  /** A condition on an item that the transaction does not write. */
  checking(key: Key, { condition, values = {} }: Required<Pick<Write, 'condition' | 'values'>>): TransactWriteItem {
    const check = expression({ ConditionExpression: condition }, values);
    return { ConditionCheck: { TableName: this.#name, Key: marshall(key), ...check } };
  }

  putting(key: Key, item: Item, on?: Required<Pick<Write, 'condition' | 'values'>>): TransactWriteItem {
    return {
      Put: { ...this.#put(key, item), ...(on && expression({ ConditionExpression: on.condition }, on.values)) },
    };
  }

  /** @returns the places of the items whose conditions are false; none if everything is written */
  async transact(items: TransactWriteItem[]): Promise<number[]> {
    try {
      await unlessBusy('DynamoDB', 'the table', () =>
        this.#client.send(new TransactWriteItemsCommand({ TransactItems: items })),
      );
      return [];
    } catch (error) {
      if (!(error instanceof TransactionCanceledException)) throw error;
      const codes = error.CancellationReasons?.map(reason => reason.Code) ?? [];
      const lost = codes.flatMap((code, i) => (code === 'ConditionalCheckFailed' ? [i] : []));
      if (lost.length > 0) return lost;
      throw new SealpostError('Throttled', {
        about: 'the table',
        message: `a transaction met another one (${codes.join(', ')}); it is tried again`,
        cause: error,
      });
    }
  }

  /**
   * A consistent read of items by their sort key: those that begin with `prefix`, after `after`.
   */
  query({ pk, prefix }: { pk: string; prefix: string }, limit: number, after?: Key): Promise<Item[]> {
    return this.#query(limit, {
      ...(after && { ExclusiveStartKey: marshall(after) }),
      ...expression({ KeyConditionExpression: '#pk = :pk AND begins_with(#sk, :prefix)' }, { pk, prefix }),
      ConsistentRead: true,
    });
  }

  /** Due items of one shard and kind, the longest due first. */
  dueIn(shard: string, kind: 'D#' | 'S#' | 'T#', { now, limit }: { now: number; limit: number }): Promise<Item[]> {
    return this.#query(limit, {
      ...expression(
        {
          KeyConditionExpression: '#shard = :shard AND #dueAt <= :now',
          FilterExpression: 'begins_with(#pk, :kind)',
        },
        { shard, now, kind },
      ),
      IndexName: DUE_INDEX,
    });
  }

  /** What the last guard began to watch in this time in one of its shards, the earliest first. */
  guardedIn(shard: string, { from, now, limit }: { from: number; now: number; limit: number }): Promise<Item[]> {
    return this.#query(limit, {
      ...expression(
        { KeyConditionExpression: '#shard = :shard AND #dueAt BETWEEN :from AND :now' },
        { shard, from, now },
      ),
      IndexName: DUE_INDEX,
    });
  }

  /** A page of one shard of the index, by rising times; `limit` counts items of every kind. */
  async pageOf(shard: string, limit: number, after?: Item): Promise<{ items: Item[]; after?: Item }> {
    const page = await unlessBusy('DynamoDB', 'the table', () =>
      this.#client.send(
        new QueryCommand({
          TableName: this.#name,
          ...expression({ KeyConditionExpression: '#shard = :shard' }, { shard }),
          IndexName: DUE_INDEX,
          Limit: limit,
          ...(after && { ExclusiveStartKey: marshall(after) }),
        }),
      ),
    );
    const last = page.LastEvaluatedKey && unmarshall(page.LastEvaluatedKey);
    return { items: (page.Items ?? []).map(item => unmarshall(item)), ...(last && { after: last }) };
  }

  async #query(limit: number, query: Omit<QueryCommandInput, 'TableName'>): Promise<Item[]> {
    const items: Item[] = [];
    let start: Record<string, AttributeValue> | undefined = query.ExclusiveStartKey;
    do {
      const page = await unlessBusy('DynamoDB', 'the table', () =>
        this.#client.send(
          new QueryCommand({
            TableName: this.#name,
            ...query,
            // DynamoDB filters after the limit, so items of another kind would use it up.
            Limit: query.FilterExpression ? PAGE : Math.min(limit - items.length, PAGE),
            ExclusiveStartKey: start,
          }),
        ),
      );
      items.push(...(page.Items ?? []).map(item => unmarshall(item)));
      start = page.LastEvaluatedKey;
    } while (start && items.length < limit);
    return items.slice(0, limit);
  }

  #updated(key: Key, write: Write, refused: (item: Item | undefined) => Item | undefined): Promise<Item | undefined> {
    const update = new UpdateItemCommand({ ...this.#update(key, write), ...SHOW_ITEM, ReturnValues: 'ALL_NEW' });
    return unlessRefused(key, async () => unmarshall((await this.#client.send(update)).Attributes!), refused);
  }

  #put(key: Key, item: Item) {
    return { TableName: this.#name, Item: marshall({ ...key, ...item }, { removeUndefinedValues: true }) };
  }

  #update(key: Key, { set, condition, values = {} }: Write) {
    return {
      TableName: this.#name,
      Key: marshall(key),
      UpdateExpression: set,
      ...expression({ ...(condition && { ConditionExpression: condition }) }, values, set),
    };
  }
}

/** @param refused gets the item for which the condition is false, if there is one */
async function unlessRefused<T>(key: Key, send: () => Promise<T>, refused: (item: Item | undefined) => T): Promise<T> {
  try {
    return await unlessBusy('DynamoDB', key.pk, send);
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return refused(error.Item && unmarshall(error.Item));
    throw error;
  }
}

/** Each attribute has an alias: a third of the names are reserved words of DynamoDB. */
function expression<E extends Record<string, string>>(expressions: E, values: Record<string, unknown>, more = '') {
  const text = [...Object.values(expressions), more].join(' ');
  const names = Object.fromEntries([...text.matchAll(/#(\w+)/g)].map(([alias, name]) => [alias, name!]));
  const used = Object.fromEntries(Object.entries(values).map(([name, value]) => [`:${name}`, value]));
  return {
    ...expressions,
    ExpressionAttributeNames: names,
    ...(Object.keys(used).length > 0 && { ExpressionAttributeValues: marshall(used, { removeUndefinedValues: true }) }),
  } as E & {
    ExpressionAttributeNames: Record<string, string>;
    ExpressionAttributeValues?: Record<string, AttributeValue>;
  };
}
