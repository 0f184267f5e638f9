/** The writes: conditional, single or several in a transaction. */
import { createHash } from 'node:crypto';
import db from 'dynalite/db/index.js';
import { refuseMetrics, validKey } from './access.ts';
import type { Access } from './access.ts';
import { applyUpdate, check, fromStored, invalid, matches, parseExpressions, toStored } from './expressions.ts';
import type { Expressions, Item } from './expressions.ts';
import { keyNames, keyOf, type Table } from './table.ts';
import { refuseOthers } from '../service/refusal.ts';
import { AwsError } from '../service/service.ts';
import type { Call, Operation } from '../service/service.ts';

/** The items of a transaction together (API reference, TransactWriteItems). */
const TRANSACTION_BYTES = 4 * 1024 * 1024;

type WriteKind = 'PutItem' | 'UpdateItem' | 'DeleteItem' | 'ConditionCheckItem';

const transactionKinds: Record<string, WriteKind> = {
  Put: 'PutItem',
  Update: 'UpdateItem',
  Delete: 'DeleteItem',
  ConditionCheck: 'ConditionCheckItem',
};

/** One write whose request is valid and allowed. Its condition and its effect remain. */
interface Write {
  id: string;
  updates: Expressions['updates'];
  apply(): { before: Item | undefined; after: Item | undefined };
}

const conditionNames = ['ExpressionAttributeNames', 'ExpressionAttributeValues', 'ReturnValuesOnConditionCheckFailure'];
const writeMembers: Record<WriteKind, string[]> = {
  PutItem: ['TableName', 'Item', 'ConditionExpression', ...conditionNames],
  UpdateItem: ['TableName', 'Key', 'UpdateExpression', 'ConditionExpression', ...conditionNames],
  DeleteItem: ['TableName', 'Key', 'ConditionExpression', ...conditionNames],
  ConditionCheckItem: ['TableName', 'Key', 'ConditionExpression', ...conditionNames],
};

export function writeOperations({ cloud, store, open }: Access): Record<string, Operation> {
  function prepare(kind: WriteKind, request: any, call: Call, context?: Record<string, string>): Write {
    refuseOthers(`dynamodb:${kind}`, request, writeMembers[kind]);
    const table = open(call, kind, request.TableName, [request.Item ?? request.Key], context);
    const names = kind === 'UpdateItem' ? ['UpdateExpression', 'ConditionExpression'] : ['ConditionExpression'];
    const { condition, updates } = parseExpressions(request, names);
    const given = kind === 'PutItem' ? toStored(request.Item) : validKey(request.Key, table);
    if (kind === 'PutItem') checkItem(given, table, 'Item size has exceeded the maximum allowed size');
    if (updates) check(db.validateUpdates(undefined, updates, table));
    return {
      id: JSON.stringify([table.TableName, keyOf(given, table.KeySchema)]),
      updates,
      apply() {
        const before = store.get(table, given);
        if (condition && !matches(before ?? {}, condition)) {
          const shown = request.ReturnValuesOnConditionCheckFailure === 'ALL_OLD' && before;
          throw new AwsError('ConditionalCheckFailedException', 'The conditional request failed', {
            fields: shown ? { Item: fromStored(before) } : {},
          });
        }
        if (kind === 'ConditionCheckItem') return { before, after: before };
        let after: Item | undefined;
        if (kind === 'PutItem') after = given;
        if (kind === 'UpdateItem') {
          after = applyUpdate(before ?? given, updates?.sections ?? []);
          checkItem(after, table, 'Item size to update has exceeded the maximum allowed size');
        }
        store.replace(table, before, after);
        return { before, after };
      },
    };
  }

  function writeOne(kind: WriteKind, input: any, call: Call, returnable: string[]) {
    const { ReturnValues = 'NONE', ReturnConsumedCapacity, ReturnItemCollectionMetrics, ...request } = input;
    refuseMetrics(kind, { ReturnConsumedCapacity, ReturnItemCollectionMetrics });
    const write = prepare(kind, request, call);
    if (![...returnable, 'NONE'].includes(ReturnValues)) throw invalid('ReturnValues can only be ALL_OLD or NONE');
    const { before, after } = store.atomically(() => write.apply());
    const item = ReturnValues.endsWith('_OLD') ? before : ReturnValues.endsWith('_NEW') ? after : undefined;
    if (!item) return {};
    const attributes = ReturnValues.startsWith('UPDATED_') ? db.mapPaths(write.updates?.paths ?? [], item) : item;
    return Object.keys(attributes).length ? { Attributes: fromStored(attributes) } : {};
  }

  function transactWriteItems(input: any, call: Call) {
    const { TransactItems, ClientRequestToken, ...metrics } = input;
    refuseMetrics('TransactWriteItems', metrics);
    if (TransactItems.length < 1 || TransactItems.length > 100) {
      throw invalid(
        "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to 100, Member must have length greater than or equal to 1",
      );
    }
    const writes: Write[] = TransactItems.map((entry: any) => {
      const kinds = Object.keys(entry).filter(kind => entry[kind] !== undefined);
      if (kinds.length !== 1) {
        throw invalid('TransactItems can only contain one of Check, Put, Update or Delete');
      }
      const context = { 'dynamodb:EnclosingOperation': 'TransactWriteItems' };
      return prepare(transactionKinds[kinds[0]!]!, entry[kinds[0]!], call, context);
    });
    if (new Set(writes.map(write => write.id)).size !== writes.length) {
      throw invalid('Transaction request cannot include multiple operations on one item');
    }
    return store.atomically(() => {
      if (ClientRequestToken && isRepeated(ClientRequestToken, TransactItems)) return {};
      let bytes = 0;
      const reasons = writes.map(write =>
        reasonAgainst(write, after => {
          bytes += after ? db.itemSize(after) : 0;
        }),
      );
      if (bytes > TRANSACTION_BYTES)
        throw invalid('Transaction items size exceeded the maximum allowed size: 4 MB for all items together');
      if (reasons.some(reason => reason.Code !== 'None')) {
        const codes = reasons.map(reason => reason.Code).join(', ');
        throw new AwsError(
          'TransactionCanceledException',
          `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes}]`,
          { fields: { CancellationReasons: reasons } },
        );
      }
      return {};
    });
  }

  /**
   * The SDK sends a token with every transaction. A retry after a lost answer has the same token
   * and must not apply twice.
   */
  function isRepeated(token: string, items: any[]): boolean {
    const request = createHash('sha256').update(JSON.stringify(items)).digest('hex');
    const known = store.requestOfToken(token, request, cloud.now());
    if (known && known !== request) {
      throw new AwsError(
        'IdempotentParameterMismatchException',
        'The transaction was retried with the same token, but with different parameters',
      );
    }
    return known !== undefined;
  }

  return {
    PutItem: (input, call) => writeOne('PutItem', input, call, ['ALL_OLD']),
    DeleteItem: (input, call) => writeOne('DeleteItem', input, call, ['ALL_OLD']),
    UpdateItem: (input, call) =>
      writeOne('UpdateItem', input, call, ['ALL_OLD', 'ALL_NEW', 'UPDATED_OLD', 'UPDATED_NEW']),
    TransactWriteItems: transactWriteItems,
  };
}

/**
 * @throws AwsError unless the whole item may be stored: its keys, the keys of its indexes, at most
 *   400 KB
 */
function checkItem(item: Item, table: Table, tooLarge: string): void {
  check(db.validateItem(item, table));
  for (const index of table.GlobalSecondaryIndexes) {
    for (const name of keyNames(index.KeySchema)) {
      if (item[name]?.S !== '' && item[name]?.B !== '') continue;
      throw invalid(
        `One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: ${index.IndexName}, IndexKey: ${name}`,
      );
    }
  }
  if (db.itemSize(item) > db.MAX_SIZE) throw invalid(tooLarge);
}

/** Applies a write of a transaction. Returns the reason if it cannot be applied. */
function reasonAgainst(
  write: Write,
  applied: (after: Item | undefined) => void,
): { Code: string; Message?: string; Item?: unknown } {
  try {
    applied(write.apply().after);
    return { Code: 'None' };
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    const Code = error.code === 'ConditionalCheckFailedException' ? 'ConditionalCheckFailed' : 'ValidationError';
    return { Code, Message: error.message, ...error.fields };
  }
}
