/** Tables, items and index entries in the stand-in's SQLite file. */
import type { SQLInputValue } from 'node:sqlite';
import type { Item } from './expressions.ts';
import { keyOf, type Range, type Table } from './table.ts';
import { StaleIndexes } from './stale-index.ts';
import type { Cloud } from '../service/service.ts';

export type Store = ReturnType<typeof openStore>;

/**
 * A condition on the sort key as SQL. Keys are strings that sort by bytes; `~` sorts after each of
 * them.
 */
const sortConditions: Record<string, string[]> = {
  EQ: ['k.sk = ?'],
  LT: ['k.sk < ?'],
  LE: ['k.sk <= ?'],
  GT: ['k.sk > ?'],
  GE: ['k.sk >= ?'],
  BETWEEN: ['k.sk >= ?', 'k.sk <= ?'],
  BEGINS_WITH: ['k.sk >= ?', "k.sk < ? || '~'"],
};

export function openStore({ database, ...cloud }: Pick<Cloud, 'database' | 'faults' | 'now'>) {
  database.exec(`
    CREATE TABLE IF NOT EXISTS dynamodb_tables (name TEXT PRIMARY KEY, description TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS dynamodb_items (
      tbl TEXT NOT NULL, pk TEXT NOT NULL, sk TEXT NOT NULL, item TEXT NOT NULL, PRIMARY KEY (tbl, pk, sk));
    CREATE TABLE IF NOT EXISTS dynamodb_index_entries (
      tbl TEXT NOT NULL, idx TEXT NOT NULL, pk TEXT NOT NULL, sk TEXT NOT NULL, item_pk TEXT NOT NULL, item_sk TEXT NOT NULL,
      PRIMARY KEY (tbl, idx, pk, sk, item_pk, item_sk)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS dynamodb_tokens (token TEXT PRIMARY KEY, request TEXT NOT NULL, at INTEGER NOT NULL);`);
  const stale = new StaleIndexes(cloud);
  const selectTable = database.prepare('SELECT description FROM dynamodb_tables WHERE name = ?');
  const selectItem = database.prepare('SELECT item FROM dynamodb_items WHERE tbl = ? AND pk = ? AND sk = ?');
  const writeItem = database.prepare('INSERT OR REPLACE INTO dynamodb_items VALUES (?, ?, ?, ?)');
  const deleteItem = database.prepare('DELETE FROM dynamodb_items WHERE tbl = ? AND pk = ? AND sk = ?');
  const writeEntry = database.prepare('INSERT INTO dynamodb_index_entries VALUES (?, ?, ?, ?, ?, ?)');
  const deleteEntry = database.prepare(
    'DELETE FROM dynamodb_index_entries WHERE tbl = ? AND idx = ? AND pk = ? AND sk = ? AND item_pk = ? AND item_sk = ?',
  );

  function indexEntries(table: Table, item: Item | undefined, write: typeof writeEntry): void {
    for (const index of item ? table.GlobalSecondaryIndexes : []) {
      const key = keyOf(item!, index.KeySchema);
      if (key) write.run(table.TableName, index.IndexName, ...key, ...keyOf(item!, table.KeySchema)!);
    }
  }

  const store = {
    /**
     * All writes of `work` apply, or none: they are undone when `work` throws. A savepoint allows
     * nesting.
     */
    atomically<T>(work: () => T): T {
      database.exec('SAVEPOINT dynamodb');
      try {
        const result = work();
        database.exec('RELEASE dynamodb');
        return result;
      } catch (error) {
        database.exec('ROLLBACK TO dynamodb; RELEASE dynamodb');
        throw error;
      }
    },

    table(name: string): Table | undefined {
      const row = selectTable.get(name);
      return row && JSON.parse(row.description as string);
    },

    itemCount(table: Table): number {
      const row = database.prepare('SELECT count(*) AS n FROM dynamodb_items WHERE tbl = ?').get(table.TableName);
      return Number(row!.n);
    },

    /**
     * Makes or replaces a table's description and builds its index entries anew. The items stay.
     */
    putTable(table: Table): void {
      store.atomically(() => {
        const description = JSON.stringify(table);
        database
          .prepare('INSERT OR REPLACE INTO dynamodb_tables (name, description) VALUES (?, ?)')
          .run(table.TableName, description);
        database.prepare('DELETE FROM dynamodb_index_entries WHERE tbl = ?').run(table.TableName);
        for (const item of [...store.read(table, {})]) indexEntries(table, item, writeEntry);
      });
    },

    get(table: Table, key: Item): Item | undefined {
      const row = selectItem.get(table.TableName, ...keyOf(key, table.KeySchema)!);
      return row && JSON.parse(row.item as string);
    },

    /**
     * Replaces one item by another with the same key; undefined stands for no item. Call it inside
     * `atomically`.
     */
    replace(table: Table, before: Item | undefined, after: Item | undefined): void {
      if (!before && !after) return;
      stale.written(table, keyOf((after ?? before)!, table.KeySchema)!, before);
      indexEntries(table, before, deleteEntry);
      if (after) writeItem.run(table.TableName, ...keyOf(after, table.KeySchema)!, JSON.stringify(after));
      else if (before) deleteItem.run(table.TableName, ...keyOf(before, table.KeySchema)!);
      indexEntries(table, after, writeEntry);
    },

    /** Whole items in key order. Write nothing while this is read. */
    *read(table: Table, range: Range): Generator<Item> {
      const { index, partition, sort, after } = range;
      const columns = index ? ['k.pk', 'k.sk', 'k.item_pk', 'k.item_sk'] : ['k.pk', 'k.sk'];
      const where = ['k.tbl = ?'];
      const values: SQLInputValue[] = [table.TableName];
      const add = (condition: string, ...given: SQLInputValue[]) => {
        where.push(condition);
        values.push(...given);
      };
      if (index) add('k.idx = ?', index.IndexName);
      if (partition !== undefined) add('k.pk = ?', partition);
      if (sort) {
        // A prefix condition is one value with two bounds.
        const bounds = sortConditions[sort.operator]!;
        bounds.forEach((condition, i) => add(condition, sort.values[i] ?? sort.values[0]!));
      }
      if (after) {
        const start = keyOf(after, table.KeySchema)!;
        const key = index ? [...keyOf(after, index.KeySchema)!, ...start] : start;
        add(`(${columns}) ${range.reverse ? '<' : '>'} (${columns.map(() => '?')})`, ...key);
      }
      const rows = database.prepare(
        `SELECT ${index ? 'i' : 'k'}.item AS item FROM ${index ? 'dynamodb_index_entries' : 'dynamodb_items'} k
         ${index ? 'JOIN dynamodb_items i ON i.tbl = k.tbl AND i.pk = k.item_pk AND i.sk = k.item_sk' : ''}
         WHERE ${where.join(' AND ')}
         ORDER BY ${columns.map(column => `${column} ${range.reverse ? 'DESC' : 'ASC'}`)}`,
      );
      function* items(): Generator<Item> {
        for (const row of rows.iterate(...values)) yield JSON.parse(row.item as string);
      }
      yield* index ? stale.show({ table, range, index }, items()) : items();
    },

    /**
     * The request that came with this token within the last ten minutes. If there was none, this
     * one is stored.
     */
    requestOfToken(token: string, request: string, now: number): string | undefined {
      // DynamoDB keeps a client request token for ten minutes.
      database.prepare('DELETE FROM dynamodb_tokens WHERE at < ?').run(now - 600_000);
      const row = database.prepare('SELECT request FROM dynamodb_tokens WHERE token = ?').get(token);
      if (!row) database.prepare('INSERT INTO dynamodb_tokens VALUES (?, ?, ?)').run(token, request, now);
      return row?.request as string | undefined;
    },
  };
  return store;
}
