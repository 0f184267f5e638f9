/** Tables for the suites of the store, in the stand-in for AWS. */
import { DUE_INDEX } from '../../aws/keys.ts';
import type { Account } from '../../packages/aws-stand-in/src/testing.ts';

let tables = 0;

/** @returns the name of an empty table, as lib/storage.ts synthesises it */
export async function makeTable(account: Account): Promise<string> {
  const hash = (AttributeName: string) => ({ AttributeName, KeyType: 'HASH' });
  const range = (AttributeName: string) => ({ AttributeName, KeyType: 'RANGE' });
  const { ref } = await account.make('AWS::DynamoDB::GlobalTable', `Table${(tables += 1)}`, {
    AttributeDefinitions: [
      { AttributeName: 'pk', AttributeType: 'S' },
      { AttributeName: 'sk', AttributeType: 'S' },
      { AttributeName: 'shard', AttributeType: 'S' },
      { AttributeName: 'dueAt', AttributeType: 'N' },
    ],
    KeySchema: [hash('pk'), range('sk')],
    GlobalSecondaryIndexes: [
      {
        IndexName: DUE_INDEX,
        KeySchema: [hash('shard'), range('dueAt')],
        Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: ['current', 'deletedAt'] },
      },
    ],
    BillingMode: 'PAY_PER_REQUEST',
    Replicas: [{ Region: 'us-east-1' }],
  });
  return ref;
}
