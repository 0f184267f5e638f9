/** A table as its description, the keys of its items, and a part of it that is read. */
import db from 'dynalite/db/index.js';
import type { Item } from './expressions.ts';

export interface Index {
  IndexName: string;
  KeySchema: { AttributeName: string; KeyType: string }[];
  Projection: { ProjectionType: string; NonKeyAttributes?: string[] };
}

export interface Table {
  TableName: string;
  TableId: string;
  /** Milliseconds since the epoch. */
  created: number;
  KeySchema: { AttributeName: string; KeyType: string }[];
  AttributeDefinitions: { AttributeName: string; AttributeType: string }[];
  GlobalSecondaryIndexes: Index[];
}

/**
 * The place to read: a whole table or index, or one partition of it with a condition on its sort
 * key.
 */
export interface Range {
  index?: Index | undefined;
  partition?: string;
  sort?: { operator: string; values: string[] };
  /** The read continues after this key (the attributes of the table's and the index's key). */
  after?: Item | undefined;
  reverse?: boolean;
}

export function keyNames(schema: { AttributeName: string }[]): string[] {
  return schema.map(element => element.AttributeName);
}

/**
 * The sortable key of an item in a table or index; undefined if the item lacks an attribute of the
 * key.
 */
export function keyOf(item: Item, schema: { AttributeName: string }[]): [pk: string, sk: string] | undefined {
  const [partition, sort] = keyNames(schema);
  if (!item[partition!] || (sort && !item[sort])) return undefined;
  return [db.toRangeStr(item[partition!]), sort ? db.toRangeStr(item[sort]) : ''];
}
