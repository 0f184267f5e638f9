/** What reads and writes share: the store, and the way to a table, which authorizes. */
import db from 'dynalite/db/index.js';
import { check, invalid, toStored } from './expressions.ts';
import type { Item } from './expressions.ts';
import { openStore } from './store.ts';
import type { Store } from './store.ts';
import type { Table } from './table.ts';
import { refuseOthers } from '../service/refusal.ts';
import { AwsError, arn } from '../service/service.ts';
import type { Call, Cloud, ConditionContext } from '../service/service.ts';

export interface Access {
  cloud: Cloud;
  store: Store;
  tableArn(name: string): string;
  /**
   * Authorizes an action on the items with these keys, then returns the table.
   * @throws AwsError ResourceNotFoundException
   */
  open(call: Call, action: string, tableName: string, keys: Item[], context?: ConditionContext): Table;
}

export function openAccess(cloud: Cloud): Access {
  const store = openStore(cloud);
  const tableArn = (name: string) => arn(cloud, 'dynamodb', `table/${name}`);
  return {
    cloud,
    store,
    tableArn,
    open(call, action, tableName, keys, context = {}) {
      const name = nameOf(tableName);
      const table = store.table(name);
      // The table comes first, because its schema says which attribute the leading key is.
      const partition = table?.KeySchema[0]!.AttributeName ?? '';
      const leading = keys.flatMap(key => leadingKey(key?.[partition]));
      call.authorize(`dynamodb:${action}`, tableArn(name), {
        ...context,
        // AWS has the key for operations on items only.
        ...(keys.length > 0 && { 'dynamodb:LeadingKeys': leading }),
      });
      return found(table);
    },
  };
}

/** Requests may name a table by its ARN. */
export function nameOf(table: string): string {
  return table.replace(/^arn:.*:table\//, '');
}

export function found(table: Table | undefined): Table {
  if (!table) throw new AwsError('ResourceNotFoundException', 'Requested resource not found');
  return table;
}

/** A partition key's value in the form of the condition key dynamodb:LeadingKeys. */
export function leadingKey(value: Item[string] | undefined): string[] {
  const [type, inner] = Object.entries(value ?? {})[0] ?? [];
  if (type === undefined) return [];
  return [type === 'B' && typeof inner !== 'string' ? Buffer.from(inner).toString('base64') : String(inner)];
}

/**
 * The stored form of a request's key.
 * @throws AwsError with AWS's text if the key does not fit the table
 */
export function validKey(key: Item, table: Table): Item {
  const stored = toStored(key);
  check(db.validateKey(stored, table));
  return stored;
}

/** Consumed capacity and item collection metrics are not counted here. */
export function refuseMetrics(operation: string, metrics: Record<string, unknown>): void {
  const asked = Object.entries(metrics).filter(([, value]) => value !== 'NONE');
  refuseOthers(`dynamodb:${operation}`, Object.fromEntries(asked), []);
}

/** @throws AwsError with AWS's text for a number outside its range */
export function checkRange(name: string, value: number, least: number, most = Infinity): void {
  if (value >= least && value <= most) return;
  const bound = value < least ? `greater than or equal to ${least}` : `less than or equal to ${most}`;
  throw invalid(
    `1 validation error detected: Value '${value}' at '${name}' failed to satisfy constraint: Member must have value ${bound}`,
  );
}
