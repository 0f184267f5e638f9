/**
 * Indexes that lag behind their table, as the global secondary indexes of DynamoDB do. The truth is
 * in the database, and what lags is in memory: a process that is killed starts with indexes that
 * are up to date.
 */
import { STALE_MS } from '../faults/chances.ts';
import type { Cloud } from '../service/service.ts';
import type { Item } from './expressions.ts';
import { keyOf, type Index, type Range, type Table } from './table.ts';

interface Lagging {
  /** The item that the indexes still show; undefined if they show none. */
  before: Item | undefined;
  /** Milliseconds since the epoch. */
  until: number;
}

export class StaleIndexes {
  readonly #cloud: Pick<Cloud, 'faults' | 'now'>;
  /** By table, and by the item's key. */
  readonly #lagging = new Map<string, Map<string, Lagging>>();

  constructor(cloud: Pick<Cloud, 'faults' | 'now'>) {
    this.#cloud = cloud;
  }

  /** A write of one item; `key` is its key in the table. */
  written(table: Table, key: readonly string[], before: Item | undefined): void {
    if (table.GlobalSecondaryIndexes.length === 0) return;
    if (!this.#cloud.faults.happens('staleIndex', table.TableName)) return;
    const ofTable = this.#of(table);
    const until = this.#cloud.now() + STALE_MS;
    ofTable.set(JSON.stringify(key), { before: ofTable.get(JSON.stringify(key))?.before ?? before, until });
    this.#lagging.set(table.TableName, ofTable);
  }

  /**
   * @param current items of the range, in its order
   * @returns what the index shows of the range, in the same order
   */
  *show(
    { table, range, index }: { table: Table; range: Range; index: Index },
    current: Iterable<Item>,
  ): Iterable<Item> {
    const lagging = this.#of(table);
    if (lagging.size === 0) return void (yield* current);
    const inTable = (item: Item) => JSON.stringify(keyOf(item, table.KeySchema));
    const seen = [...current].filter(item => !lagging.has(inTable(item)));
    const old = [...lagging.values()].flatMap(({ before }) => (before && isIn(range, before, index) ? [before] : []));
    const place = (item: Item) => [...keyOf(item, index.KeySchema)!, ...keyOf(item, table.KeySchema)!];
    const start = range.after && place(range.after);
    const direction = range.reverse ? -1 : 1;
    const order = (a: string[], b: string[]) => direction * compareLists(a, b);
    yield* [...seen, ...old]
      .map(item => ({ item, at: place(item) }))
      .filter(({ at }) => !start || order(at, start) > 0)
      .sort((a, b) => order(a.at, b.at))
      .map(({ item }) => item);
  }

  /** What lags now. */
  #of(table: Table): Map<string, Lagging> {
    const all = this.#lagging.get(table.TableName) ?? new Map<string, Lagging>();
    for (const [key, { until }] of all) if (until <= this.#cloud.now()) all.delete(key);
    return all;
  }
}

function isIn({ partition, sort }: Range, item: Item, index: Index): boolean {
  const key = keyOf(item, index.KeySchema);
  if (!key || (partition !== undefined && key[0] !== partition)) return false;
  if (!sort) return true;
  const [first = '', second = ''] = sort.values;
  switch (sort.operator) {
    case 'EQ':
      return key[1] === first;
    case 'LT':
      return key[1] < first;
    case 'LE':
      return key[1] <= first;
    case 'GT':
      return key[1] > first;
    case 'GE':
      return key[1] >= first;
    case 'BETWEEN':
      return key[1] >= first && key[1] <= second;
    default:
      return key[1].startsWith(first);
  }
}

function compareLists(a: readonly string[], b: readonly string[]): number {
  const at = a.findIndex((text, index) => text !== b[index]);
  return at < 0 ? 0 : a[at]! < b[at]! ? -1 : 1;
}
