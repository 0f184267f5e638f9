import db from 'dynalite/db/index.js';
import { checkRange, found, leadingKey, nameOf, refuseMetrics, validKey } from './access.ts';
import type { Access } from './access.ts';
import { check, fromStored, invalid, matches, parseExpressions, toStored } from './expressions.ts';
import type { Expressions, Item } from './expressions.ts';
import { keyNames, type Index, type Range, type Table } from './table.ts';
import { refuseOthers } from '../service/refusal.ts';
import type { Call, Operation } from '../service/service.ts';

/** A page of Query or Scan ends at 1 MB of items, before or after the filter. */
const PAGE_BYTES = 1024 * 1024;

export function readOperations({ store, open, tableArn }: Access): Record<string, Operation> {
  function getItem(input: any, call: Call) {
    const { ReturnConsumedCapacity, ...request } = input;
    refuseMetrics('GetItem', { ReturnConsumedCapacity });
    refuseOthers('dynamodb:GetItem', request, [
      'TableName',
      'Key',
      'ConsistentRead',
      'ProjectionExpression',
      'ExpressionAttributeNames',
    ]);
    const table = open(call, 'GetItem', request.TableName, [request.Key]);
    const { projection } = parseExpressions(request, ['ProjectionExpression']);
    check(db.validateKeyPaths(projection?.nestedPaths, table));
    const item = store.get(table, validKey(request.Key, table));
    return item ? { Item: fromStored(projection ? db.mapPaths(projection.paths, item) : item) } : {};
  }

  function read(kind: 'Query' | 'Scan', input: any, call: Call) {
    const { ReturnConsumedCapacity, ...request } = input;
    refuseMetrics(kind, { ReturnConsumedCapacity });
    refuseOthers(`dynamodb:${kind}`, request, [
      'TableName',
      'IndexName',
      'Select',
      'Limit',
      'ConsistentRead',
      'ExclusiveStartKey',
      'FilterExpression',
      'ProjectionExpression',
      'ExpressionAttributeNames',
      'ExpressionAttributeValues',
      ...(kind === 'Query' ? ['KeyConditionExpression', 'ScanIndexForward'] : []),
    ]);
    const name = nameOf(request.TableName);
    const known = store.table(name);
    const names = kind === 'Query' ? ['KeyConditionExpression'] : [];
    const expressions = parseExpressions(request, ['ProjectionExpression', 'FilterExpression', ...names]);
    const index = known?.GlobalSecondaryIndexes.find(candidate => candidate.IndexName === request.IndexName);
    const schema = index?.KeySchema ?? known?.KeySchema;
    const leading = expressions.keyConditions?.[schema?.[0]!.AttributeName ?? '']?.AttributeValueList[0];
    call.authorize(
      `dynamodb:${kind}`,
      request.IndexName ? `${tableArn(name)}/index/${request.IndexName}` : tableArn(name),
      leading ? { 'dynamodb:LeadingKeys': leadingKey(leading) } : {},
    );
    const table = found(known);
    if (request.IndexName && !index) {
      throw invalid(`The table does not have the specified index: ${request.IndexName}`);
    }
    if (index && request.ConsistentRead) {
      throw invalid('Consistent reads are not supported on global secondary indexes');
    }
    if (kind === 'Query' && !expressions.keyConditions) {
      throw invalid('Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.');
    }
    const partition = expressions.keyConditions && partitionOf(expressions, table, schema!);
    return page(request, table, expressions, {
      index,
      ...partition,
      after: request.ExclusiveStartKey && startKey(request.ExclusiveStartKey, table, index),
      reverse: request.ScanIndexForward === false,
    });
  }

  function page(request: any, table: Table, { filter, projection }: Expressions, range: Range) {
    checkRange('limit', request.Limit ?? 1, 1);
    checkSelect(request);
    check(db.validateKeyPaths(projection?.nestedPaths, table) ?? db.validateKeyPaths(filter?.nestedPaths, table));
    const projected = range.index && projectedNames(range.index, table);
    const wanted = [...Object.keys(filter?.pathHeads ?? {}), ...(projection?.paths ?? []).map(path => String(path[0]))];
    const missing = projected ? wanted.filter(name => !projected.includes(name)) : [];
    if (missing.length) {
      throw invalid(
        `One or more parameter values were invalid: Global secondary index ${range.index!.IndexName} does not project [${missing.join(', ')}]`,
      );
    }
    if (request.Select === 'ALL_ATTRIBUTES' && projected) {
      throw invalid(
        `One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary index ${range.index!.IndexName} because its projection type is not ALL`,
      );
    }
    const items: Item[] = [];
    let [scanned, bytes]: [number, number] = [0, 0];
    let last: Item | undefined;
    let more = false;
    for (const item of store.read(table, range)) {
      bytes += db.itemSize(item);
      // AWS names a last key whenever it stopped by itself, even if nothing follows.
      more = scanned === request.Limit || (scanned > 0 && bytes > PAGE_BYTES);
      if (more) break;
      scanned += 1;
      last = item;
      if (filter && !matches(item, filter.expression)) continue;
      const paths = projection?.paths ?? projected?.map(name => [name]);
      items.push(paths ? db.mapPaths(paths, item) : item);
    }
    const names = [...keyNames(table.KeySchema), ...keyNames(range.index?.KeySchema ?? [])];
    return {
      ...(request.Select === 'COUNT' ? {} : { Items: items.map(fromStored) }),
      Count: items.length,
      ScannedCount: scanned,
      ...(last && (more || scanned === request.Limit)
        ? { LastEvaluatedKey: fromStored(Object.fromEntries(names.map(name => [name, last![name]!]))) }
        : {}),
    };
  }

  return {
    GetItem: getItem,
    Query: (input, call) => read('Query', input, call),
    Scan: (input, call) => read('Scan', input, call),
  };
}

/** @throws AwsError where `Select` contradicts another member (API reference, Query and Scan) */
function checkSelect({ Select, ProjectionExpression, IndexName }: any): void {
  const isSpecific = Select === 'SPECIFIC_ATTRIBUTES';
  if (ProjectionExpression !== undefined && Select !== undefined && !isSpecific)
    throw invalid(`Cannot specify the ProjectionExpression when choosing to get ${Select}`);
  if (isSpecific && ProjectionExpression === undefined)
    throw invalid('Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES');
  if (Select === 'ALL_PROJECTED_ATTRIBUTES' && IndexName === undefined)
    throw invalid('ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName');
}

function projectedNames(index: Index, table: Table): string[] | undefined {
  const { ProjectionType, NonKeyAttributes = [] } = index.Projection;
  if (ProjectionType === 'ALL') return undefined;
  return [...new Set([...keyNames(table.KeySchema), ...keyNames(index.KeySchema), ...NonKeyAttributes])];
}

function startKey(given: Item, table: Table, index: Index | undefined): Item {
  const names = new Set([...keyNames(table.KeySchema), ...keyNames(index?.KeySchema ?? [])]);
  const key = toStored(given);
  if (Object.keys(key).length !== names.size || [...names].some(name => !key[name])) {
    throw invalid('The provided starting key is invalid');
  }
  for (const { AttributeName, AttributeType } of table.AttributeDefinitions)
    if (names.has(AttributeName) && key[AttributeName]![AttributeType] === undefined)
      throw invalid('The provided starting key is invalid: The provided key element does not match the schema');
  return key;
}

/**
 * Partition and sort condition of a Query.
 * @throws AwsError with AWS's text if a condition does not fit the key
 */
function partitionOf(expressions: Expressions, table: Table, schema: Table['KeySchema']): Range {
  const conditions = expressions.keyConditions!;
  const [partition, sort] = keyNames(schema) as [string, string?];
  const count = Object.keys(conditions).length;
  if (!conditions[partition]) throw invalid(`Query condition missed key schema element: ${partition}`);
  if (conditions[partition].ComparisonOperator !== 'EQ' || (count > 1 && !sort) || count > 2) {
    throw invalid('Query key condition not supported');
  }
  if (count === 2 && !conditions[sort!]) throw invalid(`Query condition missed key schema element: ${sort}`);
  for (const [name, { AttributeValueList }] of Object.entries(conditions)) {
    const type = table.AttributeDefinitions.find(definition => definition.AttributeName === name)!.AttributeType;
    if (AttributeValueList.some(value => value[type] === undefined)) {
      throw invalid('One or more parameter values were invalid: Condition parameter type does not match schema type');
    }
  }
  const filtered = keyNames(schema).find(name => expressions.filter?.pathHeads[name]);
  if (filtered) {
    throw invalid(`Filter Expression can only contain non-primary key attributes: Primary key attribute: ${filtered}`);
  }
  const sortCondition = sort && conditions[sort];
  return {
    partition: db.toRangeStr(conditions[partition].AttributeValueList[0]),
    ...(sortCondition
      ? {
          sort: {
            operator: sortCondition.ComparisonOperator,
            values: sortCondition.AttributeValueList.map(value => db.toRangeStr(value)),
          },
        }
      : {}),
  };
}
