/**
 * DynamoDB: tables with global indexes, conditional writes, queries and write transactions. An
 * index is up to date at once here; on AWS it follows later. Not here: streams, TTL, PartiQL,
 * capacity, and the parameters that expressions replaced.
 *
 * A table's SSE key is accepted, but items are not encrypted with it. Keep no key material in a
 * table.
 */
import { randomUUID } from 'node:crypto';
import * as model from '@aws-sdk/client-dynamodb';
import { openAccess } from './access.ts';
import { invalid } from './expressions.ts';
import { readOperations } from './reads.ts';
import type { Table } from './table.ts';
import { writeOperations } from './writes.ts';
import { refuse, refuseOthers } from '../service/refusal.ts';
import type { Call, ResourceType, ServiceFactory } from '../service/service.ts';

export const dynamodb: ServiceFactory = cloud => {
  const access = openAccess(cloud);
  const { store, tableArn } = access;

  function describeTable({ TableName }: any, call: Call) {
    const table = access.open(call, 'DescribeTable', TableName, []);
    const { created, GlobalSecondaryIndexes, ...description } = table;
    return {
      Table: {
        ...description,
        TableArn: tableArn(table.TableName),
        TableStatus: 'ACTIVE',
        CreationDateTime: new Date(created),
        ItemCount: store.itemCount(table),
        BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
        GlobalSecondaryIndexes: GlobalSecondaryIndexes.map(index => ({
          ...index,
          IndexStatus: 'ACTIVE',
          IndexArn: `${tableArn(table.TableName)}/index/${index.IndexName}`,
        })),
      },
    };
  }

  const globalTable: ResourceType = ({ properties, stackName, logicalId }) => {
    const type = 'AWS::DynamoDB::GlobalTable';
    refuseOthers(type, properties, [
      'TableName',
      'KeySchema',
      'AttributeDefinitions',
      'GlobalSecondaryIndexes',
      'Replicas',
      'BillingMode',
      'SSESpecification',
    ]);
    if (properties.BillingMode !== 'PAY_PER_REQUEST') refuse(`${type}: a billing mode other than PAY_PER_REQUEST`);
    if (properties.Replicas?.length !== 1) refuse(`${type}: more than one replica`);
    refuseOthers(`${type}.Replicas`, properties.Replicas[0], [
      'Region',
      'PointInTimeRecoverySpecification',
      'DeletionProtectionEnabled',
      'SSESpecification',
      'TableClass',
      'Tags',
      'ContributorInsightsSpecification',
      'GlobalSecondaryIndexes',
    ]);
    for (const index of properties.Replicas[0].GlobalSecondaryIndexes ?? []) {
      refuseOthers(`${type}.Replicas.GlobalSecondaryIndexes`, index, ['IndexName']);
    }
    const TableName: string = properties.TableName ?? `${stackName}-${logicalId}`;
    const existing = store.table(TableName);
    const table: Table = {
      TableName,
      TableId: existing?.TableId ?? randomUUID(),
      created: existing?.created ?? cloud.now(),
      KeySchema: properties.KeySchema,
      AttributeDefinitions: properties.AttributeDefinitions,
      GlobalSecondaryIndexes: properties.GlobalSecondaryIndexes ?? [],
    };
    for (const index of table.GlobalSecondaryIndexes) {
      refuseOthers(`${type}.GlobalSecondaryIndexes`, index, ['IndexName', 'KeySchema', 'Projection']);
    }
    if (existing && JSON.stringify(existing.KeySchema) !== JSON.stringify(table.KeySchema)) {
      throw invalid(`${TableName} exists with another key; CloudFormation would replace it and its data`);
    }
    if (JSON.stringify(existing) !== JSON.stringify(table)) store.putTable(table);
    return { ref: TableName, attributes: { Arn: tableArn(TableName), TableId: table.TableId } };
  };

  return {
    name: 'dynamodb',
    model,
    client: 'DynamoDBClient',
    operations: {
      ...readOperations(access),
      ...writeOperations(access),
      DescribeTable: describeTable,
    },
    resources: { 'AWS::DynamoDB::GlobalTable': globalTable },
  };
};
